//! Chaikin's money flow volume, which three indicators add up.

/// The volume of a bar, weighted by where in its range it closed: from -1 at the low to 1 at the high.
///
/// 0 for a bar without a range, as in TA-Lib.
pub(crate) fn money_flow_volume(high: f64, low: f64, close: f64, volume: f64) -> f64 {
    let range = high - low;
    if range > 0.0 { (close - low - (high - close)) / range * volume } else { 0.0 }
}
