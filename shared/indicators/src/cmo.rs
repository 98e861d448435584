//! `cmo(period)`: Chande's momentum oscillator, the balance of rises and falls from close to close.
//!
//! `cmo = 100 * (rises - falls) / (rises + falls)` with Wilder's averages of the changes upwards and downwards, as in `rsi`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: closes 1, 4, 3, 5 give nothing, nothing, 50, 75.
//!
//! Convention: TA-Lib's CMO, which is `2 * rsi - 100`, and 0 where nothing has changed. Chande's own takes plain sums of the
//! last n changes.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::rsi::Changes;
use crate::series::Bars;

/// The balance of rises and falls.
#[derive(Debug, Clone)]
pub(crate) struct Cmo(Changes);

impl Indicator for Cmo {
    const NAME: &'static str = "cmo";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["cmo"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Changes::new(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Changes::WINDOW
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars).map(|averages| {
            let total = averages.rises + averages.falls;
            if total > 0.0 { 100.0 * ((averages.rises - averages.falls) / total) } else { 0.0 }
        })]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::rsi::tests::rises_and_falls;
    use crate::testing::{Columns, TaLib, TestBar, check, one};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let balance = |(rises, falls): (f64, f64)| match (rises, falls) {
            (0.0, 0.0) => 0.0,
            _ => 100.0 * rises / (rises + falls) - 100.0 * falls / (rises + falls),
        };
        let averages = rises_and_falls(bars, parameters[0] as usize);
        vec![averages.into_iter().map(|averages| averages.map(balance)).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.cmo(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("cmo(2)", &[1.0, 4.0, 3.0, 5.0], &[&[None, None, Some(50.0), Some(75.0)]]);
    }

    #[test]
    fn a_market_without_changes_is_balanced() {
        check("cmo(2)", &[3.0, 3.0, 3.0], &[&[None, None, Some(0.0)]]);
    }
}
