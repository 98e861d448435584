//! `cci(period)`: Lambert's commodity channel index, the typical price's distance from its mean.
//!
//! `cci = (typical - mean) / (0.015 * deviation)` with `typical = (high + low + close) / 3`, its mean over n bars, and the
//! mean of the absolute distances of these n from that mean.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 3: bars with typical prices 1, 2, 6, 6 give nothing, nothing, 100, 50.
//!
//! Convention: TA-Lib's CCI: 0 where the price is on its mean, or where nothing deviates from it.

use crate::indicator::{Indicator, Window, period, real};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::mean;

/// The typical price's distance from its mean.
#[derive(Debug, Clone)]
pub(crate) struct Cci {
    period: usize,
    typical: Recent<f64>,
}

/// The part of the price below which a distance is rounding: TA-Lib's.
const NOISE: f64 = 1e-14;

impl Indicator for Cci {
    const NAME: &'static str = "cci";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["cci"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let period = period(parameters, 0);
        Self { period, typical: Recent::new(period) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let n = self.period;
        let (Some(highs), Some(lows), Some(closes)) = (bars.highs(n), bars.lows(n), bars.closes(n)) else {
            return [None];
        };
        let prices = highs.iter().zip(lows).zip(closes);
        let typical = self.typical.follow(prices.map(|((high, low), close)| (high + low + close) / 3.0));
        let newest = (bars.high() + bars.low() + bars.close()) / 3.0;
        [Some(index(newest, typical))]
    }
}

fn index(newest: f64, typical: &[f64]) -> f64 {
    let mean = mean(typical);
    let deviation = typical.iter().map(|price| (price - mean).abs()).sum::<f64>() / real(typical.len());
    let distance = newest - mean;
    let noise = NOISE * mean;
    if distance.abs() > noise && deviation > noise { distance / (0.015 * deviation) } else { 0.0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, last_bars, one};

    /// In whole ticks, which know nothing of rounding: the ticks of a price and the thirds cancel out.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        by_bar(bars.len(), |t| {
            let window = last_bars(bars, t, n)?;
            let sum: i128 = window.iter().map(|bar| bar.typical_ticks).sum();
            let distance = |bar: &TestBar| bar.typical_ticks * n as i128 - sum;
            let deviations: i128 = window.iter().map(|bar| distance(bar).abs()).sum();
            let value = distance(&bars[t]) as f64 * n as f64 / (0.015 * deviations as f64);
            Some([if deviations == 0 { 0.0 } else { value }])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, .. } = columns;
        one(columns, |out| core.cci(0, columns.last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("cci(3)", &[1.0, 2.0, 6.0, 6.0], &[&[None, None, Some(100.0), Some(50.0)]]);
    }

    #[test]
    fn a_price_that_stands_still_is_on_its_mean() {
        check("cci(3)", &[0.1, 0.1, 0.1], &[&[None, None, Some(0.0)]]);
    }
}
