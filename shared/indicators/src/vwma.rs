//! `vwma(period)`: the mean of the last closes, each weighing as much as was traded.
//!
//! `vwma = (close[t-n+1] * volume[t-n+1] + ... + close[t] * volume[t]) / (volume[t-n+1] + ... + volume[t])`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 2: closes 1, 4, 2 with volumes 1, 3, 1 give nothing, 3.25, 3.5.
//!
//! Convention: TA-Lib's VWMA; no value where nothing was traded (TA-Lib: not a number). The window is summed anew at
//! every bar: one outlier volume costs TA-Lib's running sums their last digits for good.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// The mean of the last closes by volume.
#[derive(Debug, Clone)]
pub(crate) struct Vwma {
    period: usize,
}

impl Indicator for Vwma {
    const NAME: &'static str = "vwma";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["vwma"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_volumes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let window = bars.closes(self.period).zip(bars.volumes(self.period));
        let window = window.zip(bars.sum_of_volumes(self.period));
        [window.map(|((closes, volumes), volume)| {
            let values = closes.iter().zip(volumes).map(|(close, volume)| close * volume);
            values.sum::<f64>() / volume
        })]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, each_bar, example_bar, last_bars,
    };

    /// Each close times its part of the window's volume.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        by_bar(bars.len(), |t| {
            let window = last_bars(bars, t, parameters[0] as usize)?;
            let total = window.iter().map(|bar| bar.volume).sum::<f64>();
            (total > 0.0).then(|| [window.iter().map(|bar| bar.close * (bar.volume / total)).sum()])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        each_bar(columns, |bar, [out]| {
            core.vwma(bar, bar, &columns.close, &columns.volume, parameters[0] as i32, out)
        })
    });

    fn holds(bars: [[f64; 2]; 3], expected: [Option<f64>; 3]) {
        let bar = |(at, [close, volume]): (usize, [f64; 2])| example_bar(at, [close, close, close, volume]);
        let bars: Vec<_> = bars.into_iter().enumerate().map(bar).collect();
        check_bars("vwma(2)", &bars, &[&expected]);
    }

    #[test]
    fn the_example_holds() {
        holds([[1.0, 1.0], [4.0, 3.0], [2.0, 1.0]], [None, Some(3.25), Some(3.5)]);
    }

    #[test]
    fn without_volume_there_is_no_value() {
        holds([[1.0, 1.0], [4.0, 0.0], [2.0, 0.0]], [None, Some(1.0), None]);
    }
}
