//! Aggregation as by the Kinesis Producer Library (amazon-kinesis-producer, `aggregation-format.md`).
//!
//! All frames of an aggregate share one partition key, so it stands in the table once, and what takes the aggregate apart
//! finds every frame in the shard where the key belongs. `tapeline_codec::framing::kpl` reads the format.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tapeline_codec::framing::kpl::MAGIC;

const DIGEST_BYTES: usize = 16;
/// Fields of `AggregatedRecord` and `Record`, all of them bytes but for the index: number and wire type.
const PARTITION_KEY_TABLE: u8 = 1 << 3 | 2;
const RECORDS: u8 = 3 << 3 | 2;
const PARTITION_KEY_INDEX: u8 = 1 << 3;
const DATA: u8 = 3 << 3 | 2;

/// Frames that become one record.
#[derive(Debug)]
pub(super) struct Aggregate {
    /// Magic and key table, then the frames.
    record: Vec<u8>,
    /// The first frame: alone it is a record as it stands, as the library has it.
    first: Option<Bytes>,
    frames: usize,
}

impl Aggregate {
    pub(super) fn new(partition_key: &str) -> Self {
        let mut record = MAGIC.to_vec();
        put_bytes(&mut record, PARTITION_KEY_TABLE, partition_key.as_bytes());
        Self { record, first: None, frames: 0 }
    }

    /// Bytes of the record's data with one more frame.
    pub(super) fn bytes_with(&self, frame: &[u8]) -> usize {
        let body = body_bytes(frame.len());
        self.record.len() + 1 + varint_bytes(body) + body + DIGEST_BYTES
    }

    pub(super) fn add(&mut self, frame: Bytes) {
        self.record.push(RECORDS);
        put_varint(&mut self.record, body_bytes(frame.len()));
        self.record.extend_from_slice(&[PARTITION_KEY_INDEX, 0]);
        put_bytes(&mut self.record, DATA, &frame);
        self.frames += 1;
        self.first.get_or_insert(frame);
    }

    pub(super) fn finish(mut self) -> Bytes {
        if let (1, Some(frame)) = (self.frames, self.first) {
            return frame;
        }
        let digest = Md5::digest(self.record.get(MAGIC.len()..).unwrap_or_default());
        self.record.extend_from_slice(&digest);
        self.record.into()
    }
}

/// Bytes of a sub-record: the index of its key, and its data.
const fn body_bytes(frame: usize) -> usize {
    2 + 1 + varint_bytes(frame) + frame
}

/// Seven bits a byte.
const fn varint_bytes(value: usize) -> usize {
    let bits = (usize::BITS - (value | 1).leading_zeros()) as usize;
    bits.div_ceil(7)
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field);
    put_varint(out, bytes.len());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_seven_bits_a_byte() {
        for (value, bytes) in [(0, vec![0]), (127, vec![127]), (128, vec![0x80, 1]), (300, vec![0xac, 2])] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!((out, varint_bytes(value)), (bytes.clone(), bytes.len()));
        }
    }
}
