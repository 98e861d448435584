//! `donchian(period)`: Donchian's channel between the highest high and the lowest low.
//!
//! `donchian_upper` is the highest high of n bars, `donchian_lower` the lowest low, `donchian_middle` lies between them.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 2: bars of high and low (4, 0), (6, 2), (5, 3) give nothing, then 6, 3, 0, then 6, 4, 2.
//!
//! Convention: TA-Lib's DONCHIAN: the newest bar is part of its window, so to break out means to pass the channel of the
//! bar before.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// The channel between the highest high and the lowest low.
#[derive(Debug, Clone)]
pub(crate) struct Donchian {
    period: usize,
}

impl Indicator for Donchian {
    const NAME: &'static str = "donchian";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["donchian_upper", "donchian_middle", "donchian_lower"];
    type Values = [Option<f64>; 3];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let channel = bars.highest(self.period).zip(bars.lowest(self.period));
        channel.map_or([None; 3], |(upper, lower)| [upper, f64::midpoint(upper, lower), lower].map(Some))
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
            let (highest, lowest) = extremes(last_bars(bars, t, parameters[0] as usize)?);
            Some([highest, lowest + (highest - lowest) / 2.0, lowest])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let (Columns { high, low, .. }, n) = (columns, parameters[0] as i32);
        several(columns, |[upper, middle, lower]| {
            core.donchian(0, columns.last, high, low, n, upper, middle, lower)
        })
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [6.0, 2.0, 3.0, 1.0], [5.0, 3.0, 4.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("donchian(2)", &bars, &[
            &[None, Some(6.0), Some(6.0)],
            &[None, Some(3.0), Some(4.0)],
            &[None, Some(0.0), Some(2.0)],
        ]);
    }
}
