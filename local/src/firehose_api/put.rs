//! `PutRecord` and `PutRecordBatch`.

use std::borrow::Cow;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Check;
use super::{ApiError, DeliveryStreams, StreamType, found, read};

/// Most bytes of a record before base64: 1,000 KiB.
const RECORD_BYTES_MAX: usize = 1_024_000;
/// Most records of a batch.
const BATCH_RECORDS_MAX: usize = 500;
/// Most bytes of a batch's records before base64: 4 MiB.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Takes one record.
pub(super) async fn put_record<D: DeliveryStreams>(streams: &D, body: &[u8]) -> Result<Value, ApiError> {
    let request: PutRecord<'_> = read(body)?;
    let name = request.delivery_stream_name.as_ref().map(Text::get);
    let mut check = Check::default();
    check.name("deliveryStreamName", name);
    check.present("record", request.record.is_some());
    let record = request.record.map(|record| record.decoded("record", &mut check)).transpose()?;
    check.finish()?;
    let name = of_producers(streams, name)?;
    let ids = streams.put(name, record.into_iter().collect()).await?;
    let id = ids.into_iter().next().ok_or(ApiError::Unavailable)?;
    Ok(json!({"RecordId": id, "Encrypted": false}))
}

/// Takes records, each by itself: one that is not taken is told in its entry of the answer.
pub(super) async fn put_record_batch<D: DeliveryStreams>(
    streams: &D,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: PutRecordBatch<'_> = read(body)?;
    let name = request.delivery_stream_name.as_ref().map(Text::get);
    let mut check = Check::default();
    check.name("deliveryStreamName", name);
    check.present("records", request.records.is_some());
    let records = request.records.unwrap_or_default();
    check.length("records", records.len(), (1, BATCH_RECORDS_MAX));
    let records = records.iter().enumerate().map(|(index, record)| {
        // The service counts from one.
        record.decoded(&format!("records.{}.member", index + 1), &mut check)
    });
    let records: Vec<Bytes> = records.collect::<Result<_, _>>()?;
    check.finish()?;
    if records.iter().map(Bytes::len).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(ApiError::InvalidArgument("Records size exceeds 4 MB limit".to_owned()));
    }
    let name = of_producers(streams, name)?;
    let put = records.len();
    match streams.put(name, records).await {
        Ok(ids) => Ok(entries(ids, put)),
        Err(ApiError::Unavailable) => Ok(entries(Vec::new(), put)),
        Err(error) => Err(error),
    }
}

/// The answer to a batch of which records were taken, from the first one on.
fn entries(ids: Vec<String>, put: usize) -> Value {
    let failed = put.saturating_sub(ids.len());
    let refusal = ApiError::Unavailable;
    let refusal = json!({"ErrorCode": refusal.name(), "ErrorMessage": refusal.to_string()});
    let taken = ids.into_iter().map(|id| json!({"RecordId": id}));
    let entries: Vec<Value> = taken.chain(std::iter::repeat_n(refusal, failed)).collect();
    json!({"FailedPutCount": failed, "Encrypted": false, "RequestResponses": entries})
}

/// The name of a delivery stream, if producers put its records.
fn of_producers<'n, D: DeliveryStreams>(streams: &D, name: Option<&'n str>) -> Result<&'n str, ApiError> {
    let name = name.unwrap_or_default();
    match found(streams, name)?.kind {
        StreamType::DirectPut => Ok(name),
        kind @ StreamType::KinesisStreamAsSource => Err(ApiError::InvalidArgument(format!(
            "This operation is not permitted on {} delivery stream type.",
            kind.name()
        ))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord<'b> {
    #[serde(borrow)]
    delivery_stream_name: Option<Text<'b>>,
    #[serde(borrow)]
    record: Option<Record<'b>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordBatch<'b> {
    #[serde(borrow)]
    delivery_stream_name: Option<Text<'b>>,
    #[serde(borrow)]
    records: Option<Vec<Record<'b>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'b> {
    #[serde(borrow)]
    data: Option<Text<'b>>,
}

/// A text that is copied only if it has escapes. A type of its own, since `serde` borrows no optional `Cow`.
#[derive(Deserialize)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

impl Text<'_> {
    fn get(&self) -> &str {
        &self.0
    }
}

impl Record<'_> {
    /// The record's bytes.
    fn decoded(&self, field: &str, check: &mut Check) -> Result<Bytes, ApiError> {
        let field = format!("{field}.data");
        check.present(&field, self.data.is_some());
        let data = self.data.as_ref().map(Text::get).unwrap_or_default();
        let bytes = STANDARD.decode(data).map_err(|error| {
            ApiError::Serialization(serde::de::Error::custom(format!("`{field}` must be base64: {error}")))
        })?;
        check.length(&field, bytes.len(), (0, RECORD_BYTES_MAX));
        Ok(bytes.into())
    }
}
