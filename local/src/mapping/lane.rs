//! One lane of one shard at work: gathers records, hands them over, tries again what failed, and gives up what has to be.
//!
//! A shard's records with the same key are in the same lane, and a lane is done with one batch before it begins the next:
//! so what shares a key stays in order. Lanes know nothing of each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tapeline_telemetry::chain;
use thiserror::Error;

use super::answer::{self, Verdict};
use super::batch::{Batch, Entry, Lane};
use super::counts::Progress;
use super::discard::{Condition, Discard};
use super::event::element;
use super::filter;
use super::on_failure::OnFailure;
use super::pace::Pace;
use super::settings::Settings;
use crate::bucket::PutError;
use crate::lambda::{InvocationError, Invoke};
use crate::stream::{StreamRecord, hash_key};

/// The document of records that were given up cannot be written: they are lost to the local run, though not to their
/// stream.
#[derive(Debug, Error)]
#[error("the mapping of {stream} cannot keep what it gives up")]
pub(crate) struct MappingError {
    stream: String,
    #[source]
    source: PutError,
}

/// What all lanes of a mapping have in common.
pub(super) struct Common<F> {
    /// How the mapping is set up.
    pub(super) settings: Settings,
    function: F,
    /// Where records go that are given up; `None` when they go nowhere.
    on_failure: Option<OnFailure>,
    progress: Mutex<Progress>,
}

impl<F> Common<F> {
    /// A mapping that has done nothing.
    pub(super) fn new(settings: Settings, function: F, on_failure: Option<OnFailure>) -> Arc<Self> {
        Arc::new(Self { settings, function, on_failure, progress: Mutex::default() })
    }

    /// What the mapping did and holds.
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        // Counts are right after every step: who panicked in between had finished its own.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record from the stream: its lane, and what the lane gets; `None` when no filter matches it.
    pub(super) fn take(&self, record: &StreamRecord) -> Option<(u32, Entry)> {
        let passes = filter::passes(&self.settings.filters, record);
        let progress = &mut *self.progress();
        progress.counts.records += 1;
        if !passes {
            progress.counts.filtered += 1;
            return None;
        }
        progress.hold(record.arrival);
        let lanes = u128::from(self.settings.lanes.max(1));
        // Less than the number of lanes, which is a `u32`.
        let number = u32::try_from(hash_key(&record.partition_key) % lanes).unwrap_or_default();
        let element = element(record, &self.settings);
        let (sequence_number, arrival) = (record.sequence_number.clone(), record.arrival);
        Some((number, Entry { sequence_number, arrival, element }))
    }

    fn release(&self, batch: &Batch) {
        let progress = &mut *self.progress();
        batch.entries.iter().for_each(|entry| progress.release(entry.arrival));
    }

    fn failed(&self, code: &str, error: &dyn std::error::Error) {
        let counts = &mut self.progress().counts;
        counts.invocations_failed += 1;
        counts.last_failure = Some(format!("{code}: {}", chain(error)));
    }
}

/// How a try ended.
enum Attempt {
    /// The function said how far it came.
    Answered(Verdict),
    /// It was invoked in vain.
    Failed,
    /// It was not invoked.
    Throttled,
}

/// A lane of a shard.
pub(super) struct LaneWorker<F> {
    common: Arc<Common<F>>,
    shard_id: String,
    lane: Lane,
    /// What could not be kept of the batch in hand.
    fault: Option<MappingError>,
}

impl<F: Invoke> LaneWorker<F> {
    /// A lane that waits for its first record.
    pub(super) fn new(common: Arc<Common<F>>, shard_id: String) -> Self {
        Self { common, shard_id, lane: Lane::default(), fault: None }
    }

    /// When the window of the waiting records expires; `None` when none wait.
    pub(super) fn due<P: Pace>(&self) -> Option<Timestamp> {
        let window = self.common.settings.window.max(P::WINDOW_MIN);
        self.lane.since()?.checked_add(window).ok()
    }

    /// Adds a record. Batches that are full are processed: to the end, or given up.
    ///
    /// # Errors
    /// When the document of records that are given up cannot be written. Everything else is done all the same.
    pub(super) async fn put(&mut self, entry: Entry, pace: &impl Pace) -> Result<(), MappingError> {
        let mut result = Ok(());
        if self.lane.is_full_for(&entry) {
            result = self.hand_over(pace).await;
        }
        self.lane.push(entry, pace.now(0));
        if self.lane.is_full(&self.common.settings) {
            result = result.and(self.hand_over(pace).await);
        }
        result
    }

    /// Has the waiting records processed: to the end, or given up.
    ///
    /// # Errors
    /// When the document of records that are given up cannot be written. The others are processed all the same.
    pub(super) async fn hand_over(&mut self, pace: &impl Pace) -> Result<(), MappingError> {
        // The first part is always done with before the next is tried: what shares a key stays in order.
        let mut open = vec![self.lane.take()];
        while let Some(batch) = open.pop() {
            if batch.must_wait {
                pace.pause(batch.tries()).await;
            }
            open.extend(self.attempt(batch, pace).await);
        }
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Tries a batch once. Gives what has to be tried again, the last part first.
    async fn attempt<P: Pace>(&mut self, mut batch: Batch, pace: &P) -> Vec<Batch> {
        self.drop_aged(&mut batch, pace);
        if batch.entries.is_empty() {
            return Vec::new();
        }
        let attempt = self.invoke(&mut batch).await;
        match attempt {
            Attempt::Answered(Verdict::Processed) => {
                self.common.release(&batch);
                Vec::new()
            }
            Attempt::Answered(Verdict::Failed { from }) => {
                self.common.progress().counts.failures_reported += 1;
                // With and without bisecting: what is before the checkpoint is done.
                self.common.release(&batch.split_to(from));
                self.again(batch, pace)
            }
            Attempt::Failed if self.common.settings.bisect && batch.entries.len() > 1 => {
                self.common.progress().counts.bisects += 1;
                batch.must_wait = false;
                let first = batch.split_to(batch.entries.len() / 2);
                vec![batch, first]
            }
            Attempt::Failed => self.again(batch, pace),
            Attempt::Throttled => self.hold_back(batch, pace),
        }
    }

    /// Invokes the function with a batch.
    async fn invoke(&self, batch: &mut Batch) -> Attempt {
        let common = &self.common;
        let answer = common.function.invoke(batch.event().into()).await;
        if matches!(answer, Err(InvocationError::Throttled { .. })) {
            common.progress().counts.throttles += 1;
            return Attempt::Throttled;
        }
        common.progress().counts.invocations += 1;
        batch.invocations += 1;
        batch.is_error = true;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                common.failed(error.code(), &error);
                return Attempt::Failed;
            }
        };
        let sent = batch.entries.iter().map(|entry| entry.sequence_number.as_str());
        let is_read = common.settings.report_failures;
        match if is_read { answer::read(&answer, &sent) } else { Ok(Verdict::Processed) } {
            Ok(verdict) => {
                batch.is_error = false;
                Attempt::Answered(verdict)
            }
            Err(error) => {
                common.failed("Lambda.InvalidResponse", &error);
                Attempt::Failed
            }
        }
    }

    /// Has a batch tried once more, or gives it up. What was left of a batch goes on with its count: nowhere does the guide
    /// say that it begins anew behind a checkpoint.
    fn again<P: Pace>(&mut self, mut batch: Batch, pace: &P) -> Vec<Batch> {
        let endless = self.common.settings.retries.is_none();
        let max = self.common.settings.retries.or(P::RETRIES_MAX);
        if max.is_none_or(|max| batch.retries < max) {
            batch.retries = batch.retries.saturating_add(1);
            batch.must_wait = true;
            self.common.progress().counts.retries += 1;
            return vec![batch];
        }
        self.give_up(&batch, endless, pace)
    }

    /// Has a batch tried later that the function had no process for. That is no try: the batch's quota is as it was.
    fn hold_back<P: Pace>(&mut self, mut batch: Batch, pace: &P) -> Vec<Batch> {
        batch.throttles = batch.throttles.saturating_add(1);
        batch.must_wait = true;
        match P::RETRIES_MAX {
            Some(max) if batch.throttles > max => self.give_up(&batch, true, pace),
            _ => vec![batch],
        }
    }

    fn give_up(&mut self, batch: &Batch, endless: bool, pace: &impl Pace) -> Vec<Batch> {
        self.common.progress().counts.without_end += u64::from(endless);
        self.discard(batch, Condition::RetryAttemptsExhausted, pace);
        Vec::new()
    }

    /// Gives up the records of a batch that are too old.
    fn drop_aged(&mut self, batch: &mut Batch, pace: &impl Pace) {
        let Some(age_max) = self.common.settings.record_age_max else { return };
        let oldest = pace.now(batch.tries()).saturating_sub(age_max).unwrap_or(Timestamp::MIN);
        let aged = batch.split_older(oldest);
        if !aged.entries.is_empty() {
            self.discard(&aged, Condition::RecordAgeExpired, pace);
        }
    }

    fn discard(&mut self, batch: &Batch, condition: Condition, pace: &impl Pace) {
        let common = &self.common;
        common.release(batch);
        let number = common.progress().discard(batch.entries.len() as u64);
        let Some(destination) = &common.on_failure else { return };
        let discard = Discard { batch, shard_id: &self.shard_id, condition, now: pace.now(0), number };
        match discard.keep(&common.settings, destination) {
            Ok(()) => common.progress().counts.error_objects += 1,
            Err(source) => {
                let stream = common.settings.stream_arn.clone();
                self.fault.get_or_insert(MappingError { stream, source });
            }
        }
    }
}
