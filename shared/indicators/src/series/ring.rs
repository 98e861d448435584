//! The last closed bars of a series, as far back as its indicators read.

use std::cmp::Ordering;

use tapeline_market::{Bar, Decimal};

use super::bars::Newest;
use super::column::Column;
use crate::indicator::Window;
use crate::running::{Highest, Lowest, Sum};
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
    pub(crate) closes: Column<Sum>,
    pub(crate) highs: Column<Highest>,
    pub(crate) lows: Column<Lowest>,
    pub(crate) volumes: Column<Sum>,
}

/// Digits behind the point of every number of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale(u8);

/// Ticks of one bar at the ring's scales.
struct Ticks {
    high: i128,
    low: i128,
    close: i128,
    volume: i128,
}

impl Ticks {
    /// The bar in ticks of these scales; `None` when digits would be lost, or there are too many.
    fn of(bar: &Bar, prices: Scale, volumes: Scale) -> Option<Self> {
        let at = |value: Decimal, scale: Scale| {
            value.mantissa_at(scale.0).filter(|ticks| (0..MANTISSA_MAX).contains(ticks))
        };
        let [high, low, close] = [bar.high, bar.low, bar.close].map(|price| at(price, prices));
        Some(Self { high: high?, low: low?, close: close?, volume: at(bar.volume, volumes)? })
    }
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

    /// Takes a bar, of which `newest` has the doubles; `false` when its numbers have more digits than a market's, and
    /// nothing was taken.
    pub(super) fn push(&mut self, bar: &Bar, newest: &Newest) -> bool {
        // Bars seldom need a finer scale than those before them, and which one is found in as many divisions as a bar has
        // zeros.
        let ticks = Ticks::of(bar, self.prices, self.volumes_scale).or_else(|| self.ticks(bar));
        let Some(ticks) = ticks else { return false };
        self.highs.push(ticks.high, newest.high);
        self.lows.push(ticks.low, newest.low);
        self.closes.push(ticks.close, newest.close);
        self.volumes.push(ticks.volume, newest.volume);
        true
    }

    /// Where high + low + close went at each of the last `count` bars, oldest first, told by whole ticks.
    pub(crate) fn typical_moves(
        &self,
        count: usize,
    ) -> Option<impl DoubleEndedIterator<Item = Ordering> + ExactSizeIterator> {
        let (highs, lows) = (self.highs.last_ticks(count + 1)?, self.lows.last_ticks(count + 1)?);
        let pairs = highs.windows(2).zip(lows.windows(2)).zip(self.closes.last_ticks(count + 1)?.windows(2));
        Some(pairs.map(|((highs, lows), closes)| {
            let (&[high_before, high], &[low_before, low], &[close_before, close]) = (highs, lows, closes)
            else {
                return Ordering::Equal;
            };
            // Damaged states may hold ticks at the end of their type.
            let typical = |high: i128, low, close| high.saturating_add(low).saturating_add(close);
            typical(high, low, close).cmp(&typical(high_before, low_before, close_before))
        }))
    }

    /// The bar in ticks; all columns move to a finer scale first if the bar needs one.
    fn ticks(&mut self, bar: &Bar) -> Option<Ticks> {
        let scale = |value: Decimal| value.shortest().scale();
        let prices = [bar.high, bar.low, bar.close];
        let price_scale = prices.into_iter().fold(self.prices.0, |finest, price| finest.max(scale(price)));
        let volume_scale = self.volumes_scale.0.max(scale(bar.volume));
        if price_scale > SCALE_MAX || volume_scale > SCALE_MAX {
            return None;
        }
        let ticks = Ticks::of(bar, Scale(price_scale), Scale(volume_scale))?;
        self.refine(price_scale, volume_scale)?;
        Some(ticks)
    }

    fn refine(&mut self, price_scale: u8, volume_scale: u8) -> Option<()> {
        if price_scale > self.prices.0 {
            let factor = 10_i128.checked_pow(u32::from(price_scale - self.prices.0))?;
            self.highs.refine(factor);
            self.lows.refine(factor);
            self.closes.refine(factor);
            self.prices = Scale(price_scale);
        }
        if volume_scale > self.volumes_scale.0 {
            let factor = 10_i128.checked_pow(u32::from(volume_scale - self.volumes_scale.0))?;
            self.volumes.refine(factor);
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
        for close in closes.iter().map(|&ticks| price_unit.of(ticks)) {
            out.signed(close - previous);
            previous = close;
        }
        let closes_of_ranges = closes.get(closes.len().saturating_sub(highs.len())..).unwrap_or_default();
        for ((high, low), close) in highs.iter().zip(lows).zip(closes_of_ranges) {
            out.signed(price_unit.of(high - close));
            out.signed(price_unit.of(close - low));
        }
        for &ticks in volumes {
            out.signed(volume_unit.of(ticks));
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
        let closes = length(from, ring.closes.depth())?;
        let ranges = length(from, ring.highs.depth().min(closes))?;
        let volumes = length(from, ring.volumes.depth())?;
        let mut close = 0_i128;
        for _ in 0..closes {
            close = checked(close.checked_add(from.signed()?), from)?;
            ring.closes.put_back(close, ring.price(close, from)?);
        }
        for back in (1..=ranges).rev() {
            let closes = ring.closes.last_ticks(back).and_then(<[i128]>::first);
            let close = closes.copied().ok_or(from.damaged())?;
            let high = checked(close.checked_add(from.signed()?), from)?;
            let low = checked(close.checked_sub(from.signed()?), from)?;
            ring.highs.put_back(high, ring.price(high, from)?);
            ring.lows.put_back(low, ring.price(low, from)?);
        }
        for _ in 0..volumes {
            let volume = checked(Some(from.signed()?), from)?;
            let value = Decimal::new(volume, ring.volumes_scale.0).map_err(|_| from.damaged())?.to_f64();
            ring.volumes.put_back(volume, value);
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

impl Unit {
    /// How many of it make `ticks` of the finer scale.
    fn of(&self, ticks: i128) -> i128 {
        // Nearly all scales are the coarsest already, and a wide division takes as long as all the rest.
        if self.ticks == 1 { ticks } else { ticks / self.ticks }
    }
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
