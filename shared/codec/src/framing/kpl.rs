//! Records that the Kinesis Producer Library aggregated into one.
//!
//! Format: the magic `F3 89 9A C2`, a protobuf `AggregatedRecord`, and the MD5 of that protobuf
//! (amazon-kinesis-producer, `aggregation-format.md`). Anything with another magic, too short, or with another
//! checksum is a plain record. Sub-records are slices of the input; nothing is copied.

use md5::{Digest as _, Md5};
use thiserror::Error;

/// What every aggregated record begins with.
pub const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES: usize = 16;
/// The most keys a table may hold: one for each sub-record of a full record.
const KEYS_MAX: usize = super::FRAMES_MAX;

/// The content of an aggregated record contradicts its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KplError {
    /// The protobuf does not parse.
    #[error("expected {expected} at byte {at} of the message")]
    Protobuf {
        /// What should have stood there.
        expected: &'static str,
        /// Byte offset in the protobuf message, or in the sub-record.
        at: usize,
    },
    /// A sub-record names a key that the table does not have.
    #[error("expected a key index below {keys}, was {index}")]
    KeyIndex {
        /// The index found.
        index: u64,
        /// Keys in the table.
        keys: usize,
    },
    /// A sub-record misses a required field.
    #[error("expected a sub-record with `{field}`")]
    Missing {
        /// The field's name in the format.
        field: &'static str,
    },
}

/// One record of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubRecord<'a> {
    /// The partition key under which it was put.
    pub partition_key: &'a [u8],
    /// Its bytes.
    pub data: &'a [u8],
}

/// The sub-records of an aggregate, in the order in which they were put; the position is the sub-sequence number.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    keys: Vec<&'a [u8]>,
    explicit_hash_keys: usize,
    fields: Fields<'a>,
    error: Option<KplError>,
}

/// Opens an aggregated record; `None` if the bytes are a plain one.
pub fn records(data: &[u8]) -> Option<Records<'_>> {
    let body = data.strip_prefix(&MAGIC)?;
    let (message, digest) = body.split_at_checked(body.len().checked_sub(DIGEST_BYTES)?)?;
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    let mut records = Records {
        keys: Vec::new(),
        explicit_hash_keys: 0,
        fields: Fields { bytes: message, at: 0 },
        error: None,
    };
    records.error = records.read_tables().err();
    Some(records)
}

impl<'a> Records<'a> {
    /// Reads both key tables: the format lets them stand anywhere, so one pass goes ahead of the sub-records.
    fn read_tables(&mut self) -> Result<(), KplError> {
        let mut fields = self.fields.clone();
        while let Some(field) = fields.next()? {
            match field {
                (1, FieldValue::Bytes(_)) if self.keys.len() == KEYS_MAX => {
                    return Err(KplError::Protobuf { expected: "fewer partition keys", at: fields.at });
                }
                (1, FieldValue::Bytes(key)) => self.keys.push(key),
                (2, FieldValue::Bytes(_)) => self.explicit_hash_keys += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn next_record(&mut self) -> Result<Option<SubRecord<'a>>, KplError> {
        if let Some(error) = self.error.take() {
            self.fields.at = self.fields.bytes.len();
            return Err(error);
        }
        while let Some(field) = self.fields.next()? {
            if let (3, FieldValue::Bytes(record)) = field {
                return self.sub_record(record).map(Some);
            }
        }
        Ok(None)
    }

    fn sub_record(&self, bytes: &'a [u8]) -> Result<SubRecord<'a>, KplError> {
        let (mut key, mut data) = (None, None);
        let mut fields = Fields { bytes, at: 0 };
        while let Some(field) = fields.next()? {
            match field {
                (1, FieldValue::Varint(index)) => key = Some(index),
                (2, FieldValue::Varint(index)) if at(index) >= self.explicit_hash_keys => {
                    return Err(KplError::KeyIndex { index, keys: self.explicit_hash_keys });
                }
                (3, FieldValue::Bytes(found)) => data = Some(found),
                _ => {}
            }
        }
        let index = key.ok_or(KplError::Missing { field: "partition_key_index" })?;
        let data = data.ok_or(KplError::Missing { field: "data" })?;
        let partition_key = self.keys.get(at(index)).copied();
        let partition_key = partition_key.ok_or(KplError::KeyIndex { index, keys: self.keys.len() })?;
        Ok(SubRecord { partition_key, data })
    }
}

/// A table position; an index that no address space holds is out of every table's range.
fn at(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<SubRecord<'a>, KplError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.next_record().transpose();
        if let Some(Err(_)) = record {
            self.fields.at = self.fields.bytes.len();
        }
        record
    }
}

enum FieldValue<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a protobuf message, with just the wire types of proto2 that can be passed over.
#[derive(Debug, Clone)]
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, FieldValue<'a>)>, KplError> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => FieldValue::Varint(self.varint()?),
            1 => self.take(8).map(|_| FieldValue::Fixed)?,
            2 => {
                let length = self.varint()?;
                FieldValue::Bytes(self.take(at(length))?)
            }
            5 => self.take(4).map(|_| FieldValue::Fixed)?,
            _ => return Err(self.error("a field of a known wire type")),
        };
        Ok(Some((tag >> 3, value)))
    }

    /// Seven bits a byte, lowest first, at most ten bytes.
    fn varint(&mut self) -> Result<u64, KplError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.error("a number")) };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("a number of at most ten bytes"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], KplError> {
        let end = self.at.saturating_add(length);
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.error("as many bytes as announced"))?;
        self.at = end;
        Ok(taken)
    }

    const fn error(&self, expected: &'static str) -> KplError {
        KplError::Protobuf { expected, at: self.at }
    }
}

/// Aggregates records, each given as partition key and data.
///
/// The producer's side of the format: what samples, tests and a feed put into a stream.
pub fn aggregate(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (key, _) in records {
        put_bytes(&mut message, 1, key.as_bytes());
    }
    for (index, (_, data)) in records.iter().enumerate() {
        let mut record = vec![1 << 3];
        put_varint(&mut record, index as u64);
        put_bytes(&mut record, 3, data);
        put_bytes(&mut message, 3, &record);
    }
    let digest = Md5::digest(&message);
    [&MAGIC[..], &message, &digest].concat()
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        // The low seven bits, and the mark that more follow.
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [last, ..] = value.to_le_bytes();
    out.push(last);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Magic and checksum around a message written by hand.
    fn framed(message: &[u8]) -> Vec<u8> {
        [&MAGIC[..], message, &Md5::digest(message)].concat()
    }

    fn first_error(message: &[u8]) -> KplError {
        records(&framed(message)).unwrap().find_map(Result::err).unwrap()
    }

    #[test]
    fn the_documented_layout_is_read() {
        // partition_key_table: "k0", "k1"; records: {index 1, data "A"}, {index 0, data "BC"}.
        let message = b"\x0a\x02k0\x0a\x02k1\x1a\x05\x08\x01\x1a\x01A\x1a\x06\x08\x00\x1a\x02BC";
        let data = framed(message);
        let found: Vec<_> = records(&data).unwrap().map(Result::unwrap).collect();
        let expected = [(&b"k1"[..], &b"A"[..]), (b"k0", b"BC")];
        assert_eq!(found, expected.map(|(partition_key, data)| SubRecord { partition_key, data }));
    }

    #[test]
    fn tables_behind_the_records_and_unknown_fields_are_read() {
        // record {index 0, data "A", tags}, unknown fixed32 field 9, then partition_key_table: "k".
        let message = b"\x1a\x07\x08\x00\x1a\x01A\x22\x00\x4d\x01\x02\x03\x04\x0a\x01k";
        assert_eq!(records(&framed(message)).unwrap().map(Result::unwrap).count(), 1);
    }

    #[test]
    fn other_magic_length_or_checksum_is_a_plain_record() {
        let good = aggregate(&[("k", b"{}")]);
        assert!(records(&good).is_some());
        let mut wrong = good.clone();
        wrong[4] ^= 1;
        for data in [&good[1..], &good[..10], &wrong, b""] {
            assert!(records(data).is_none());
        }
    }

    #[test]
    fn a_key_index_out_of_range_is_an_error_of_the_record() {
        assert_eq!(
            first_error(b"\x0a\x01k\x1a\x05\x08\x01\x1a\x01A"),
            KplError::KeyIndex { index: 1, keys: 1 }
        );
        let explicit = b"\x0a\x01k\x1a\x07\x08\x00\x10\x00\x1a\x01A";
        assert_eq!(first_error(explicit), KplError::KeyIndex { index: 0, keys: 0 });
    }

    #[test]
    fn damaged_messages_are_errors() {
        assert_eq!(
            first_error(b"\x0a\x7fk"),
            KplError::Protobuf { expected: "as many bytes as announced", at: 2 }
        );
        assert_eq!(
            first_error(b"\x0b"),
            KplError::Protobuf { expected: "a field of a known wire type", at: 1 }
        );
        assert_eq!(
            first_error(&[0xff; 11]),
            KplError::Protobuf { expected: "a number of at most ten bytes", at: 10 }
        );
        assert_eq!(first_error(b"\x0a\x01k\x1a\x02\x08\x00"), KplError::Missing { field: "data" });
        assert_eq!(first_error(b"\x1a\x00"), KplError::Missing { field: "partition_key_index" });
    }

    proptest! {
        #[test]
        fn aggregates_read_back(parts in prop::collection::vec(("[a-z|]{1,8}", prop::collection::vec(any::<u8>(), 0..300)), 0..20)) {
            let parts: Vec<_> = parts.iter().map(|(key, data)| (key.as_str(), data.as_slice())).collect();
            let data = aggregate(&parts);
            let found: Vec<_> = records(&data).unwrap().map(Result::unwrap).collect();
            let expected: Vec<_> = parts
                .iter()
                .map(|(key, data)| SubRecord { partition_key: key.as_bytes(), data })
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_message_is_answered(message in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(records(&framed(&message)).unwrap().count() <= message.len() + 1);
        }
    }
}
