//! One event source mapping, from its stream to its function.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use thiserror::Error;

use super::answer::{self, Verdict};
use super::batch::{Batch, Entry, Lane};
use super::discard::{Condition, Discard};
use super::event::element;
use super::settings::Settings;
use crate::bucket::{Bucket, PutError};
use crate::lambda::Invoke;
use crate::stream::{StreamRecord, hash_key};

/// How often Lambda looks for records in a shard. Without a window, a batch has what came since it looked last.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
/// How much older records are with each further try. Tries take no time of the records, so that a replay stays the same
/// whatever fails; only their age knows of them.
const RETRY_INTERVAL: SignedDuration = POLL_INTERVAL;
/// How often a batch is tried again here where the mapping sets no end: what failed this often fails always.
pub(crate) const RETRIES_MAX: u32 = 100;

/// A mapping cannot go on: what it held is lost to the local run, though not to its stream.
#[derive(Debug, Error)]
#[error("the mapping of {stream} stopped")]
pub(crate) struct MappingError {
    stream: String,
    #[source]
    source: PutError,
}

/// What a mapping did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Records taken from the stream.
    pub(crate) records: u64,
    /// Invocations, all of them.
    pub(crate) invocations: u64,
    /// Invocations that failed, or whose answer said nothing about the batch.
    pub(crate) invocations_failed: u64,
    /// Invocations that reported a record from which on the batch has to come again.
    pub(crate) failures_reported: u64,
    /// Batches, or what was left of them, that were tried again.
    pub(crate) retries: u64,
    /// Batches that were cut in two.
    pub(crate) bisects: u64,
    /// Records that were given up.
    pub(crate) discarded: u64,
    /// Batches that were given up here after [`RETRIES_MAX`] tries, and would be tried on AWS until their records are too
    /// old or leave the stream.
    pub(crate) without_end: u64,
    /// Objects with records that were given up.
    pub(crate) error_objects: u64,
    /// The last failure of an invocation, in one line.
    pub(crate) last_failure: Option<String>,
}

/// An event source mapping under way.
pub(crate) struct EventSource<F> {
    settings: Settings,
    function: F,
    /// Where records go that are given up; `None` when they go nowhere.
    on_failure: Option<Bucket>,
    now: Timestamp,
    /// By shard and number. There are as many as have had records, at most [`crate::stream::SHARDS_MAX`] times ten.
    lanes: BTreeMap<(String, u32), Lane>,
    counts: Counts,
}

impl<F: Invoke> EventSource<F> {
    /// Sets a mapping up; `now` is where its clock starts.
    pub(crate) fn new(settings: Settings, function: F, on_failure: Option<Bucket>, now: Timestamp) -> Self {
        let (lanes, counts) = (BTreeMap::new(), Counts::default());
        Self { settings, function, on_failure, now, lanes, counts }
    }

    /// What the mapping did so far.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes a record from the stream.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written.
    pub(crate) async fn put(&mut self, record: StreamRecord) -> Result<(), MappingError> {
        self.counts.records += 1;
        let lanes = u128::from(self.settings.lanes.max(1));
        // Less than the number of lanes, which is a `u32`.
        let number = u32::try_from(hash_key(&record.partition_key) % lanes).unwrap_or_default();
        let element = element(&record, &self.settings);
        let StreamRecord { shard_id, sequence_number, arrival, .. } = record;
        let entry = Entry { sequence_number, arrival, element };
        let key = (shard_id, number);
        if self.lane(&key).is_full_for(&entry) {
            self.hand_over(&key).await?;
        }
        let now = self.now;
        self.lane(&key).push(entry, now);
        if self.lanes.get(&key).is_some_and(|lane| lane.is_full(&self.settings)) {
            self.hand_over(&key).await?;
        }
        Ok(())
    }

    /// Moves the clock on and does what has become due, each at its own time.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written.
    pub(crate) async fn advance(&mut self, now: Timestamp) -> Result<(), MappingError> {
        while let Some((due, key)) = self.first_due().filter(|(due, _)| *due <= now) {
            self.now = self.now.max(due);
            self.hand_over(&key).await?;
        }
        self.now = self.now.max(now);
        Ok(())
    }

    /// When the next window expires.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.first_due().map(|(due, _)| due)
    }

    /// Hands over whatever waits.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written. The other lanes are handed over all the same.
    pub(crate) async fn finish(&mut self) -> Result<(), MappingError> {
        let mut result = Ok(());
        for key in self.lanes.keys().cloned().collect::<Vec<_>>() {
            result = result.and(self.hand_over(&key).await);
        }
        result
    }

    fn lane(&mut self, key: &(String, u32)) -> &mut Lane {
        self.lanes.entry(key.clone()).or_default()
    }

    /// The lane whose window expires first; of several, the first by shard and number.
    fn first_due(&self) -> Option<(Timestamp, (String, u32))> {
        let window = self.settings.window.max(POLL_INTERVAL);
        let due = |lane: &Lane| lane.since()?.checked_add(window).ok();
        let first = self.lanes.iter().filter_map(|(key, lane)| Some((due(lane)?, key))).min()?;
        Some((first.0, first.1.clone()))
    }

    /// Has the waiting records of a lane processed: to the end, or given up.
    async fn hand_over(&mut self, key: &(String, u32)) -> Result<(), MappingError> {
        // The first part is always done with before the next is tried: what shares a key stays in order.
        let mut open = vec![self.lane(key).take()];
        while let Some(batch) = open.pop() {
            open.extend(self.attempt(&key.0, batch).await?);
        }
        Ok(())
    }

    /// Tries a batch once. Gives what has to be tried again, the last part first.
    async fn attempt(&mut self, shard_id: &str, mut batch: Batch) -> Result<Vec<Batch>, MappingError> {
        self.drop_aged(shard_id, &mut batch)?;
        if batch.entries.is_empty() {
            return Ok(Vec::new());
        }
        self.counts.invocations += 1;
        batch.invocations += 1;
        let verdict = self.invoke(&batch).await;
        batch.is_error = verdict.is_none();
        match verdict {
            Some(Verdict::Processed) => Ok(Vec::new()),
            Some(Verdict::Failed { from }) => {
                self.counts.failures_reported += 1;
                // With and without bisecting: what is before the checkpoint is done.
                batch.split_to(from);
                self.again(shard_id, batch)
            }
            None if self.settings.bisect && batch.entries.len() > 1 => {
                self.counts.bisects += 1;
                let first = batch.split_to(batch.entries.len() / 2);
                Ok(vec![batch, first])
            }
            None => self.again(shard_id, batch),
        }
    }

    /// Invokes the function with a batch; `None` when it failed as a whole.
    async fn invoke(&mut self, batch: &Batch) -> Option<Verdict> {
        let answer = match self.function.invoke(batch.event().into()).await {
            Ok(answer) => answer,
            Err(error) => {
                self.failed(error.code(), &error);
                return None;
            }
        };
        if !self.settings.report_failures {
            return Some(Verdict::Processed);
        }
        let sent = batch.entries.iter().map(|entry| entry.sequence_number.as_str());
        answer::read(&answer, &sent).inspect_err(|error| self.failed("Lambda.InvalidResponse", error)).ok()
    }

    fn failed(&mut self, code: &str, error: &dyn std::error::Error) {
        self.counts.invocations_failed += 1;
        self.counts.last_failure = Some(format!("{code}: {}", crate::chain(error)));
    }

    /// Has a batch tried once more, or gives it up. What was left of a batch goes on with its count: nowhere does the guide
    /// say that it begins anew behind a checkpoint.
    fn again(&mut self, shard_id: &str, mut batch: Batch) -> Result<Vec<Batch>, MappingError> {
        if batch.retries < self.settings.retries.unwrap_or(RETRIES_MAX) {
            batch.retries += 1;
            self.counts.retries += 1;
            return Ok(vec![batch]);
        }
        self.counts.without_end += u64::from(self.settings.retries.is_none());
        self.discard(shard_id, &batch, Condition::RetryAttemptsExhausted)?;
        Ok(Vec::new())
    }

    /// Gives up the records of a batch that are too old.
    fn drop_aged(&mut self, shard_id: &str, batch: &mut Batch) -> Result<(), MappingError> {
        let Some(age_max) = self.settings.record_age_max else { return Ok(()) };
        let tries = i32::try_from(batch.retries).unwrap_or(i32::MAX);
        let waited = RETRY_INTERVAL.checked_mul(tries).unwrap_or(SignedDuration::MAX);
        let oldest = self.now.saturating_add(waited).and_then(|now| now.saturating_sub(age_max));
        let aged = batch.split_older(oldest.unwrap_or(Timestamp::MIN));
        if aged.entries.is_empty() {
            return Ok(());
        }
        self.discard(shard_id, &aged, Condition::RecordAgeExpired)
    }

    fn discard(&mut self, shard_id: &str, batch: &Batch, condition: Condition) -> Result<(), MappingError> {
        self.counts.discarded += batch.entries.len() as u64;
        let Some(bucket) = &self.on_failure else { return Ok(()) };
        self.counts.error_objects += 1;
        let number = self.counts.error_objects;
        let discard = Discard { batch, shard_id, condition, now: self.now, number };
        let document = discard.document(&self.settings).to_string();
        bucket
            .put(&discard.key(&self.settings), document.as_bytes())
            .map_err(|source| MappingError { stream: self.settings.stream_arn.clone(), source })
    }
}

#[cfg(test)]
mod tests;
