//! `CreateDeliveryStream` and `UpdateDestination`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::check::Check;
use super::{
    ApiError, DESTINATION_ID, DeliveryStreams, Description, DestinationType, StreamType, found, read,
};

/// Types of delivery streams that the model has.
pub(super) const TYPES: [&str; 4] = ["DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"];
/// Most delivery streams, those of the template included. AWS lets an account have 5,000; here each may hold a buffer
/// of 128 MB.
const STREAMS_MAX: usize = 50;
/// Parts of a destination configuration that an update calls otherwise.
const RENAMED: [(&str, &str); 2] =
    [("S3Update", "S3Configuration"), ("S3BackupUpdate", "S3BackupConfiguration")];

/// Creates a delivery stream and gives its ARN.
pub(super) async fn create<D: DeliveryStreams>(streams: &D, request: &Value) -> Result<String, ApiError> {
    let text = |field: &str| request.get(field).and_then(Value::as_str);
    let name = text("DeliveryStreamName");
    let kind = text("DeliveryStreamType");
    let mut check = Check::default();
    check.name("deliveryStreamName", name);
    check.one_of("deliveryStreamType", kind, &TYPES);
    check.finish()?;
    check_source(request, kind)?;
    if keys_with(request, "DestinationConfiguration").count() != 1 {
        return Err(invalid("Exactly one destination configuration is supported for a Firehose"));
    }
    let name = name.unwrap_or_default();
    if streams.describe(name).is_some() {
        return Err(ApiError::InUse { name: name.to_owned() });
    }
    if streams.list().len() >= STREAMS_MAX {
        return Err(ApiError::LimitExceeded(format!(
            "You have already consumed your firehose quota of {STREAMS_MAX} hoses."
        )));
    }
    streams.create(request).await
}

/// A source has to be there exactly if the type says so.
fn check_source(request: &Value, kind: Option<&str>) -> Result<(), ApiError> {
    let source = request.get("KinesisStreamSourceConfiguration").filter(|source| !source.is_null());
    match kind.unwrap_or("DirectPut") {
        "DirectPut" if source.is_none() => Ok(()),
        "DirectPut" => Err(invalid(
            "KinesisStreamSourceConfig is only applicable for KinesisStreamAsSource stream type.",
        )),
        "KinesisStreamAsSource" => {
            let source = source.ok_or_else(|| {
                invalid("Missing delivery stream source configuration: KinesisStreamSourceConfiguration")
            })?;
            let mut check = Check::default();
            let arn = source.get("KinesisStreamARN").is_some_and(Value::is_string);
            check.present("kinesisStreamSourceConfiguration.kinesisStreamARN", arn);
            check.finish()
        }
        other => Err(ApiError::InvalidArgument(format!(
            "expected a delivery stream of type DirectPut or KinesisStreamAsSource on this machine, was {other}"
        ))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    delivery_stream_name: Option<String>,
    current_delivery_stream_version_id: Option<String>,
    destination_id: Option<String>,
}

/// Changes the destination of a delivery stream.
pub(super) async fn update<D: DeliveryStreams>(streams: &D, body: &[u8]) -> Result<Value, ApiError> {
    let request: Value = read(body)?;
    let fields: Update = read(body)?;
    let mut check = Check::default();
    check.name("deliveryStreamName", fields.delivery_stream_name.as_deref());
    check.version("currentDeliveryStreamVersionId", fields.current_delivery_stream_version_id.as_deref());
    check.text("destinationId", fields.destination_id.as_deref(), 100);
    check.finish()?;
    let stream = found(streams, fields.delivery_stream_name.as_deref().unwrap_or_default())?;
    let given = fields.current_delivery_stream_version_id.unwrap_or_default();
    if given.parse() != Ok(stream.version) {
        return Err(ApiError::VersionMismatch { name: stream.name, current: stream.version, given });
    }
    let destination = fields.destination_id.unwrap_or_default();
    if destination != DESTINATION_ID {
        return Err(ApiError::InvalidArgument(format!("Destination Id {destination} not found")));
    }
    streams.update(&changed(&stream, &request)?).await?;
    Ok(json!({}))
}

/// The request that would create a delivery stream as it is after an update.
fn changed(stream: &Description, request: &Value) -> Result<Value, ApiError> {
    let one = "Exactly one destination update is supported for a Firehose";
    let mut updates = keys_with(request, "DestinationUpdate");
    let (Some(key), None) = (updates.next(), updates.next()) else { return Err(invalid(one)) };
    let kind = key.trim_end_matches("DestinationUpdate");
    // The shorter form of the same destination.
    let kind = if kind == "S3" { DestinationType::ExtendedS3.name() } else { kind };
    let is_open_search = |kind: &str| kind == DestinationType::OpenSearch.name();
    let current = stream.destination.name();
    if kind != current && (is_open_search(kind) || is_open_search(current)) {
        return Err(invalid(
            "Switching between Amazon OpenSearch Service and other services is not supported",
        ));
    }
    let update = request.get(key).and_then(Value::as_object).ok_or_else(|| invalid(one))?;
    let configuration = if kind == current { stream.configuration.as_object() } else { None };
    let configuration = merged(configuration.cloned().unwrap_or_default(), update);
    let mut changed = json!({
        "DeliveryStreamName": stream.name,
        "DeliveryStreamType": stream.kind.name(),
        format!("{kind}DestinationConfiguration"): configuration,
    });
    if let (StreamType::KinesisStreamAsSource, Some(source)) = (stream.kind, &stream.kinesis_source)
        && let Some(fields) = changed.as_object_mut()
    {
        fields.insert("KinesisStreamSourceConfiguration".to_owned(), source.clone());
    }
    Ok(changed)
}

/// What an update leaves unsaid stays as it is.
fn merged(mut configuration: Map<String, Value>, update: &Map<String, Value>) -> Map<String, Value> {
    for (key, value) in update {
        let renamed = RENAMED.iter().find(|(in_update, _)| in_update == key);
        let Some((_, key)) = renamed else {
            configuration.insert(key.clone(), value.clone());
            continue;
        };
        let before = configuration.get(*key).and_then(Value::as_object).cloned().unwrap_or_default();
        let nothing = Map::new();
        let part = merged(before, value.as_object().unwrap_or(&nothing));
        configuration.insert((*key).to_owned(), part.into());
    }
    configuration
}

/// Fields of a request whose name ends so, but for those that are null.
fn keys_with<'r>(request: &'r Value, end: &'static str) -> impl Iterator<Item = &'r str> {
    let fields = request.as_object().into_iter().flatten();
    fields.filter(move |(key, value)| key.ends_with(end) && !value.is_null()).map(|(key, _)| key.as_str())
}

fn invalid(text: &str) -> ApiError {
    ApiError::InvalidArgument(text.to_owned())
}
