//! Pauses after failures: longer each time, and never the same for two feeds.

use std::time::Duration;

/// A shard's limits are counted by the second: a fraction of it may be enough.
const FIRST: Duration = Duration::from_millis(50);
/// How long a stream that is back may wait for us.
const LONGEST: Duration = Duration::from_secs(2);

/// The pause after so many failures in a row, from 1: doubled each time, of which `jitter` (all values alike likely) takes
/// off up to a half.
pub fn pause(failures: u32, jitter: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let whole = doubled.min(LONGEST);
    whole.saturating_sub(whole / 2 * (jitter >> 16) / (1 << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let millis: Vec<_> = [1, 2, 3, 6, 7, 40, u32::MAX].map(|n| pause(n, 0).as_millis()).to_vec();
        assert_eq!(millis, [50, 100, 200, 1600, 2000, 2000, 2000]);
    }

    #[test]
    fn jitter_takes_off_up_to_a_half() {
        assert_eq!(pause(2, 1 << 31), Duration::from_millis(75));
        assert!(pause(2, u32::MAX) >= Duration::from_millis(50));
    }
}
