//! `roc(period)`: the rate of change, how far the close has come in n bars, in percent.
//!
//! `roc = 100 * (close / close[t-n] - 1)`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 10 |
//!
//! Lookback: n. Example, n = 2: closes 1, 2, 4, 7 give nothing, nothing, 300, 250.
//!
//! Convention: TA-Lib's ROC; where the close n bars ago was 0, TA-Lib says 0, and here there is no value.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// The change of the close over some bars, in percent.
#[derive(Debug, Clone)]
pub(crate) struct Roc {
    period: usize,
}

impl Indicator for Roc {
    const NAME: &'static str = "roc";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 10.0)];
    const OUTPUTS: &'static [&'static str] = &["roc"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let before = bars.closes(self.period + 1).and_then(<[f64]>::first);
        [before.map(|before| 100.0 * (bars.close() / before - 1.0))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// Straight from the definition: the change as a part of where it began.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        by_bar(bars.len(), |t| {
            let before = bars[t.checked_sub(n)?].close;
            Some([(bars[t].close - before) * 100.0 / before])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.roc(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("roc(2)", &[1.0, 2.0, 4.0, 7.0], &[&[None, None, Some(300.0), Some(250.0)]]);
    }
}
