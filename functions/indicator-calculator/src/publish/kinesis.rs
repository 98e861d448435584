//! Rows into a Kinesis data stream.
//!
//! `PutRecords` takes some records of a call and refuses others (a shard has its limits), so what was refused goes
//! again, alone. Calls go one after another: records of one partition key stay in their order unless some are refused.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use thiserror::Error;

use super::{OutputRecord, PublishError, Publisher};
use crate::backoff::Backoff;

/// Records of one `PutRecords`; the service takes no more.
const RECORDS_PER_CALL_MAX: usize = 500;

/// Bytes of one `PutRecords`, keys included. The service takes 10 MiB by now; endpoints for tests still take the 5 MiB
/// that it took before, and larger calls would save nothing: a row has about two kilobytes.
const BYTES_PER_CALL_MAX: usize = 5 * 1024 * 1024;

/// Publishes to a Kinesis data stream.
#[derive(Debug, Clone)]
pub struct KinesisStream {
    client: Client,
    stream: String,
}

/// A record with its place among those to publish.
type Placed<'r> = (usize, &'r OutputRecord);

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the stream did not take a record, though the call succeeded.
#[derive(Debug, Error)]
enum Refusal {
    #[error("expected the stream to take the record, was {code}: {message}")]
    Code { code: String, message: String },
    #[error("expected one result for each record, some are missing")]
    Missing,
    #[error("expected time left for another call")]
    Time,
}

/// The records that one round could not publish.
#[derive(Debug, Default)]
struct Refused<'r> {
    records: Vec<Placed<'r>>,
    /// The last cause; there if there are records.
    cause: Option<Cause>,
}

impl<'r> Refused<'r> {
    fn add(&mut self, records: impl IntoIterator<Item = Placed<'r>>, cause: impl Into<Cause>) {
        self.records.extend(records);
        self.cause = Some(cause.into());
    }
}

impl KinesisStream {
    /// Opens a stream, which must exist.
    pub(crate) const fn new(client: Client, stream: String) -> Self {
        Self { client, stream }
    }

    /// Puts no records, once, to open a connection. The stream refuses that, and it is the only call that the function
    /// may make and that changes nothing.
    pub(crate) async fn touch(&self) {
        let call = self.client.put_records().stream_name(&self.stream).set_records(Some(Vec::new()));
        let once = aws_sdk_kinesis::config::Builder::new().retry_config(RetryConfig::disabled());
        // Whatever is answered, the connection is there, or will not be.
        let _ = Box::pin(call.customize().config_override(once).send()).await;
    }

    /// Tries each record once.
    async fn round<'r>(&self, mut records: &[Placed<'r>], backoff: &Backoff) -> Refused<'r> {
        let mut refused = Refused::default();
        while !records.is_empty() {
            if !backoff.has_time() {
                refused.add(records.iter().copied(), Refusal::Time);
                return refused;
            }
            let (call, rest) = records.split_at(call_len(records));
            self.put(call, &mut refused).await;
            records = rest;
        }
        refused
    }

    /// Makes one call; an error of the call as a whole counts for each of its records.
    async fn put<'r>(&self, records: &[Placed<'r>], refused: &mut Refused<'r>) {
        let entries: Result<Vec<_>, _> = records.iter().map(|(_, record)| entry(record)).collect();
        let call = self.client.put_records().stream_name(&self.stream);
        let answer = match entries {
            // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
            Ok(entries) => Box::pin(call.set_records(Some(entries)).send()).await,
            Err(cause) => return refused.add(records.iter().copied(), cause),
        };
        match answer {
            Ok(answer) => {
                let mut results = answer.records.into_iter();
                for &record in records {
                    if let Some(refusal) = refusal(results.next()) {
                        refused.add([record], refusal);
                    }
                }
            }
            Err(cause) => refused.add(records.iter().copied(), cause),
        }
    }
}

impl Publisher for KinesisStream {
    async fn publish(&self, records: &[OutputRecord]) -> Result<(), PublishError> {
        let mut backoff = Backoff::start();
        let mut pending: Vec<Placed<'_>> = records.iter().enumerate().collect();
        loop {
            let Refused { records, cause } = self.round(&pending, &backoff).await;
            let Some(source) = cause else { return Ok(()) };
            if !backoff.pause().await {
                let places = records.iter().map(|(place, _)| *place).collect();
                return Err(PublishError { places, source });
            }
            pending = records;
        }
    }
}

/// How many of the records go into one call: at least one, which the service refuses if it is too large.
fn call_len(records: &[Placed<'_>]) -> usize {
    let mut bytes = 0;
    let fitting = records.iter().take(RECORDS_PER_CALL_MAX).take_while(|(_, record)| {
        bytes += record.partition_key.len() + record.data.len();
        bytes <= BYTES_PER_CALL_MAX
    });
    fitting.count().max(1)
}

fn entry(record: &OutputRecord) -> Result<PutRecordsRequestEntry, aws_sdk_kinesis::error::BuildError> {
    let entry = PutRecordsRequestEntry::builder().partition_key(&record.partition_key);
    entry.data(Blob::new(record.data.clone())).build()
}

/// Why a record was refused; `None` if it was taken.
fn refusal(result: Option<PutRecordsResultEntry>) -> Option<Refusal> {
    let Some(result) = result else { return Some(Refusal::Missing) };
    let code = result.error_code?;
    Some(Refusal::Code { code, message: result.error_message.unwrap_or_default() })
}

#[cfg(test)]
mod tests;
