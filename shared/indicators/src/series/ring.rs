//! The last closed bars of a series, as far back as its indicators read.

use tapeline_market::{Bar, Decimal};

use crate::indicator::Window;
use crate::wire::{Reader, StateError, Writer};

/// The most digits behind the point of a price or volume in the ring, and the most digits altogether: within them no
/// sum of three prices overflows.
const SCALE_MAX: u8 = 18;
/// Prices and volumes at or above this are no bar of a market.
const MANTISSA_MAX: i128 = 10_i128.pow(36);

/// Columns of closed bars, oldest first; each as deep as it is read.
///
/// Highs and lows are read over shorter windows than closes, and volumes over shorter ones still, so each column has its
/// own depth: the ring of the standard preset takes half of the bytes that 200 whole bars would.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    prices: Scale,
    volumes_scale: Scale,
    pub(crate) closes: Column,
    pub(crate) highs: Column,
    pub(crate) lows: Column,
    pub(crate) volumes: Column,
}

/// Digits behind the point of every number of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale(u8);

/// One number of each of the last bars, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    depth: usize,
    ticks: Vec<i128>,
    values: Vec<f64>,
}

impl Column {
    const fn new(depth: usize) -> Self {
        Self { depth, ticks: Vec::new(), values: Vec::new() }
    }

    /// The last `count` values, oldest first; `None` when there are fewer.
    pub(crate) fn last(&self, count: usize) -> Option<&[f64]> {
        self.values.get(self.values.len().checked_sub(count)?..)
    }

    fn last_ticks(&self, count: usize) -> Option<&[i128]> {
        self.ticks.get(self.ticks.len().checked_sub(count)?..)
    }

    fn push(&mut self, ticks: i128, value: f64) {
        // Twice the depth is kept and the older half given up at once: windows stay slices, at one move for each value.
        if self.ticks.len() >= 2 * self.depth {
            self.ticks.drain(..self.ticks.len() - self.depth);
            self.values.drain(..self.values.len() - self.depth);
        }
        self.ticks.push(ticks);
        self.values.push(value);
    }

    /// The ticks that are saved, oldest first.
    fn saved(&self) -> &[i128] {
        self.ticks.get(self.ticks.len().saturating_sub(self.depth)..).unwrap_or_default()
    }
}

/// Ticks of one bar at the ring's scales.
struct Ticks {
    high: i128,
    low: i128,
    close: i128,
    volume: i128,
}

impl Ring {
    pub(crate) fn new(window: Window) -> Self {
        // A bar is compared with the one before it: two of everything at least.
        let depth = |bars: usize| bars.max(2);
        Self {
            prices: Scale(0),
            volumes_scale: Scale(0),
            closes: Column::new(depth(window.closes)),
            highs: Column::new(depth(window.ranges)),
            lows: Column::new(depth(window.ranges)),
            volumes: Column::new(depth(window.volumes)),
        }
    }

    /// Takes a bar; `false` when its numbers have more digits than a market's, and nothing was taken.
    pub(crate) fn push(&mut self, bar: &Bar) -> bool {
        let Some(ticks) = self.ticks(bar) else { return false };
        self.highs.push(ticks.high, bar.high.to_f64());
        self.lows.push(ticks.low, bar.low.to_f64());
        self.closes.push(ticks.close, bar.close.to_f64());
        self.volumes.push(ticks.volume, bar.volume.to_f64());
        true
    }

    /// High + low + close of the last `count` bars in price ticks, oldest first: what directions are told by.
    pub(crate) fn typical_ticks(&self, count: usize) -> Option<impl Iterator<Item = i128> + Clone> {
        let (highs, lows) = (self.highs.last_ticks(count)?, self.lows.last_ticks(count)?);
        let prices = highs.iter().zip(lows).zip(self.closes.last_ticks(count)?);
        // Damaged states may hold ticks at the end of their type.
        Some(prices.map(|((high, low), close)| high.saturating_add(*low).saturating_add(*close)))
    }

    /// The bar in ticks; all columns move to a finer scale first if the bar needs one.
    fn ticks(&mut self, bar: &Bar) -> Option<Ticks> {
        let prices = [bar.high, bar.low, bar.close].map(Decimal::shortest);
        let volume = bar.volume.shortest();
        let price_scale = prices.iter().fold(self.prices.0, |scale, price| scale.max(price.scale()));
        let volume_scale = self.volumes_scale.0.max(volume.scale());
        if price_scale > SCALE_MAX || volume_scale > SCALE_MAX {
            return None;
        }
        let at = |value: Decimal, scale: u8| {
            value.mantissa_at(scale).filter(|ticks| (0..MANTISSA_MAX).contains(ticks))
        };
        let [high, low, close] = prices.map(|price| at(price, price_scale));
        let ticks = Ticks { high: high?, low: low?, close: close?, volume: at(volume, volume_scale)? };
        self.refine(price_scale, volume_scale)?;
        Some(ticks)
    }

    fn refine(&mut self, price_scale: u8, volume_scale: u8) -> Option<()> {
        if price_scale > self.prices.0 {
            let factor = 10_i128.checked_pow(u32::from(price_scale - self.prices.0))?;
            for column in [&mut self.highs.ticks, &mut self.lows.ticks, &mut self.closes.ticks] {
                for ticks in column {
                    *ticks = ticks.saturating_mul(factor);
                }
            }
            self.prices = Scale(price_scale);
        }
        if volume_scale > self.volumes_scale.0 {
            let factor = 10_i128.checked_pow(u32::from(volume_scale - self.volumes_scale.0))?;
            for ticks in &mut self.volumes.ticks {
                *ticks = ticks.saturating_mul(factor);
            }
            self.volumes_scale = Scale(volume_scale);
        }
        Some(())
    }

    /// Writes the columns: closes as differences from one to the next, highs and lows as distances from their close.
    ///
    /// The scales written are the coarsest that lose nothing, so equal numbers give equal bytes however they came.
    pub(crate) fn save(&self, out: &mut Writer) {
        let (closes, highs, lows, volumes) =
            (self.closes.saved(), self.highs.saved(), self.lows.saved(), self.volumes.saved());
        let price_unit = coarsest(self.prices, [closes, highs, lows]);
        let volume_unit = coarsest(self.volumes_scale, [volumes]);
        out.byte(price_unit.scale);
        out.byte(volume_unit.scale);
        for column in [closes, highs, volumes] {
            out.unsigned(column.len() as u128);
        }
        let mut previous = 0;
        for close in closes.iter().map(|ticks| ticks / price_unit.ticks) {
            out.signed(close - previous);
            previous = close;
        }
        let closes_of_ranges = closes.get(closes.len().saturating_sub(highs.len())..).unwrap_or_default();
        for ((high, low), close) in highs.iter().zip(lows).zip(closes_of_ranges) {
            out.signed((high - close) / price_unit.ticks);
            out.signed((close - low) / price_unit.ticks);
        }
        for ticks in volumes {
            out.signed(ticks / volume_unit.ticks);
        }
    }

    /// Reads what [`Self::save`] wrote under the same window.
    pub(crate) fn restore(window: Window, from: &mut Reader<'_>) -> Result<Self, StateError> {
        let mut ring = Self::new(window);
        ring.prices = Scale(from.byte()?);
        ring.volumes_scale = Scale(from.byte()?);
        if ring.prices.0 > SCALE_MAX || ring.volumes_scale.0 > SCALE_MAX {
            return Err(from.damaged());
        }
        let closes = length(from, ring.closes.depth)?;
        let ranges = length(from, ring.highs.depth.min(closes))?;
        let volumes = length(from, ring.volumes.depth)?;
        let mut close = 0_i128;
        for _ in 0..closes {
            close = checked(close.checked_add(from.signed()?), from)?;
            ring.closes.push(close, ring.price(close, from)?);
        }
        for at in closes - ranges..closes {
            let close = ring.closes.ticks.get(at).copied().ok_or(from.damaged())?;
            let high = checked(close.checked_add(from.signed()?), from)?;
            let low = checked(close.checked_sub(from.signed()?), from)?;
            ring.highs.push(high, ring.price(high, from)?);
            ring.lows.push(low, ring.price(low, from)?);
        }
        for _ in 0..volumes {
            let volume = checked(Some(from.signed()?), from)?;
            let value = Decimal::new(volume, ring.volumes_scale.0).map_err(|_| from.damaged())?.to_f64();
            ring.volumes.push(volume, value);
        }
        Ok(ring)
    }

    fn price(&self, ticks: i128, from: &Reader<'_>) -> Result<f64, StateError> {
        Decimal::new(ticks, self.prices.0).map(Decimal::to_f64).map_err(|_| from.damaged())
    }
}

fn length(from: &mut Reader<'_>, max: usize) -> Result<usize, StateError> {
    let length = usize::try_from(from.unsigned()?).ok().filter(|&length| length <= max);
    length.ok_or(from.damaged())
}

fn checked(ticks: Option<i128>, from: &Reader<'_>) -> Result<i128, StateError> {
    ticks.filter(|ticks| (0..MANTISSA_MAX).contains(ticks)).ok_or(from.damaged())
}

/// A scale, and how many ticks of a finer one make one of it.
struct Unit {
    scale: u8,
    ticks: i128,
}

/// The coarsest scale in which all of these numbers are whole.
fn coarsest<const N: usize>(scale: Scale, columns: [&[i128]; N]) -> Unit {
    let mut unit = Unit { scale: scale.0, ticks: 1 };
    while unit.scale > 0 && columns.iter().copied().flatten().all(|number| number % (unit.ticks * 10) == 0) {
        unit.scale -= 1;
        unit.ticks *= 10;
    }
    unit
}
