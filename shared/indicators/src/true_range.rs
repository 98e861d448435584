//! How far a bar moved, the jump from the bar before it included.

use crate::series::Bars;

/// The newest bar's true range; `None` for the first bar, which has no close before it.
///
/// The largest of high - low, |high - previous close| and |low - previous close| (J. Welles Wilder, "New Concepts in
/// Technical Trading Systems").
pub(crate) fn true_range(bars: &Bars<'_>) -> Option<f64> {
    let previous = bars.previous()?;
    Some(true_range_of(bars.high(), bars.low(), previous.close))
}

/// The true range of any bar.
pub(crate) const fn true_range_of(high: f64, low: f64, previous_close: f64) -> f64 {
    (high - low).max((high - previous_close).abs()).max((low - previous_close).abs())
}
