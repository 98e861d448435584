//! Pauses between attempts: each twice as long as the one before, until attempts or time are spent.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often something is tried in all. The pauses between five attempts add up to 0.75 s.
const ATTEMPTS_MAX: u32 = 5;

/// The first pause: what throttles a service lasts a second at most, so there is no hurry below this.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// After this time nothing is tried any more, so that the function answers well within its timeout of a minute.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempts_left: u32,
    pause_next: Duration,
    end: Instant,
}

impl Backoff {
    /// Begins with the first attempt.
    pub(crate) fn start() -> Self {
        Self { attempts_left: ATTEMPTS_MAX, pause_next: PAUSE_FIRST, end: Instant::now() + TIME_MAX }
    }

    /// Tells whether there is time left for a call.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.end
    }

    /// Pauses after an attempt that failed; `false` if there is no further one.
    pub(crate) async fn pause(&mut self) -> bool {
        self.attempts_left = self.attempts_left.saturating_sub(1);
        if self.attempts_left == 0 || !self.has_time() {
            return false;
        }
        sleep(self.pause_next).await;
        self.pause_next *= 2;
        self.has_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_end_after_pauses_that_double() {
        let (started, mut backoff) = (Instant::now(), Backoff::start());
        let mut pauses = 0;
        while backoff.pause().await {
            pauses += 1;
        }
        // 50 + 100 + 200 + 400 ms, as the sleeps of the paused clock add up.
        assert_eq!((pauses, started.elapsed()), (4, Duration::from_millis(750)));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_that_take_too_long_are_the_last() {
        let mut backoff = Backoff::start();
        tokio::time::advance(TIME_MAX).await;
        assert!(!backoff.has_time());
        assert!(!backoff.pause().await);
    }
}
