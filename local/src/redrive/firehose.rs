//! Records into a delivery stream that producers put into.

use aws_sdk_firehose::Client;
use aws_sdk_firehose::error::BuildError;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;

use super::destination::{Destination, Keyed, Limits, PutError, Refusal};

/// What `PutRecordBatch` takes. A delivery stream has no keys and promises no order.
const LIMITS: Limits =
    Limits { records: 500, bytes: 4 * 1024 * 1024, record_bytes: 1000 * 1024, has_keys: false };

/// A delivery stream.
pub(super) struct DeliveryStream {
    /// The client.
    pub(super) client: Client,
    /// Name of the delivery stream.
    pub(super) name: String,
}

impl Destination for DeliveryStream {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[&Keyed]) -> Result<Vec<Option<Refusal>>, PutError> {
        let entries: Vec<_> = records.iter().map(|record| entry(record)).collect::<Result<_, _>>()?;
        let call = self.client.put_record_batch().delivery_stream_name(&self.name).set_records(Some(entries));
        // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
        let results = Box::pin(call.send()).await?.request_responses.into_iter();
        Ok(results.map(|result| Refusal::of(result.error_code, result.error_message)).collect())
    }
}

fn entry(record: &Keyed) -> Result<Record, BuildError> {
    Record::builder().data(Blob::new(record.data.clone())).build()
}
