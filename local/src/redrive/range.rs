//! Records of which a document only tells where they are, read from their stream as long as it has them.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_kinesis::types::ShardIteratorType;
use thiserror::Error;

use super::document::{Range, Record, SequenceNumber};

/// Calls for one range. Kinesis may answer with no records although there are some behind; a call goes through hundreds of
/// megabytes of them.
const CALLS_MAX: u32 = 1000;
/// Records of a range: those of one event, and those between them that filters left out.
const RECORDS_MAX: usize = 100_000;

/// The stream cannot be read.
#[derive(Debug, Error)]
#[error("cannot read the records of {shard_id} of the stream {stream}")]
pub(crate) struct RangeError {
    stream: String,
    shard_id: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The streams that may still have the records.
pub(super) struct Ranges {
    /// The client.
    pub(super) client: Client,
}

impl Ranges {
    /// Reads what is left of a range: nothing where the stream or the shard is gone, and not its beginning where that is
    /// older than the stream keeps.
    ///
    /// # Errors
    /// When the stream cannot be asked.
    pub(super) async fn read(&self, range: &Range) -> Result<Vec<Record>, RangeError> {
        let failed =
            |source| RangeError { stream: range.stream.clone(), shard_id: range.shard_id.clone(), source };
        let mut iterator = self.begin(range).await.map_err(failed)?;
        let mut found = Vec::new();
        for _ in 0..CALLS_MAX {
            let Some(from) = iterator.take() else { break };
            let answer = Box::pin(self.client.get_records().shard_iterator(from).send()).await;
            let answer = answer.map_err(|error| failed(error.into()))?;
            let is_at_end = answer.records.is_empty() && answer.millis_behind_latest.unwrap_or(0) == 0;
            for record in answer.records {
                let number = SequenceNumber::new(&record.sequence_number);
                if number > range.last || found.len() == RECORDS_MAX {
                    return Ok(found);
                }
                if number >= range.first {
                    let partition_key = record.partition_key.filter(|key| !key.is_empty());
                    found.push(Record { partition_key, data: record.data.into_inner() });
                }
                if number == range.last {
                    return Ok(found);
                }
            }
            iterator = answer.next_shard_iterator.filter(|_| !is_at_end);
        }
        Ok(found)
    }

    /// Where reading begins; `None` where there is nothing to read any more.
    async fn begin(&self, range: &Range) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        let call = self.client.get_shard_iterator().stream_name(&range.stream).shard_id(&range.shard_id);
        let call = call.shard_iterator_type(ShardIteratorType::AtSequenceNumber);
        let call = call.starting_sequence_number(range.first.as_str());
        match Box::pin(call.send()).await {
            Ok(answer) => Ok(answer.shard_iterator),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the service says that there is no such stream, shard or sequence number.
fn is_gone<R>(error: &SdkError<GetShardIteratorError, R>) -> bool {
    let error = error.as_service_error();
    error
        .is_some_and(|error| error.is_resource_not_found_exception() || error.is_invalid_argument_exception())
}
