//! `wma(period)`: the weighted moving average, a mean in which newer closes weigh more.
//!
//! `wma = (1 * close[t-n+1] + 2 * close[t-n+2] + ... + n * close[t]) / (1 + 2 + ... + n)`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 3: closes 3, 3, 6, 9 give nothing, nothing, 4.5, 7.
//!
//! Convention: TA-Lib's WMA; the window is summed anew at every bar.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::weighted_mean;

/// A mean in which newer closes weigh more.
#[derive(Debug, Clone)]
pub(crate) struct Wma {
    period: usize,
}

impl Indicator for Wma {
    const NAME: &'static str = "wma";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["wma"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [bars.closes(self.period).map(|closes| weighted_mean(closes.iter().copied()))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::hma::tests::weighted_at;
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let closes: Vec<_> = bars.iter().map(|bar| Some(bar.close)).collect();
        by_bar(bars.len(), |t| Some([weighted_at(&closes, t, parameters[0] as usize)?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.wma(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("wma(3)", &[3.0, 3.0, 6.0, 9.0], &[&[None, None, Some(4.5), Some(7.0)]]);
    }
}
