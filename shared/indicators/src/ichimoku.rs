//! `ichimoku(conversion,base,span_b)`: the lines of Hosoda's Ichimoku chart.
//!
//! `ichimoku_conversion`, `ichimoku_base` and `ichimoku_span_b` are the middles between the highest high and the lowest
//! low of as many bars; `ichimoku_span_a` lies between conversion and base.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `conversion` | 2 to 1,000 bars | 9 |
//! | `base` | 2 to 1,000 bars | 26 |
//! | `span_b` | 2 to 1,000 bars | 52 |
//!
//! Lookback: the longest period - 1 for all four. Example, `ichimoku(2,3,4)`: bars of high and low (4, 0), (6, 2), (5, 3),
//! (8, 4) give 5.5, 5, 5.25 and 4 at the last one.
//!
//! Convention: TA-Lib's ICHIMOKU. Every value stands at the bar that it is computed from; charts draw both spans as many
//! bars ahead as `base` has.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// Middles of the range of three windows.
#[derive(Debug, Clone)]
pub(crate) struct Ichimoku {
    periods: [usize; 3],
}

impl Indicator for Ichimoku {
    const NAME: &'static str = "ichimoku";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("conversion", 2.0, 9.0),
        Parameter::bars("base", 2.0, 26.0),
        Parameter::bars("span_b", 2.0, 52.0),
    ];
    const OUTPUTS: &'static [&'static str] =
        &["ichimoku_conversion", "ichimoku_base", "ichimoku_span_a", "ichimoku_span_b"];
    type Values = [Option<f64>; 4];

    fn new(parameters: &[f64]) -> Self {
        Self { periods: [0, 1, 2].map(|at| period(parameters, at)) }
    }

    fn window(&self) -> Window {
        let [conversion, base, span_b] = self.periods;
        Window::of_ranges(conversion.max(base).max(span_b))
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let middle = |period| Some(f64::midpoint(bars.highest(period)?, bars.lowest(period)?));
        // None before all three are known.
        let [Some(conversion), Some(base), Some(span_b)] = self.periods.map(middle) else { return [None; 4] };
        [conversion, base, f64::midpoint(conversion, base), span_b].map(Some)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, example_bar, extremes, last_bars, several,
    };

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        by_bar(bars.len(), |t| {
            let middles = [0, 1, 2].map(|at: usize| {
                let (highest, lowest) = extremes(last_bars(bars, t, parameters[at] as usize)?);
                Some(lowest + (highest - lowest) / 2.0)
            });
            let [conversion, base, span_b] = middles;
            Some([conversion?, base?, base? + (conversion? - base?) / 2.0, span_b?])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, last, .. } = columns;
        let [n, base_n, span_n] = [0, 1, 2].map(|at: usize| parameters[at] as i32);
        several(columns, |[conversion, base, span_a, span_b]| {
            core.ichimoku(0, *last, high, low, n, base_n, span_n, conversion, base, span_a, span_b)
        })
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [6.0, 2.0, 3.0, 1.0], [5.0, 3.0, 4.0, 1.0], [8.0, 4.0, 5.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        let at_last = [5.5, 5.0, 5.25, 4.0].map(|value| [None, None, None, Some(value)]);
        check_bars("ichimoku(2,3,4)", &bars, &at_last.each_ref().map(|column| &column[..]));
    }
}
