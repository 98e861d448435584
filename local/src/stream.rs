//! A Kinesis data stream as its consumers see it: records, each with its shard and its sequence number.
//!
//! The shard is found as Kinesis finds it: the MD5 of the partition key is a number of 128 bits, and every shard has an
//! equal range of them. Sequence numbers are counted, so that the same records get the same.

use jiff::Timestamp;
use md5::{Digest as _, Md5};

/// Most shards of a replayed stream: each may hold batches of several megabytes for each of its lanes.
pub(crate) const SHARDS_MAX: u32 = 256;

/// A record as it stands in the data stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamRecord {
    /// When the stream took it.
    pub(crate) arrival: Timestamp,
    /// The shard.
    pub(crate) shard_id: String,
    /// Decimal text of 56 digits.
    pub(crate) sequence_number: String,
    /// The key under which it was put.
    pub(crate) partition_key: String,
    /// Its bytes.
    pub(crate) data: Vec<u8>,
}

/// Gives records their shard and their sequence number.
#[derive(Debug)]
pub(crate) struct Shards {
    count: u128,
    records: u64,
}

impl Shards {
    /// A stream of `count` shards, 1 to [`SHARDS_MAX`].
    pub(crate) fn new(count: u32) -> Self {
        Self { count: count.clamp(1, SHARDS_MAX).into(), records: 0 }
    }

    /// Makes a record of data that arrives now.
    pub(crate) fn record(
        &mut self,
        partition_key: String,
        data: Vec<u8>,
        arrival: Timestamp,
    ) -> StreamRecord {
        self.records += 1;
        StreamRecord {
            arrival,
            shard_id: format!("shardId-{:012}", self.shard_of(hash_key(&partition_key))),
            sequence_number: format!("49{:054}", self.records),
            partition_key,
            data,
        }
    }

    /// Number of the shard in whose range a hash key is. What does not divide evenly is in the last range.
    fn shard_of(&self, hash_key: u128) -> u128 {
        // 2^128 is no `u128`: it is divided as what is one count below, and one more. One shard has all of it.
        let width = ((u128::MAX - (self.count - 1)) / self.count).checked_add(1);
        width.map_or(0, |width| (hash_key / width).min(self.count - 1))
    }
}

/// The hash key of a partition key: its MD5 as a number.
pub(crate) fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_key_is_the_md5_of_the_partition_key() {
        // RFC 1321, appendix A.5.
        assert_eq!(hash_key(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(hash_key("abc"), 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
    }

    fn check(count: u32, hash_key: u128, expected: u128) {
        assert_eq!(Shards::new(count).shard_of(hash_key), expected, "{hash_key:x} of {count}");
    }

    #[test]
    fn one_shard_has_every_key() {
        check(1, 0, 0);
        check(1, u128::MAX, 0);
    }

    #[test]
    fn ranges_are_equal() {
        // The ranges of a stream of four shards, as the service lists them.
        check(4, 85_070_591_730_234_615_865_843_651_857_942_052_863, 0);
        check(4, 85_070_591_730_234_615_865_843_651_857_942_052_864, 1);
        check(4, 255_211_775_190_703_847_597_530_955_573_826_158_592, 3);
        check(4, u128::MAX, 3);
    }

    #[test]
    fn the_last_range_has_the_rest() {
        // A third of 2^128 is 113427455640312821154458202477256070485 and a rest of 1.
        check(3, 113_427_455_640_312_821_154_458_202_477_256_070_484, 0);
        check(3, 113_427_455_640_312_821_154_458_202_477_256_070_485, 1);
        check(3, u128::MAX, 2);
    }

    #[test]
    fn sequence_numbers_ascend() {
        let mut shards = Shards::new(2);
        let mut next = || shards.record("spot|BTCUSDT".to_owned(), Vec::new(), Timestamp::UNIX_EPOCH);
        let (first, second) = (next(), next());
        assert!(first.sequence_number < second.sequence_number);
        assert_eq!(first.sequence_number.len(), 56);
        assert_eq!(first.shard_id, second.shard_id);
    }
}
