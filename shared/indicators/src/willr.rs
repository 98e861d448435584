//! `willr(period)`: Williams' %R, how far the close is below the highest high.
//!
//! `willr = -100 * (highest - close) / (highest - lowest)` with the highest high and lowest low of n bars: -100 to 0.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n - 1. Example, n = 2: bars of high, low and close (4, 0, 2), (4, 2, 3), (4, 2, 2) give nothing, -25, -100.
//!
//! Convention: TA-Lib's WILLR: 0 where there is no range.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::position;

/// How far the close is below the highest high.
#[derive(Debug, Clone)]
pub(crate) struct WillR {
    period: usize,
}

impl Indicator for WillR {
    const NAME: &'static str = "willr";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["willr"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let range = bars.lowest(self.period).zip(bars.highest(self.period));
        let place = |range| position(bars.close(), range).unwrap_or(1.0);
        [range.map(|range| 100.0 * (place(range) - 1.0))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check, check_bars, example_bar, extremes, last_bars, one,
    };

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        by_bar(bars.len(), |t| {
            let (highest, lowest) = extremes(last_bars(bars, t, parameters[0] as usize)?);
            let range = highest - lowest;
            Some([if range == 0.0 { 0.0 } else { -100.0 * (highest - bars[t].close) / range }])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, .. } = columns;
        one(columns, |out| core.willr(0, columns.last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [4.0, 2.0, 3.0, 1.0], [4.0, 2.0, 2.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("willr(2)", &bars, &[&[None, Some(-25.0), Some(-100.0)]]);
    }

    #[test]
    fn without_a_range_it_is_at_the_top() {
        check("willr(2)", &[3.0, 3.0], &[&[None, Some(0.0)]]);
    }
}
