//! How fast is still allowed: request weight of the REST API, connection attempts, and pauses after failures.

use std::collections::VecDeque;
use std::time::Duration;

use tapeline_market::Market;

const MINUTE: Duration = Duration::from_mins(1);

/// Of the exchange's weight limit so much is used, in percent: it counts for the address, and others may share that.
const SHARE_PERCENT: u32 = 75;

/// How long nothing is asked after "too many requests" that does not say how long: until the exchange's minute is over.
const BUSY_PAUSE: Duration = MINUTE;

/// The first pause after an answer that failed, and the longest.
const FAILED_PAUSE_FIRST: Duration = Duration::from_millis(250);
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The request weight that the exchange allows in a minute, less what is left to others ("Limits" of each market's REST
/// API: 6,000 for spot, 2,400 for futures).
pub const fn weight_per_minute(market: Market) -> u32 {
    let limit = match market {
        Market::Spot => 6_000,
        Market::Usdm | Market::Coinm => 2_400,
    };
    limit / 100 * SHARE_PERCENT
}

/// The use of the REST API. Takes the time as an argument.
#[derive(Debug)]
pub(super) struct Pace {
    per_minute: u32,
    /// The minute that is counted ends here.
    minute_end: Duration,
    used: u32,
    not_before: Duration,
    failures: u32,
}

impl Pace {
    pub(super) const fn new(per_minute: u32) -> Self {
        Self { per_minute, minute_end: MINUTE, used: 0, not_before: Duration::ZERO, failures: 0 }
    }

    /// Admits a request, or says until when to wait.
    pub(super) fn admit(&mut self, weight: u32, now: Duration) -> Result<(), Duration> {
        if now < self.not_before {
            return Err(self.not_before);
        }
        if now >= self.minute_end {
            (self.used, self.minute_end) = (0, now + MINUTE);
        }
        // A weight above the whole limit would wait for ever.
        if self.used > 0 && self.used.saturating_add(weight) > self.per_minute {
            return Err(self.minute_end);
        }
        self.used = self.used.saturating_add(weight);
        Ok(())
    }

    /// The exchange answered, and said how much weight it has counted in its minute.
    pub(super) fn answered(&mut self, used: Option<u32>) {
        self.failures = 0;
        self.used = self.used.max(used.unwrap_or_default());
    }

    /// The exchange asked to be left alone.
    pub(super) fn refused(&mut self, retry_after: Option<Duration>, now: Duration) {
        self.not_before = self.not_before.max(now + retry_after.unwrap_or(BUSY_PAUSE));
    }

    /// The exchange failed, or could not be reached.
    pub(super) fn failed(&mut self, now: Duration) {
        self.not_before =
            self.not_before.max(now + doubled(FAILED_PAUSE_FIRST, self.failures, FAILED_PAUSE_MAX));
        self.failures = self.failures.saturating_add(1);
    }
}

/// Connection attempts: so many within so long ("Limits" of the market streams: 300 in 5 minutes for an address).
#[derive(Debug)]
pub(super) struct Attempts {
    made: VecDeque<Duration>,
}

/// The most attempts of any five minutes; a tenth less than the exchange allows.
const ATTEMPTS_MAX: usize = 270;
const ATTEMPTS_WITHIN: Duration = Duration::from_mins(5);

impl Attempts {
    pub(super) const fn new() -> Self {
        Self { made: VecDeque::new() }
    }

    /// Admits an attempt, or says until when to wait.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        while self.made.front().is_some_and(|&made| made + ATTEMPTS_WITHIN <= now) {
            self.made.pop_front();
        }
        match self.made.front() {
            Some(&oldest) if self.made.len() >= ATTEMPTS_MAX => Err(oldest + ATTEMPTS_WITHIN),
            _ => {
                self.made.push_back(now);
                Ok(())
            }
        }
    }
}

/// The first pause before a connection is opened again, and the longest.
const OPEN_PAUSE_FIRST: Duration = Duration::from_millis(250);
const OPEN_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The pauses before a connection is opened again.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    failures: u32,
}

impl Pauses {
    /// A connection brought frames: the next failure is a first one.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The pause after a failure: a part of a time that doubles, so that not all come back at once. `chance` lies between 0
    /// and 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let longest = doubled(OPEN_PAUSE_FIRST, self.failures, OPEN_PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// `first`, doubled so often, but not longer than `max`.
fn doubled(first: Duration, times: u32, max: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn weight_is_admitted_until_the_minute_is_used_up() {
        let mut pace = Pace::new(100);
        assert_eq!(pace.admit(60, seconds(1)), Ok(()));
        assert_eq!(pace.admit(60, seconds(2)), Err(seconds(60)));
        assert_eq!(pace.admit(40, seconds(3)), Ok(()));
        assert_eq!(pace.admit(1, seconds(60)), Ok(()));
    }

    #[test]
    fn what_the_exchange_counted_counts() {
        let mut pace = Pace::new(100);
        assert_eq!(pace.admit(1, seconds(1)), Ok(()));
        pace.answered(Some(99));
        assert_eq!(pace.admit(2, seconds(2)), Err(seconds(60)));
    }

    #[test]
    fn nothing_is_asked_before_the_exchange_allows_it() {
        let mut pace = Pace::new(100);
        pace.refused(Some(seconds(7)), seconds(1));
        assert_eq!(pace.admit(1, seconds(2)), Err(seconds(8)));
        assert_eq!(pace.admit(1, seconds(8)), Ok(()));
    }

    #[test]
    fn pauses_after_failures_double_up_to_a_limit() {
        let mut pace = Pace::new(100);
        let mut pauses = Vec::new();
        for now in (0..10).map(|n| seconds(100 * n)) {
            pace.failed(now);
            let until = pace.admit(0, now).unwrap_err();
            pauses.push(until.saturating_sub(now).as_millis());
        }
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        pace.answered(None);
        pace.failed(seconds(2_000));
        assert_eq!(pace.admit(0, seconds(2_000)), Err(seconds(2_000) + FAILED_PAUSE_FIRST));
    }

    #[test]
    fn attempts_are_rationed_over_any_five_minutes() {
        let mut attempts = Attempts::new();
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(attempts.admit(seconds(10)), Ok(()));
        }
        assert_eq!(attempts.admit(seconds(11)), Err(seconds(310)));
        assert_eq!(attempts.admit(seconds(310)), Ok(()));
    }

    #[test]
    fn connections_come_back_at_different_times() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.next(0.0), Duration::ZERO);
        assert_eq!(pauses.next(1.0), Duration::from_millis(500));
        assert_eq!(pauses.next(0.5), Duration::from_millis(500));
        pauses.succeeded();
        assert_eq!(pauses.next(1.0), Duration::from_millis(250));
    }
}
