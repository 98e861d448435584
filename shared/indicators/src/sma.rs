//! `sma(period)`: the simple moving average, the plain mean of the last closes.
//!
//! `sma = (close[t-n+1] + ... + close[t]) / n`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 3: closes 1, 2, 3, 7 give nothing, nothing, 2, 4.
//!
//! Convention: TA-Lib's SMA. TA-Lib adds the newest close to a running sum and takes the oldest away, so its value carries
//! the rounding of the whole history; here every window has a sum of its own, oldest to newest.

use crate::indicator::{Indicator, Window, period, real};
use crate::registry::Parameter;
use crate::series::Bars;

/// The mean of the last closes.
#[derive(Debug, Clone)]
pub(crate) struct Sma {
    period: usize,
}

impl Indicator for Sma {
    const NAME: &'static str = "sma";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["sma"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [bars.sum_of_closes(self.period).map(|sum| sum / real(self.period))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check, one};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let value = |t: usize| {
            (t + 1 >= n).then(|| bars[t + 1 - n..=t].iter().map(|bar| bar.close).sum::<f64>() / n as f64)
        };
        vec![(0..bars.len()).map(value).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.sma(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("sma(3)", &[1.0, 2.0, 3.0, 7.0], &[&[None, None, Some(2.0), Some(4.0)]]);
    }
}
