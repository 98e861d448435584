//! Which shards of a stream may be read: those whose ancestors are done with.
//!
//! A shard takes over hash keys from the shards that were closed when it was made. What was put under one key is in order
//! only when these are read first, and are done with. The endpoint names parents after a split and a merge, but not after a
//! change of the shard count; hash keys tell it in every case.

use std::collections::BTreeMap;

use ferrokinesis::types::Shard;

/// How far a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It is read.
    Begun,
    /// It was read to its end, and its consumer is done with it.
    Done,
}

/// The shards of a stream that were begun.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    shards: BTreeMap<String, Progress>,
}

impl Lineage {
    /// The shards that may be begun now, of all that a stream ever had, in the order in which they were made.
    pub(super) fn ready<'s>(&self, shards: &'s [Shard]) -> Vec<&'s Shard> {
        let may_begin = |(place, shard): &(usize, &Shard)| {
            !self.shards.contains_key(&shard.shard_id)
                && shards.iter().take(*place).all(|older| !is_ancestor(older, shard) || self.is_done(older))
        };
        shards.iter().enumerate().filter(may_begin).map(|(_, shard)| shard).collect()
    }

    /// Notes that a shard is read.
    pub(super) fn begin(&mut self, shard_id: String) {
        self.shards.insert(shard_id, Progress::Begun);
    }

    /// Notes that a shard was read to its end and is done with, or is not to be read at all.
    pub(super) fn finish(&mut self, shard_id: String) {
        self.shards.insert(shard_id, Progress::Done);
    }

    fn is_done(&self, shard: &Shard) -> bool {
        self.shards.get(&shard.shard_id) == Some(&Progress::Done)
    }
}

/// Whether an older shard gave hash keys to another one.
fn is_ancestor(older: &Shard, shard: &Shard) -> bool {
    let (one, other) = (&older.hash_key_range, &shard.hash_key_range);
    is_closed(older) && one.start_u128() <= other.end_u128() && other.start_u128() <= one.end_u128()
}

/// Whether a shard takes no records any more.
pub(super) const fn is_closed(shard: &Shard) -> bool {
    shard.sequence_number_range.ending_sequence_number.is_some()
}
