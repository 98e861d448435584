//! `rvol(period)`: relative volume, what was traded against the mean of the bars before.
//!
//! `rvol = n * volume / (volume[t-n] + ... + volume[t-1])`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: n. Example, n = 2: volumes 1, 3, 4, 14 give nothing, nothing, 2, 4.
//!
//! Convention: TA-Lib's RVOL; no value where nothing was traded before (TA-Lib: infinite or not a number). The window is
//! summed anew at every bar: one outlier costs TA-Lib's running sum its last digits for good.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::mean;

/// The newest volume against the mean of those before.
#[derive(Debug, Clone)]
pub(crate) struct Rvol {
    period: usize,
}

impl Indicator for Rvol {
    const NAME: &'static str = "rvol";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["rvol"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window { volumes: self.period + 1, ..Window::default() }
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let volumes = bars.volumes(self.period + 1).and_then(<[f64]>::split_last);
        [volumes.map(|(newest, before)| newest / mean(before))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, each_bar, example_bar, last_bars,
    };

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0];
        by_bar(bars.len(), |t| {
            let before: f64 = last_bars(bars, t.checked_sub(1)?, n as usize)?.iter().map(|bar| bar.volume).sum();
            (before > 0.0).then(|| [bars[t].volume * n / before])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        each_bar(columns, |bar, [out]| core.rvol(bar, bar, &columns.volume, parameters[0] as i32, out))
    });

    fn holds(volumes: [f64; 4], expected: [Option<f64>; 4]) {
        let bar = |(at, volume): (usize, f64)| example_bar(at, [1.0, 1.0, 1.0, volume]);
        let bars: Vec<_> = volumes.into_iter().enumerate().map(bar).collect();
        check_bars("rvol(2)", &bars, &[&expected]);
    }

    #[test]
    fn the_example_holds() {
        holds([1.0, 3.0, 4.0, 14.0], [None, None, Some(2.0), Some(4.0)]);
    }

    #[test]
    fn against_nothing_there_is_no_value() {
        holds([0.0, 0.0, 4.0, 6.0], [None, None, None, Some(3.0)]);
    }
}
