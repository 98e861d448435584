//! How often and how long Firehose tries a request to a destination that is no bucket.
//!
//! Implements "Error Response Handling" of "HTTP endpoint delivery request and response specifications" in Firehose's
//! guide: the wait before the n-th retry is 2^n seconds, n from 0, at most 2 minutes, give or take 15 %. The waits are
//! real: a destination recovers in its own time, whatever clock the records have. What they vary by follows from the
//! request's id, so that the same run waits alike.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// Seconds that no wait exceeds, before it is varied.
const WAIT_SECONDS_MAX: u64 = 120;
/// The least that a wait is multiplied by, in thousandths.
const JITTER_MIN: u64 = 850;
/// What the largest factor is above the least, in thousandths.
const JITTER_SPAN: u64 = 300;

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    id: Uuid,
    /// Tries so far.
    pub(super) made: u32,
    /// Time spent between them.
    pub(super) waited: Duration,
    /// Time spent on answers that never came. The time that others took is left out: it depends on the machine.
    pub(super) timed_out: Duration,
}

impl Tries {
    /// No try so far of the request with this id.
    pub(super) const fn new(id: Uuid) -> Self {
        Self { id, made: 0, waited: Duration::ZERO, timed_out: Duration::ZERO }
    }

    /// Time since the first try.
    pub(super) const fn spent(&self) -> Duration {
        self.waited.saturating_add(self.timed_out)
    }

    /// When the last try ended, if the first began `at`.
    pub(super) fn ended(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.spent()).unwrap_or(at)
    }

    /// Waits before the next try, as long as there is time `left`. Says whether there is a next try.
    pub(super) async fn wait(&mut self, left: Duration) -> bool {
        if left.is_zero() {
            return false;
        }
        let wait = self.back_off().min(left);
        tokio::time::sleep(wait).await;
        self.waited += wait;
        true
    }

    fn back_off(&self) -> Duration {
        let seconds = 2_u64.saturating_pow(self.made.saturating_sub(1)).min(WAIT_SECONDS_MAX);
        let draws = self.id.as_bytes();
        let draw = draws.iter().cycle().nth(self.made as usize % draws.len()).copied().unwrap_or_default();
        Duration::from_millis(seconds * (JITTER_MIN + u64::from(draw) * JITTER_SPAN / u64::from(u8::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: Uuid, retries: u32, millis: u64) {
        let tries = Tries { made: retries + 1, ..Tries::new(id) };
        assert_eq!(tries.back_off(), Duration::from_millis(millis), "retry {retries}");
    }

    #[test]
    fn a_wait_doubles_up_to_two_minutes() {
        for (retry, seconds) in [(0, 1), (1, 2), (2, 4), (6, 64), (7, 120), (200, 120)] {
            check(Uuid::nil(), retry, seconds * 850);
            check(Uuid::max(), retry, seconds * 1150);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_try_begins_behind_the_retry_duration() {
        let (retry, mut tries) = (Duration::from_secs(10), Tries::new(Uuid::nil()));
        let began = tokio::time::Instant::now();
        while tries.wait(retry.saturating_sub(tries.waited)).await {
            tries.made += 1;
        }
        assert_eq!(tries.waited, retry);
        assert_eq!(began.elapsed(), retry);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_duration_of_zero_is_one_try() {
        assert!(!Tries::new(Uuid::nil()).wait(Duration::ZERO).await);
    }
}
