//! Records into a Kinesis data stream.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::BuildError;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

use super::destination::{Destination, Keyed, Limits, PutError, Refusal};

/// `PutRecords` takes 500 records and 10 MiB by now; endpoints for tests still take the 5 MiB that it took before. A record
/// has 1 MiB unless the stream is set to take more.
const LIMITS: Limits =
    Limits { records: 500, bytes: 5 * 1024 * 1024, record_bytes: 1024 * 1024, has_keys: true };

/// A data stream.
pub(super) struct DataStream {
    /// The client.
    pub(super) client: Client,
    /// Name of the stream.
    pub(super) name: String,
}

impl Destination for DataStream {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[&Keyed]) -> Result<Vec<Option<Refusal>>, PutError> {
        let entries: Vec<_> = records.iter().map(|record| entry(record)).collect::<Result<_, _>>()?;
        let call = self.client.put_records().stream_name(&self.name).set_records(Some(entries));
        // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
        let results = Box::pin(call.send()).await?.records.into_iter();
        Ok(results.map(|result| Refusal::of(result.error_code, result.error_message)).collect())
    }
}

fn entry(record: &Keyed) -> Result<PutRecordsRequestEntry, BuildError> {
    let entry = PutRecordsRequestEntry::builder().partition_key(&record.partition_key);
    entry.data(Blob::new(record.data.clone())).build()
}
