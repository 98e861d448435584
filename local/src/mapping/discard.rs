//! The documents that Lambda keeps of records it gave up: one for each batch, in the on-failure destination.
//!
//! Key and content are those of "Retain discarded batch records for a Kinesis Data Streams event source in Lambda": a
//! bucket gets the event with them, queues and topics are told what it was alone. The UUIDs are random there; here they
//! follow from what the document is, so that the same run gives the same names.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::batch::Batch;
use super::on_failure::OnFailure;
use super::settings::Settings;
use crate::bucket::PutError;

/// Why records were given up: `condition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// They were tried as often as the mapping says.
    RetryAttemptsExhausted,
    /// They were older than the mapping says. The guide does not show the service's name of this condition.
    RecordAgeExpired,
}

impl Condition {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExpired => "RecordAgeExpired",
        }
    }
}

/// Records that are given up.
#[derive(Debug)]
pub(super) struct Discard<'a> {
    /// The records.
    pub(super) batch: &'a Batch,
    /// Their shard.
    pub(super) shard_id: &'a str,
    /// Why.
    pub(super) condition: Condition,
    /// When.
    pub(super) now: Timestamp,
    /// Running number of the mapping's discarded batches.
    pub(super) number: u64,
}

impl Discard<'_> {
    /// Keeps the records, or what they were, in the destination.
    ///
    /// # Errors
    /// When the document cannot be written.
    pub(super) fn keep(&self, settings: &Settings, destination: &OnFailure) -> Result<(), PutError> {
        let mut document = self.document(settings);
        match destination {
            OnFailure::S3(bucket) => {
                let payload = String::from_utf8_lossy(&self.batch.event()).into_owned();
                if let Value::Object(fields) = &mut document {
                    fields.insert("payload".to_owned(), Value::String(payload));
                }
                bucket.put(&self.key(settings), document.to_string().as_bytes())
            }
            OnFailure::Queue(messages) | OnFailure::Topic(messages) => {
                messages.send(document.to_string().as_bytes())
            }
        }
    }

    /// The object's key.
    fn key(&self, settings: &Settings) -> String {
        let (mapping, shard_id) = (settings.uuid, self.shard_id);
        let time = self.now.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
        format!("aws/lambda/{mapping}/{shard_id}/{time}-{}", self.uuid(settings, "object"))
    }

    /// What the records were, without them.
    fn document(&self, settings: &Settings) -> Value {
        let Batch { entries, invocations, is_error, .. } = self.batch;
        let (first, last) = (entries.first(), entries.last());
        // A batch that was never handed over has no response.
        let response = (*invocations > 0).then(|| {
            let error = is_error.then_some("Unhandled");
            json!({"statusCode": 200, "executedVersion": "$LATEST", "functionError": error})
        });
        json!({
            "requestContext": {
                "requestId": self.uuid(settings, "request").to_string(),
                "functionArn": settings.function_arn,
                "condition": self.condition.as_str(),
                "approximateInvokeCount": invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": iso_8601(self.now),
            "KinesisBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": first.map(|entry| &entry.sequence_number),
                "endSequenceNumber": last.map(|entry| &entry.sequence_number),
                "approximateArrivalOfFirstRecord": first.map(|entry| iso_8601(entry.arrival)),
                "approximateArrivalOfLastRecord": last.map(|entry| iso_8601(entry.arrival)),
                "batchSize": entries.len(),
                "streamArn": settings.stream_arn,
            },
        })
    }

    fn uuid(&self, settings: &Settings, what: &str) -> Uuid {
        Uuid::new_v5(&settings.uuid, format!("{what}\n{}", self.number).as_bytes())
    }
}

/// `2019-11-14T00:38:06.021Z`.
fn iso_8601(time: Timestamp) -> String {
    format!("{time:.3}")
}
