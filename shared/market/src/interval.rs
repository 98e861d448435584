//! The length of a bar.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

macro_rules! intervals {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $length_us:expr;)*) => {
        /// The length of a bar, spelled as the exchange spells it: case matters (`1m` is a minute, `1M` a month).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Interval { $($(#[$doc])* $variant,)* }

        impl Interval {
            /// Every interval, shortest first.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Spells the interval as the exchange does.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Length in microseconds; `None` for a month, whose length depends on the calendar.
            pub const fn length_us(self) -> Option<i64> {
                match self { $(Self::$variant => $length_us,)* }
            }
        }

        impl FromStr for Interval {
            type Err = UnknownInterval;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownInterval { found: text.to_owned() }),
                }
            }
        }
    };
}

intervals! {
    /// One second.
    Second1 = "1s", Some(SECOND_US);
    /// One minute.
    Minute1 = "1m", Some(MINUTE_US);
    /// Three minutes.
    Minute3 = "3m", Some(3 * MINUTE_US);
    /// Five minutes.
    Minute5 = "5m", Some(5 * MINUTE_US);
    /// A quarter of an hour.
    Minute15 = "15m", Some(15 * MINUTE_US);
    /// Half an hour.
    Minute30 = "30m", Some(30 * MINUTE_US);
    /// One hour.
    Hour1 = "1h", Some(HOUR_US);
    /// Two hours.
    Hour2 = "2h", Some(2 * HOUR_US);
    /// Four hours.
    Hour4 = "4h", Some(4 * HOUR_US);
    /// Six hours.
    Hour6 = "6h", Some(6 * HOUR_US);
    /// Eight hours.
    Hour8 = "8h", Some(8 * HOUR_US);
    /// Half a day.
    Hour12 = "12h", Some(12 * HOUR_US);
    /// One day.
    Day1 = "1d", Some(DAY_US);
    /// Three days.
    Day3 = "3d", Some(3 * DAY_US);
    /// One week, from Monday.
    Week1 = "1w", Some(7 * DAY_US);
    /// One calendar month.
    Month1 = "1M", None;
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no interval.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected an interval from `1s` to `1M`, was {found:?}")]
pub struct UnknownInterval {
    /// The text that was found.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_reads_back_from_its_spelling() {
        for &interval in Interval::ALL {
            assert_eq!(interval.as_str().parse(), Ok(interval));
        }
    }

    #[test]
    fn case_tells_a_minute_from_a_month() {
        assert_eq!("1m".parse(), Ok(Interval::Minute1));
        assert_eq!("1M".parse(), Ok(Interval::Month1));
        assert!("1H".parse::<Interval>().is_err());
    }

    #[test]
    fn lengths_are_in_microseconds() {
        assert_eq!(Interval::Minute1.length_us(), Some(60_000_000));
        assert_eq!(Interval::Week1.length_us(), Some(604_800_000_000));
        assert_eq!(Interval::Month1.length_us(), None);
    }
}
