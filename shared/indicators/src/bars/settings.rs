//! How bars are made.

use std::str::FromStr;

use tapeline_market::{Interval, Market, Timestamp};
use thiserror::Error;

/// The most intervals of a deployment: a lane's hot item stays within 1 KiB at five, within 2 KiB at ten.
pub const INTERVALS_MAX: usize = 10;
/// How long frames of one second may follow each other through two sockets and a producer.
const GRACE_US: i64 = 2_000_000;
const DAY_US: i64 = 86_400_000_000;

/// What bars are made of. Never two of them for one symbol: volume would double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Single trades.
    Trade,
    /// Aggregate trades.
    AggTrade,
    /// The exchange's own bars.
    Kline,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Trade, Self::AggTrade, Self::Kline];

    /// Names the source as configuration does.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::AggTrade => "agg_trade",
            Self::Kline => "kline",
        }
    }
}

/// What becomes of a bucket in which nothing was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// No bar.
    None,
    /// A bar without volume at the previous close.
    Flat,
}

/// How the bars of every symbol of a deployment are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarSettings {
    pub(crate) market: Market,
    pub(crate) source: Source,
    pub(crate) buckets: Vec<Buckets>,
    /// What becomes of a bucket in which nothing was traded.
    pub fill: Fill,
    /// How long after the end of a bar, in the exchange's event time, its trades may still come: in microseconds.
    pub grace_us: i64,
}

/// The buckets of one interval: from midnight UTC, of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buckets {
    pub(crate) interval: Interval,
    length_us: i64,
}

impl Buckets {
    pub(crate) fn of(interval: Interval) -> Option<Self> {
        let length_us = interval.length_us().filter(|&length_us| length_us <= DAY_US)?;
        Some(Self { interval, length_us })
    }

    /// The beginning of the bucket that holds `time`.
    pub(crate) fn floor(self, time: Timestamp) -> Timestamp {
        // Not before the epoch, as `time` is not: the fallback is never taken.
        Timestamp::from_micros(time.micros() - time.micros() % self.length_us).unwrap_or(time)
    }

    /// The end of the bucket that begins at `open`, exclusive.
    pub(crate) fn end(self, open: Timestamp) -> Timestamp {
        // Past the year 9999 there is no bucket to open any more.
        Timestamp::from_micros(open.micros() + self.length_us).unwrap_or(open)
    }

    /// The last instant of the bucket that begins at `open`, as the exchange writes close times.
    pub(crate) fn close_time(self, open: Timestamp) -> Timestamp {
        Timestamp::from_micros(open.micros() + self.length_us - 1).unwrap_or(open)
    }

    /// How many buckets lie between two beginnings.
    pub(crate) fn count(self, from: Timestamp, to: Timestamp) -> i64 {
        (to.micros() - from.micros()) / self.length_us
    }
}

impl Default for BarSettings {
    /// Bars of 1m, 5m and 1h from single trades of the spot market.
    fn default() -> Self {
        let buckets = |interval, minutes: i64| Buckets { interval, length_us: minutes * 60_000_000 };
        let buckets =
            vec![buckets(Interval::Minute1, 1), buckets(Interval::Minute5, 5), buckets(Interval::Hour1, 60)];
        Self { market: Market::Spot, source: Source::Trade, buckets, fill: Fill::None, grace_us: GRACE_US }
    }
}

impl BarSettings {
    /// Bars of these intervals, without fills and with two seconds of grace.
    ///
    /// # Errors
    /// When there is no interval, the same twice, too many, or one longer than a day.
    pub fn new(market: Market, source: Source, intervals: &[Interval]) -> Result<Self, IntervalsError> {
        let mut intervals = intervals.to_vec();
        intervals.sort_unstable();
        let count = intervals.len();
        intervals.dedup();
        if intervals.is_empty() || intervals.len() != count || count > INTERVALS_MAX {
            return Err(IntervalsError::Count { found: count });
        }
        let buckets =
            intervals.iter().map(|&interval| Buckets::of(interval).ok_or(IntervalsError::Long { interval }));
        let buckets = buckets.collect::<Result<_, _>>()?;
        Ok(Self { market, source, buckets, fill: Fill::None, grace_us: GRACE_US })
    }

    /// The intervals, shortest first.
    pub fn intervals(&self) -> impl ExactSizeIterator<Item = Interval> {
        self.buckets.iter().map(|buckets| buckets.interval)
    }

    /// The market.
    pub const fn market(&self) -> Market {
        self.market
    }

    /// What bars are made of.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Whether ids follow each other without a hole, so that a hole is a loss. Ids of single futures trades do not.
    pub(crate) const fn ids_are_consecutive(&self) -> bool {
        matches!((self.market, self.source), (Market::Spot, _) | (_, Source::AggTrade))
    }
}

/// The intervals cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntervalsError {
    /// None, the same twice, or too many.
    #[error("expected 1 to {INTERVALS_MAX} different intervals, was {found}")]
    Count {
        /// How many were found.
        found: usize,
    },
    /// Longer than a day: such buckets do not begin at every midnight.
    #[error("expected intervals from 1s to 1d, was {interval}")]
    Long {
        /// The interval.
        interval: Interval,
    },
}

/// The text names no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected `trade`, `agg_trade` or `kline`, was {found:?}")]
pub struct UnknownSource {
    /// The text that was found.
    pub found: String,
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|source| source.as_str() == text);
        found.ok_or_else(|| UnknownSource { found: text.to_owned() })
    }
}
