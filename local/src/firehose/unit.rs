//! What a delivery stream handles one by one: a record of its source, or a part of one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::stream::StreamRecord;

/// One record on its way through a delivery stream.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// The record, or the part of an aggregated one, as it came from the source.
    pub(crate) source: Arc<StreamRecord>,
    /// Its data, where the delivery stream itself has changed that of the source: decompressed, or put into base64.
    pub(crate) changed: Option<Vec<u8>>,
    /// Its place in an aggregated record of the Kinesis Producer Library; `None` when it came alone.
    pub(crate) sub_sequence_number: Option<u32>,
    /// Its place among everything that one record of the source was cut into.
    pub(crate) part: u32,
}

impl Unit {
    /// A record as it came.
    pub(crate) fn whole(record: StreamRecord) -> Self {
        Self { source: Arc::new(record), changed: None, sub_sequence_number: None, part: 0 }
    }

    /// The data that is transformed or delivered.
    pub(crate) fn data(&self) -> &[u8] {
        self.changed.as_deref().unwrap_or(&self.source.data)
    }

    /// The data that is kept when the record fails: as it came, compressed where it was.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.source.data
    }

    /// The same record with other data, as if it had come so.
    pub(crate) fn cut(&self, data: Vec<u8>) -> Self {
        let StreamRecord { arrival, shard_id, sequence_number, partition_key, .. } = self.source.as_ref();
        let source = StreamRecord {
            arrival: *arrival,
            shard_id: shard_id.clone(),
            sequence_number: sequence_number.clone(),
            partition_key: partition_key.clone(),
            data,
        };
        Self { source: Arc::new(source), changed: None, ..*self }
    }

    /// A part of the record's data as a record of its own. Of one that came compressed, what came is kept with each part.
    pub(crate) fn part_of(&self, part: &[u8]) -> Self {
        match self.changed {
            Some(_) => Self { source: Arc::clone(&self.source), changed: Some(part.to_vec()), ..*self },
            None => self.cut(part.to_vec()),
        }
    }

    /// The data once more in base64, as Firehose hands over what it does not cut.
    pub(crate) fn base64(&self) -> Vec<u8> {
        STANDARD.encode(self.data()).into_bytes()
    }
}
