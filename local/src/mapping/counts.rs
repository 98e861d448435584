//! What a mapping counts, and what it still has to do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// What a mapping did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Records taken from the stream.
    pub(crate) records: u64,
    /// Records that no filter matched: the function is not given them.
    pub(crate) filtered: u64,
    /// Invocations, all of them.
    pub(crate) invocations: u64,
    /// Invocations that failed, or whose answer said nothing about the batch.
    pub(crate) invocations_failed: u64,
    /// Invocations that reported a record from which on the batch has to come again.
    pub(crate) failures_reported: u64,
    /// Batches that were held back because the function had no process free. No try of theirs.
    pub(crate) throttles: u64,
    /// Batches, or what was left of them, that were tried again.
    pub(crate) retries: u64,
    /// Batches that were cut in two.
    pub(crate) bisects: u64,
    /// Records that were given up.
    pub(crate) discarded: u64,
    /// Batches that were given up here after [`super::RETRIES_MAX`] tries, and would be tried on AWS until their records
    /// are too old or leave the stream.
    pub(crate) without_end: u64,
    /// Documents of records that were given up.
    pub(crate) error_objects: u64,
    /// The last failure of an invocation, in one line.
    pub(crate) last_failure: Option<String>,
}

/// What a mapping did, and what it holds.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What it did.
    pub(super) counts: Counts,
    /// Records that it holds, by their arrival. The lanes' buffers bound them.
    held: BTreeMap<Timestamp, u64>,
    /// Batches that were given up.
    batches_discarded: u64,
}

impl Progress {
    /// Counts a batch that is given up, and gives its number, from 1.
    pub(super) const fn discard(&mut self, records: u64) -> u64 {
        self.counts.discarded += records;
        self.batches_discarded += 1;
        self.batches_discarded
    }

    /// Notes a record that is taken in.
    pub(super) fn hold(&mut self, arrival: Timestamp) {
        *self.held.entry(arrival).or_default() += 1;
    }

    /// Notes a record that is done with, one way or another.
    pub(super) fn release(&mut self, arrival: Timestamp) {
        if let Some(count) = self.held.get_mut(&arrival) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&arrival);
            }
        }
    }

    /// When the oldest of the records arrived that are held; `None` when none is.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.held.keys().next().copied()
    }

    /// How many records are held.
    pub(super) fn held(&self) -> u64 {
        self.held.values().sum()
    }
}
