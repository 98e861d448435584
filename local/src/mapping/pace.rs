//! How time passes for the lanes of a mapping: with the records, or on its own.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How often Lambda looks for records in a shard. Without a window, a batch has what came since it looked last.
pub(super) const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
/// How much older records are with each further try in lock-step. Tries take no time of the records there, so that a
/// replay stays the same whatever fails; only their age knows of them.
const RETRY_INTERVAL: SignedDuration = POLL_INTERVAL;
/// How often a batch is tried again in lock-step where the mapping sets no end: what failed this often fails always.
pub(crate) const RETRIES_MAX: u32 = 100;
/// How long records of one look are waited for when there is no window: they come one by one, at once.
const GATHERING: SignedDuration = SignedDuration::from_millis(50);
/// How long a batch is held back the first time, and at most. It doubles in between.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// A clock, and how long tries take on it.
pub(super) trait Pace: Send + Sync {
    /// How often a batch is tried again where the mapping sets no end; `None` without end.
    const RETRIES_MAX: Option<u32>;
    /// How long records are gathered at least.
    const WINDOW_MIN: SignedDuration;

    /// The time for a batch that came back `tries` times.
    fn now(&self, tries: u32) -> Timestamp;

    /// Waits before a batch is tried that came back `tries` times.
    fn pause(&self, tries: u32) -> impl Future<Output = ()> + Send;
}

/// The clock of the records: it stands where it was put.
#[derive(Debug, Clone, Copy)]
pub(super) struct LockStep(pub(super) Timestamp);

impl Pace for LockStep {
    const RETRIES_MAX: Option<u32> = Some(RETRIES_MAX);
    const WINDOW_MIN: SignedDuration = POLL_INTERVAL;

    fn now(&self, tries: u32) -> Timestamp {
        let tries = i32::try_from(tries).unwrap_or(i32::MAX);
        let waited = RETRY_INTERVAL.checked_mul(tries).unwrap_or(SignedDuration::MAX);
        self.0.saturating_add(waited).unwrap_or(Timestamp::MAX)
    }

    async fn pause(&self, _tries: u32) {}
}

/// The clock of the system. A test has one of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live {
    /// Tells the time.
    pub(super) clock: fn() -> Timestamp,
}

impl Pace for Live {
    const RETRIES_MAX: Option<u32> = None;
    const WINDOW_MIN: SignedDuration = GATHERING;

    fn now(&self, _tries: u32) -> Timestamp {
        (self.clock)()
    }

    async fn pause(&self, tries: u32) {
        tokio::time::sleep(pause(tries)).await;
    }
}

/// How long a batch is held back that came back `tries` times.
fn pause(tries: u32) -> Duration {
    let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(factor).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 8, 40, u32::MAX].map(|tries| pause(tries).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60, 60, 60]);
    }
}
