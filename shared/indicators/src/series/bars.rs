//! What an indicator sees.

use std::cmp::Ordering;

use tapeline_market::{Bar, Timestamp};

use super::ring::Ring;

/// The newest closed bar and those before it.
#[derive(Debug)]
pub(crate) struct Bars<'r> {
    ring: &'r Ring,
    newest: &'r Newest,
    /// Bars since the series began, the newest included.
    seen: u64,
    previous: Option<Previous>,
}

/// The newest bar's numbers as doubles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    open_time: Timestamp,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    pub(super) volume: f64,
    quote_volume: Option<f64>,
    taker_buy_volume: f64,
}

impl Newest {
    pub(super) fn of(bar: &Bar) -> Self {
        Self {
            open_time: bar.open_time,
            high: bar.high.to_f64(),
            low: bar.low.to_f64(),
            close: bar.close.to_f64(),
            volume: bar.volume.to_f64(),
            quote_volume: bar.quote_volume.map(tapeline_market::Decimal::to_f64),
            taker_buy_volume: bar.taker_buy_volume.to_f64(),
        }
    }
}

impl<'r> Bars<'r> {
    /// Looks at a ring that has taken the newest of `seen` bars.
    pub(super) fn new(ring: &'r Ring, newest: &'r Newest, seen: u64) -> Self {
        let first = |values: Option<&[f64]>| values?.first().copied();
        let columns = (first(ring.highs.last(2)), first(ring.lows.last(2)), first(ring.closes.last(2)));
        let previous = match columns {
            (Some(high), Some(low), Some(close)) if seen >= 2 => Some(Previous { high, low, close }),
            _ => None,
        };
        Self { ring, newest, seen, previous }
    }

    /// Bars since the series began, the newest included: 1 for the first.
    pub(crate) fn seen(&self) -> usize {
        usize::try_from(self.seen).unwrap_or(usize::MAX)
    }

    /// The last `count` closes, oldest first; `None` when fewer bars were seen.
    ///
    /// `count` must be within the indicator's window, as for all windows here: the ring is no deeper.
    pub(crate) fn closes(&self, count: usize) -> Option<&[f64]> {
        self.ring.closes.last(count)
    }

    /// The last `count` highs, oldest first.
    pub(crate) fn highs(&self, count: usize) -> Option<&[f64]> {
        self.ring.highs.last(count)
    }

    /// The last `count` lows, oldest first.
    pub(crate) fn lows(&self, count: usize) -> Option<&[f64]> {
        self.ring.lows.last(count)
    }

    /// The last `count` volumes, oldest first.
    pub(crate) fn volumes(&self, count: usize) -> Option<&[f64]> {
        self.ring.volumes.last(count)
    }

    /// The sum of the last `count` closes, from the oldest to the newest.
    pub(crate) fn sum_of_closes(&self, count: usize) -> Option<f64> {
        self.ring.closes.over(count)
    }

    /// The sum of the last `count` volumes, from the oldest to the newest.
    pub(crate) fn sum_of_volumes(&self, count: usize) -> Option<f64> {
        self.ring.volumes.over(count)
    }

    /// The highest of the last `count` highs.
    pub(crate) fn highest(&self, count: usize) -> Option<f64> {
        self.ring.highs.over(count)
    }

    /// The lowest of the last `count` lows.
    pub(crate) fn lowest(&self, count: usize) -> Option<f64> {
        self.ring.lows.over(count)
    }

    /// Where the typical price went at each of the last `count` bars, oldest first: told by whole ticks, since sums of
    /// doubles are rounded.
    pub(crate) fn typical_moves(
        &self,
        count: usize,
    ) -> Option<impl DoubleEndedIterator<Item = Ordering> + ExactSizeIterator> {
        self.ring.typical_moves(count)
    }

    /// First instant of the newest bar.
    pub(crate) const fn open_time(&self) -> Timestamp {
        self.newest.open_time
    }

    /// The newest high.
    pub(crate) const fn high(&self) -> f64 {
        self.newest.high
    }

    /// The newest low.
    pub(crate) const fn low(&self) -> f64 {
        self.newest.low
    }

    /// The newest close.
    pub(crate) const fn close(&self) -> f64 {
        self.newest.close
    }

    /// The newest volume: base asset, or contracts on coin-margined futures.
    pub(crate) const fn volume(&self) -> f64 {
        self.newest.volume
    }

    /// The newest volume in the quote asset; `None` on coin-margined futures.
    pub(crate) const fn quote_volume(&self) -> Option<f64> {
        self.newest.quote_volume
    }

    /// The part of the newest volume that takers bought.
    pub(crate) const fn taker_buy_volume(&self) -> f64 {
        self.newest.taker_buy_volume
    }

    /// The bar before the newest; `None` for the first.
    pub(crate) const fn previous(&self) -> Option<Previous> {
        self.previous
    }
}

/// The bar before the newest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Previous {
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}
