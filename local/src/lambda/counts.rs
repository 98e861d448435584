//! What the invocations of a function came to, to be looked at any time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::error::InvocationError;

/// Longest time that is told apart from a longer one: four invocations of Lambda's longest.
const TIME_MAX: Duration = Duration::from_hours(1);

/// Digits to which times are kept: one percent is enough for a table, and some 20 KB a histogram.
const DIGITS: u8 = 2;

/// What a function did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FunctionCounts {
    /// Invocations that began. Throttled ones did not.
    pub(crate) invocations: u64,
    /// Invocations that ended without an answer.
    pub(crate) errors: u64,
    /// Those of them that took too long.
    pub(crate) timeouts: u64,
    /// Invocations that were refused: too many were under way.
    pub(crate) throttles: u64,
    /// Processes that were started.
    pub(crate) cold_starts: u64,
    /// Processes now.
    pub(crate) running: usize,
    /// Most invocations that were under way at once.
    pub(crate) concurrency_peak: u32,
    /// Most memory one of the processes held at once, in bytes. `None` on other systems than Linux, and before the first
    /// answer.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// How long invocations took, the start of a process aside.
    pub(crate) duration: Times,
    /// How long processes took until they asked for their first event.
    pub(crate) init: Times,
}

/// How times are distributed; zero where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Half of them are at most this.
    pub(crate) p50: Duration,
    /// 99 of 100 are at most this.
    pub(crate) p99: Duration,
    /// The longest.
    pub(crate) max: Duration,
}

/// Counts for all who invoke a function.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Record>);

#[derive(Debug)]
struct Record {
    counts: FunctionCounts,
    under_way: u32,
    duration: Histogram<u64>,
    init: Histogram<u64>,
}

impl Default for Record {
    fn default() -> Self {
        let counts = FunctionCounts::default();
        Self { counts, under_way: 0, duration: histogram(), init: histogram() }
    }
}

impl Recorder {
    /// Counts an invocation that begins.
    pub(super) fn begin(&self) {
        let mut record = self.record();
        record.counts.invocations += 1;
        record.under_way += 1;
        record.counts.concurrency_peak = record.counts.concurrency_peak.max(record.under_way);
    }

    /// Counts how an invocation that began has ended; `duration` is `None` when no process was there for it.
    pub(super) fn end(&self, error: Option<&InvocationError>, duration: Option<Duration>) {
        let mut record = self.record();
        record.under_way = record.under_way.saturating_sub(1);
        record.counts.errors += u64::from(error.is_some());
        record.counts.timeouts += u64::from(matches!(error, Some(InvocationError::TimedOut { .. })));
        if let Some(duration) = duration {
            record.duration.saturating_record(micros(duration));
        }
    }

    /// Counts an invocation that was refused.
    pub(super) fn throttle(&self) {
        self.record().counts.throttles += 1;
    }

    /// Counts the start of a process; hands back which it is, from 1.
    pub(super) fn cold_start(&self) -> u64 {
        let mut record = self.record();
        record.counts.cold_starts += 1;
        record.counts.cold_starts
    }

    /// Notes how long a process took to become ready.
    pub(super) fn ready(&self, init: Duration) {
        self.record().init.saturating_record(micros(init));
    }

    /// Notes the memory a process has held: once it is gone the system forgets it.
    pub(super) fn memory(&self, peak_bytes: Option<u64>) {
        let mut record = self.record();
        record.counts.peak_memory_bytes = record.counts.peak_memory_bytes.max(peak_bytes);
    }

    /// The counts, with `running` processes.
    pub(super) fn counts(&self, running: usize) -> FunctionCounts {
        let record = self.record();
        let (duration, init) = (times(&record.duration), times(&record.init));
        FunctionCounts { running, duration, init, ..record.counts }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A histogram of microseconds whose size is fixed.
#[allow(
    clippy::expect_used,
    reason = "the bounds are constants, which every test of a function reads as well"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, micros(TIME_MAX), DIGITS).expect("bounds as the crate documents them")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn times(histogram: &Histogram<u64>) -> Times {
    let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
    Times { p50: at(0.5), p99: at(0.99), max: Duration::from_micros(histogram.max()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_one_percent() {
        let recorder = Recorder::default();
        for millis in 1..=100 {
            recorder.begin();
            recorder.end(None, Some(Duration::from_millis(millis)));
        }
        let times = recorder.counts(0).duration;
        for (told, millis) in [(times.p50, 50), (times.p99, 99), (times.max, 100)] {
            let difference = told.abs_diff(Duration::from_millis(millis));
            assert!(difference <= Duration::from_micros(millis * 10), "{told:?} for {millis} ms");
        }
    }

    #[test]
    fn without_invocations_all_is_zero() {
        assert_eq!(Recorder::default().counts(0), FunctionCounts::default());
    }

    #[test]
    fn a_time_above_the_longest_is_told_as_the_longest() {
        let recorder = Recorder::default();
        recorder.ready(Duration::MAX);
        assert!(recorder.counts(1).init.max >= TIME_MAX);
    }

    #[test]
    fn a_timeout_is_an_error_and_a_throttle_is_no_invocation() {
        let recorder = Recorder::default();
        recorder.begin();
        recorder.end(Some(&InvocationError::TimedOut { timeout: Duration::ZERO }), None);
        recorder.throttle();
        let counts = recorder.counts(0);
        assert_eq!((counts.invocations, counts.errors, counts.timeouts, counts.throttles), (1, 1, 1, 1));
    }

    #[test]
    fn the_peak_is_of_invocations_at_once() {
        let recorder = Recorder::default();
        recorder.begin();
        recorder.begin();
        recorder.end(None, None);
        recorder.begin();
        assert_eq!(recorder.counts(0).concurrency_peak, 2);
    }
}
