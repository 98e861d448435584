//! The two recursive averages that most indicators are made of.
//!
//! Both begin with the simple mean of their first n values and go on from there. They are fed values, not bars, so that
//! they can smooth what another indicator computes.

use crate::indicator::real;

/// An exponential average: `average + k * (value - average)`, seeded with the mean of the first n values.
///
/// With `k = 2 / (n + 1)` it is what charts call EMA; with `k = 1 / n` it is Wilder's.
#[derive(Debug, Clone)]
pub(crate) struct Smoothed {
    /// n.
    period: f64,
    factor: f64,
    /// Values taken so far.
    taken: f64,
    /// The sum of the values while seeding, the average from then on.
    value: f64,
}

impl Smoothed {
    /// The exponential moving average of n values, `k = 2 / (n + 1)`.
    pub(crate) fn exponential(period: usize) -> Self {
        Self { period: real(period), factor: 2.0 / (real(period) + 1.0), taken: 0.0, value: 0.0 }
    }

    /// Wilder's average of n values, `k = 1 / n`.
    pub(crate) fn wilder(period: usize) -> Self {
        Self { period: real(period), factor: 1.0 / real(period), taken: 0.0, value: 0.0 }
    }

    /// Takes a value; gives the average from the n-th on.
    pub(crate) fn update(&mut self, value: f64) -> Option<f64> {
        let n = self.period;
        self.taken += 1.0;
        if self.taken > n {
            self.value += self.factor * (value - self.value);
        } else {
            self.value += value;
            if self.taken < n {
                return None;
            }
            self.value /= n;
        }
        Some(self.value)
    }

    /// What it remembers: see [`crate::indicator::Indicator::each_scalar`].
    pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.taken);
        visit(&mut self.value);
    }
}

/// Exponential averages in a row, each fed by the one before it.
#[derive(Debug, Clone)]
pub(crate) struct Chain<const N: usize>([Smoothed; N]);

impl<const N: usize> Chain<N> {
    /// One average for each period.
    pub(crate) fn exponential(periods: [usize; N]) -> Self {
        Self(periods.map(Smoothed::exponential))
    }

    /// Takes a value; gives all averages, the first one first, as soon as the last one is known.
    pub(crate) fn update(&mut self, mut value: f64) -> Option<[f64; N]> {
        let mut averages = [0.0; N];
        for (average, smoothed) in averages.iter_mut().zip(&mut self.0) {
            // An average begins with the first value that the one before it gives.
            value = smoothed.update(value)?;
            *average = value;
        }
        Some(averages)
    }

    /// What it remembers: see [`crate::indicator::Indicator::each_scalar`].
    pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.iter_mut().for_each(|smoothed| smoothed.each_scalar(visit));
    }
}
