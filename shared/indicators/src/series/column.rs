//! One number of each of the last closed bars, and what is known of the windows that end with the newest.

use crate::running::{Rule, Running, SLACK, keep_newest};

/// One number of each of the last bars, oldest first, and `R` of every window of them.
#[derive(Debug, Clone)]
pub(crate) struct Column<R> {
    depth: usize,
    ticks: Vec<i128>,
    values: Vec<f64>,
    /// Of the values that were taken since the column was made or restored: most restored series take one bar, which is
    /// done sooner than all windows are computed.
    running: Running<R>,
}

impl<R: Rule> Column<R> {
    /// A column without values that is read `depth` bars back.
    pub(super) fn new(depth: usize) -> Self {
        let (ticks, values) = (Vec::with_capacity(depth + SLACK), Vec::with_capacity(depth + SLACK));
        Self { depth, ticks, values, running: Running::new(depth) }
    }

    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    /// The last `count` values, oldest first; `None` when there are fewer.
    pub(crate) fn last(&self, count: usize) -> Option<&[f64]> {
        self.values.get(self.values.len().checked_sub(count)?..)
    }

    /// `R` of the last `count` values, which must be within the depth; `None` when there are fewer.
    pub(crate) fn over(&self, count: usize) -> Option<f64> {
        self.running.over(count).or_else(|| self.last(count).map(R::of))
    }

    /// The last `count` values in ticks.
    pub(super) fn last_ticks(&self, count: usize) -> Option<&[i128]> {
        self.ticks.get(self.ticks.len().checked_sub(count)?..)
    }

    /// The ticks that are saved, oldest first.
    pub(super) fn saved(&self) -> &[i128] {
        self.ticks.get(self.ticks.len().saturating_sub(self.depth)..).unwrap_or_default()
    }

    /// Takes the newest value.
    pub(super) fn push(&mut self, ticks: i128, value: f64) {
        keep_newest(&mut self.ticks, self.depth);
        keep_newest(&mut self.values, self.depth);
        self.put_back(ticks, value);
        self.running.push(value);
    }

    /// Takes the next of the values that were saved, of which there are at most as many as the depth.
    pub(super) fn put_back(&mut self, ticks: i128, value: f64) {
        self.ticks.push(ticks);
        self.values.push(value);
    }

    /// Moves all ticks to a scale that is finer by `factor`.
    pub(super) fn refine(&mut self, factor: i128) {
        for ticks in &mut self.ticks {
            *ticks = ticks.saturating_mul(factor);
        }
    }
}
