//! The indicators of one (market, symbol, interval): closed bars in, values out.

mod bars;
mod column;
mod ring;

use tapeline_market::Timestamp;

pub(crate) use bars::{Bars, Previous};

use crate::bars::ClosedBar;
use crate::plan::Plan;
use crate::registry::AnyIndicator;
use crate::wire::{Reader, StateError, Writer};
use bars::Newest;
use ring::Ring;

/// The version of the bytes that [`Series::save`] writes.
const VERSION: u8 = 1;
/// About what the standard preset's state takes.
const STATE_BYTES: usize = 2048;

/// The indicators of one series, and the ring of closed bars that they share.
///
/// A series is idempotent: a bar at or before the last one it took changes nothing.
#[derive(Debug, Clone)]
pub struct Series {
    configuration: u64,
    reset_on_gap: bool,
    progress: Progress,
    ring: Ring,
    indicators: Vec<AnyIndicator>,
}

/// How far a series has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    last_bar_open: Option<Timestamp>,
    seen: Seen,
}

/// How much history is behind a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Bars since the series began, this one included.
    pub bars: u64,
    /// Bars since the last one with a gap, this one included; the same as `bars` where there was none, 0 for a bar with a
    /// gap.
    pub bars_since_gap: u64,
}

impl Series {
    /// Begins a series.
    pub fn new(plan: &Plan) -> Self {
        let indicators = plan.build();
        Self {
            configuration: plan.hash(),
            reset_on_gap: plan.resets_on_gap(),
            progress: Progress::default(),
            ring: Ring::new(plan.window()),
            indicators,
        }
    }

    /// Begins behind a bar that another configuration's series took: that one and those before it change nothing.
    #[must_use]
    pub fn behind(mut self, last_bar_open: Timestamp) -> Self {
        self.progress.last_bar_open = Some(last_bar_open);
        self
    }

    /// Open time of the last bar taken.
    pub const fn last_bar_open(&self) -> Option<Timestamp> {
        self.progress.last_bar_open
    }

    /// Takes a closed bar and writes one value for each column of the plan into `values`, which is cleared first; a value
    /// is `None` while its indicator is warming up.
    ///
    /// `None` when the bar is at or before the last one, or has more digits than a market's numbers: nothing changed.
    pub fn advance(
        &mut self,
        closed: &ClosedBar,
        plan: &Plan,
        values: &mut Vec<Option<f64>>,
    ) -> Option<Seen> {
        values.clear();
        let bar = &closed.bar;
        if self.progress.last_bar_open.is_some_and(|last| bar.open_time <= last) {
            return None;
        }
        if closed.gap && self.reset_on_gap {
            *self = Self {
                progress: Progress { last_bar_open: self.progress.last_bar_open, ..Progress::default() },
                ..Self::new(plan)
            };
        }
        let newest = Newest::of(bar);
        if !self.ring.push(bar, &newest) {
            return None;
        }
        self.progress.last_bar_open = Some(bar.open_time);
        let seen = &mut self.progress.seen;
        // A restored count may be anything.
        seen.bars = seen.bars.saturating_add(1);
        seen.bars_since_gap = if closed.gap { 0 } else { seen.bars_since_gap.saturating_add(1) };
        let bars = Bars::new(&self.ring, &newest, seen.bars);
        values.reserve(plan.columns().len());
        for indicator in &mut self.indicators {
            indicator.update(&bars, values);
        }
        Some(self.progress.seen)
    }

    /// The series as bytes: at most 3 KiB for the standard preset.
    pub fn save(&mut self) -> Vec<u8> {
        let mut out = Writer::with_capacity(STATE_BYTES);
        out.byte(VERSION);
        out.fixed(self.configuration);
        out.byte(u8::from(self.progress.last_bar_open.is_some()));
        if let Some(time) = self.progress.last_bar_open {
            out.seconds(time);
        }
        out.unsigned(self.progress.seen.bars.into());
        out.unsigned(self.progress.seen.bars_since_gap.into());
        for indicator in &mut self.indicators {
            indicator.each_scalar(&mut |scalar| out.double(*scalar));
        }
        self.ring.save(&mut out);
        out.0
    }

    /// Reads what [`Self::save`] wrote under the same plan.
    ///
    /// # Errors
    /// See [`StateError`]: the series must begin anew, nothing is guessed.
    pub fn restore(state: &[u8], plan: &Plan) -> Result<Self, StateError> {
        let mut series = Self::new(plan);
        let mut from = Reader::new(state);
        let found = from.byte()?;
        if found != VERSION {
            return Err(StateError::Version { expected: VERSION, found });
        }
        if from.fixed()? != series.configuration {
            return Err(StateError::Configuration);
        }
        let last_bar_open = if from.byte()? == 0 { None } else { Some(from.seconds()?) };
        let seen = Seen { bars: from.count()?, bars_since_gap: from.count()? };
        series.progress = Progress { last_bar_open, seen };
        for indicator in &mut series.indicators {
            let mut read = Ok(());
            indicator.each_scalar(&mut |scalar| match from.double() {
                Ok(value) => *scalar = value,
                Err(error) => read = Err(error),
            });
            read?;
        }
        series.ring = Ring::restore(plan.window(), &mut from)?;
        from.end()?;
        Ok(series)
    }
}
