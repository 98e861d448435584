//! What an indicator's file gives.

use crate::registry::Parameter;
use crate::series::Bars;

/// One indicator with its parameters, and what it remembers besides the ring of closed bars.
///
/// Windows have the bits of being read back from the ring at every bar, oldest to newest: such a value is a pure function
/// of its window and never drifts. What is kept of them from bar to bar ([`crate::running`], [`crate::recent`]) follows from
/// the ring. Only what is recursive by definition (an exponential average, a running sum) is remembered.
pub(crate) trait Indicator: Sized {
    /// Its name in configuration.
    const NAME: &'static str;
    /// Its parameters, in order.
    const PARAMETERS: &'static [Parameter];
    /// What its columns begin with, one for each value; the parameters follow.
    const OUTPUTS: &'static [&'static str];
    /// Its values of one bar, in the order of [`Self::OUTPUTS`].
    type Values: AsRef<[Option<f64>]>;

    /// Sets it up. There is one number for each parameter, within its range.
    fn new(parameters: &[f64]) -> Self;

    /// How many bars back it reads, the newest included.
    fn window(&self) -> Window;

    /// Takes the newest bar and gives its values; `None` as long as fewer bars were seen than it needs.
    fn update(&mut self, bars: &Bars<'_>) -> Self::Values;

    /// Hands every number it remembers to `visit`, always the same ones in the same order: what is saved and restored.
    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        let _ = visit;
    }
}

/// How many bars of the ring are read, the newest included, by what is read of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Closes.
    pub(crate) closes: usize,
    /// Highs and lows (and closes: a typical price needs all three).
    pub(crate) ranges: usize,
    /// Volumes.
    pub(crate) volumes: usize,
}

impl Window {
    /// Reads `bars` closes.
    pub(crate) const fn of_closes(bars: usize) -> Self {
        Self { closes: bars, ranges: 0, volumes: 0 }
    }

    /// Reads highs, lows and closes of `bars` bars.
    pub(crate) const fn of_ranges(bars: usize) -> Self {
        Self { closes: bars, ranges: bars, volumes: 0 }
    }

    /// Reads all of `bars` bars.
    pub(crate) const fn of_all(bars: usize) -> Self {
        Self { closes: bars, ranges: bars, volumes: bars }
    }

    /// Reads closes and volumes of `bars` bars.
    pub(crate) const fn of_volumes(bars: usize) -> Self {
        Self { closes: bars, ranges: 0, volumes: bars }
    }

    pub(crate) const fn max(self, other: Self) -> Self {
        const fn larger(a: usize, b: usize) -> usize {
            if a > b { a } else { b }
        }
        Self {
            closes: larger(self.closes, other.closes),
            ranges: larger(self.ranges, other.ranges),
            volumes: larger(self.volumes, other.volumes),
        }
    }
}

/// A parameter that counts bars, as the count it is.
pub(crate) fn period(parameters: &[f64], at: usize) -> usize {
    let number = parameters.get(at).copied().unwrap_or_default();
    // Parameters were checked to be whole numbers within their range, which ends far below 2^32.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked by the parameter's range"
    )]
    {
        number as usize
    }
}

/// A parameter that scales.
pub(crate) fn factor(parameters: &[f64], at: usize) -> f64 {
    parameters.get(at).copied().unwrap_or_default()
}

/// A count of bars as a number to divide by.
pub(crate) fn real(bars: usize) -> f64 {
    // Counts of bars stay below 2^32: nothing is lost.
    u32::try_from(bars).map_or(f64::INFINITY, f64::from)
}
