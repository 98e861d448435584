//! `stddev(period)`: the standard deviation of the last closes.
//!
//! `stddev = sqrt(((close[t-n+1] - mean)^2 + ... + (close[t] - mean)^2) / n)`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 2: closes 1, 3, 3 give nothing, 1, 0.
//!
//! Convention: TA-Lib's STDDEV with one deviation: that of a population, divided by n. The window is summed anew at every
//! bar.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::deviation;

/// How far the last closes are from their mean.
#[derive(Debug, Clone)]
pub(crate) struct StdDev {
    period: usize,
}

impl Indicator for StdDev {
    const NAME: &'static str = "stddev";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["stddev"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [bars.closes(self.period).map(deviation)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, last_bars, one};

    /// In two passes: the mean, then the mean square of the distances from it.
    pub(crate) fn mean_and_deviation(bars: &[TestBar]) -> (f64, f64) {
        let n = bars.len() as f64;
        let mean = bars.iter().map(|bar| bar.close).sum::<f64>() / n;
        let is_flat = bars.iter().all(|bar| bar.close.to_bits() == bars[0].close.to_bits());
        let variance = bars.iter().map(|bar| (bar.close - mean).powi(2)).sum::<f64>() / n;
        (mean, if is_flat { 0.0 } else { variance.sqrt() })
    }

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        by_bar(bars.len(), |t| {
            let (_, deviation) = mean_and_deviation(last_bars(bars, t, parameters[0] as usize)?);
            Some([deviation])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.stddev(0, columns.last, &columns.close, parameters[0] as i32, 1.0, out))
    });

    #[test]
    fn the_example_holds() {
        check("stddev(2)", &[1.0, 3.0, 3.0], &[&[None, Some(1.0), Some(0.0)]]);
    }
}
