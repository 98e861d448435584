//! What an indicator sees.

use tapeline_market::{Bar, Timestamp};

use super::ring::Ring;

/// The newest closed bar and those before it.
#[derive(Debug)]
pub(crate) struct Bars<'r> {
    pub(super) ring: &'r Ring,
    pub(super) newest: &'r Newest,
    /// Bars since the series began, the newest included.
    pub(super) seen: u64,
}

/// The newest bar's numbers as doubles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    open_time: Timestamp,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
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

impl Bars<'_> {
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

    /// The last `count` sums of high, low and close, oldest first, in whole ticks: to compare, never to compute with.
    pub(crate) fn typical_ticks(&self, count: usize) -> Option<impl Iterator<Item = i128> + Clone> {
        self.ring.typical_ticks(count)
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
    pub(crate) fn previous(&self) -> Option<Previous> {
        if self.seen < 2 {
            return None;
        }
        let first = |values: Option<&[f64]>| values?.first().copied();
        Some(Previous {
            high: first(self.highs(2))?,
            low: first(self.lows(2))?,
            close: first(self.closes(2))?,
        })
    }
}

/// The bar before the newest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Previous {
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}
