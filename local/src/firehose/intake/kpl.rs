//! Records of a Kinesis stream that its producers have aggregated.

use tapeline_codec::framing::{FRAMES_MAX, kpl};

use crate::firehose::unit::Unit;
use crate::stream::StreamRecord;

/// Takes an aggregated record apart; `None` for a plain one. One that contradicts its format counts as plain, so that
/// nothing of it is lost; so does one of more parts than any producer makes.
pub(crate) fn sub_records(record: &StreamRecord) -> Option<Vec<Unit>> {
    let mut units = Vec::new();
    for (part, found) in (0..).zip(kpl::records(&record.data)?) {
        let found = found.ok().filter(|_| units.len() < FRAMES_MAX)?;
        let source = StreamRecord {
            arrival: record.arrival,
            shard_id: record.shard_id.clone(),
            sequence_number: record.sequence_number.clone(),
            partition_key: String::from_utf8_lossy(found.partition_key).into_owned(),
            data: found.data.to_vec(),
        };
        units.push(Unit { sub_sequence_number: Some(part), ..Unit::whole(source) });
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Shards;

    fn sub_records_of(data: Vec<u8>) -> Option<Vec<Unit>> {
        sub_records(&Shards::new(1).record("whole".to_owned(), data, jiff::Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn sub_records_keep_their_keys_and_share_the_sequence_number() {
        let units = sub_records_of(kpl::aggregate(&[("a", b"1"), ("b", b"2")])).unwrap();
        let found: Vec<_> = units
            .iter()
            .map(|unit| (unit.source.partition_key.as_str(), unit.data(), unit.sub_sequence_number))
            .collect();
        assert_eq!(found, [("a", &b"1"[..], Some(0)), ("b", b"2", Some(1))]);
        assert_eq!(units[0].source.sequence_number, units[1].source.sequence_number);
    }

    #[test]
    fn a_record_that_is_no_aggregate_is_plain() {
        assert!(sub_records_of(b"{}".to_vec()).is_none());
        let mut wrong = kpl::aggregate(&[("a", b"1")]);
        *wrong.last_mut().unwrap() ^= 1;
        assert!(sub_records_of(wrong).is_none());
    }

    #[test]
    fn an_aggregate_that_contradicts_its_format_is_plain() {
        use md5::{Digest as _, Md5};
        // partition_key_table: "k"; a record of key 1, which the table does not have.
        let message = b"\x0a\x01k\x1a\x05\x08\x01\x1a\x01A";
        let data = [&kpl::MAGIC[..], message, &Md5::digest(message)].concat();
        assert!(sub_records_of(data).is_none());
    }
}
