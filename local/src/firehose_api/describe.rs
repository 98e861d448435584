//! `DescribeDeliveryStream`: a configuration with what the service adds to it.
//!
//! The shapes are `DeliveryStreamDescription` and the `DestinationDescription` of each destination; defaults are those of
//! the configurations they describe.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{DESTINATION_ID, Description, DestinationType};

/// Fields that the older description of an S3 destination has as well.
const OF_S3: [&str; 8] = [
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
];

/// `DeliveryStreamDescription`.
pub(super) fn description(stream: &Description) -> Value {
    let mut description = json!({
        "DeliveryStreamName": stream.name,
        "DeliveryStreamARN": stream.arn,
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
        "DeliveryStreamType": stream.kind.name(),
        "VersionId": stream.version.to_string(),
        "CreateTimestamp": seconds(stream.created),
        "Destinations": [destination(stream)],
        "HasMoreDestinations": false,
    });
    if let Some(fields) = description.as_object_mut() {
        if let Some(updated) = stream.updated {
            fields.insert("LastUpdateTimestamp".to_owned(), seconds(updated).into());
        }
        if let Some(source) = &stream.kinesis_source {
            let source = with_defaults(source, json!({"DeliveryStartTimestamp": seconds(stream.created)}));
            fields.insert("Source".to_owned(), json!({"KinesisStreamSourceDescription": source}));
        }
    }
    description
}

/// `DestinationDescription`.
fn destination(stream: &Description) -> Value {
    let configuration = &stream.configuration;
    match stream.destination {
        DestinationType::ExtendedS3 => {
            let extended = extended_s3(configuration);
            json!({
                "DestinationId": DESTINATION_ID,
                "S3DestinationDescription": only(&extended, &OF_S3),
                "ExtendedS3DestinationDescription": extended,
            })
        }
        DestinationType::HttpEndpoint => {
            let description = with_defaults(configuration, json!({"S3BackupMode": "FailedDataOnly"}));
            json!({
                "DestinationId": DESTINATION_ID,
                "HttpEndpointDestinationDescription": without_access_key(beside_s3(description)),
            })
        }
        DestinationType::OpenSearch => {
            let defaults = json!({
                "IndexRotationPeriod": "OneDay",
                "S3BackupMode": "FailedDocumentsOnly",
                "DocumentIdOptions": {"DefaultDocumentIdFormat": "FIREHOSE_DEFAULT"},
            });
            let description = beside_s3(with_defaults(configuration, defaults));
            json!({
                "DestinationId": DESTINATION_ID,
                "AmazonopensearchserviceDestinationDescription": description,
            })
        }
    }
}

/// `ExtendedS3DestinationDescription`.
fn extended_s3(configuration: &Value) -> Map<String, Value> {
    let mut description = s3(configuration);
    description.entry("S3BackupMode").or_insert_with(|| "Disabled".into());
    if let Some(backup) = description.shift_remove("S3BackupConfiguration") {
        description.insert("S3BackupDescription".to_owned(), s3(&backup).into());
    }
    description
}

/// `S3DestinationDescription`.
fn s3(configuration: &Value) -> Map<String, Value> {
    let defaults = json!({
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": false},
    });
    with_defaults(configuration, defaults)
}

/// A destination that is not S3, with the S3 destination of what it does not take.
fn beside_s3(description: Map<String, Value>) -> Map<String, Value> {
    let defaults = json!({
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "RetryOptions": {"DurationInSeconds": 300},
        "CloudWatchLoggingOptions": {"Enabled": false},
    });
    let mut description = with_defaults(&description.into(), defaults);
    let backup = description.shift_remove("S3Configuration").unwrap_or_default();
    description.insert("S3DestinationDescription".to_owned(), s3(&backup).into());
    description
}

/// `HttpEndpointDescription` has no access key.
fn without_access_key(mut description: Map<String, Value>) -> Map<String, Value> {
    if let Some(endpoint) = description.get_mut("EndpointConfiguration").and_then(Value::as_object_mut) {
        endpoint.shift_remove("AccessKey");
    }
    description
}

/// A configuration, and of the defaults what it leaves out. Buffering hints are two, each of which may be left out.
fn with_defaults(configuration: &Value, defaults: Value) -> Map<String, Value> {
    let mut fields = configuration.as_object().cloned().unwrap_or_default();
    let Value::Object(defaults) = defaults else { return fields };
    for (key, default) in defaults {
        match fields.get(&key) {
            Some(hints) if key == "BufferingHints" => {
                let hints = with_defaults(hints, default);
                fields.insert(key, hints.into());
            }
            Some(_) => {}
            None => {
                fields.insert(key, default);
            }
        }
    }
    fields
}

/// These fields alone.
fn only(fields: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let of_keys = fields.iter().filter(|(key, _)| keys.contains(&key.as_str()));
    of_keys.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Seconds since the epoch, with milliseconds, as AWS's JSON services write times.
fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}
