//! `linearreg(period)`: where the straight line that fits the last closes best ends, also known as LSMA.
//!
//! `linearreg = 3 * wma - 2 * sma`: the end of the line of least squares through n closes is this combination of their
//! weighted and their plain mean.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n - 1. Example, n = 3: closes 1, 2, 6 lie around the line 0.5, 3, 5.5 and give 5.5.
//!
//! Convention: TA-Lib's LINEARREG.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{mean, weighted_mean};

/// The end of the line that fits best.
#[derive(Debug, Clone)]
pub(crate) struct LinearReg {
    period: usize,
}

impl Indicator for LinearReg {
    const NAME: &'static str = "linearreg";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["linearreg"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let closes = bars.closes(self.period);
        [closes.map(|closes| 3.0 * weighted_mean(closes.iter().copied()) - 2.0 * mean(closes))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, last_bars, one};

    /// The line of least squares: its slope is covariance by variance, and it passes through both means.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0];
        by_bar(bars.len(), |t| {
            let window = last_bars(bars, t, n as usize)?;
            let (mean_x, mean_y) = ((n - 1.0) / 2.0, window.iter().map(|bar| bar.close).sum::<f64>() / n);
            let (mut covariance, mut variance) = (0.0, 0.0);
            for (x, bar) in window.iter().enumerate() {
                covariance += (x as f64 - mean_x) * (bar.close - mean_y);
                variance += (x as f64 - mean_x).powi(2);
            }
            Some([mean_y + covariance / variance * (n - 1.0 - mean_x)])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.linearreg(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("linearreg(3)", &[1.0, 2.0, 6.0], &[&[None, None, Some(5.5)]]);
    }
}
