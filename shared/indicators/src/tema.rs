//! `tema(period)`: Mulloy's triple exponential average, which lags less still than the double one.
//!
//! `tema = 3 * e1 - 3 * e2 + e3`, where `e1` is the exponential average of the closes, `e2` that of `e1`, `e3` that of
//! `e2`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: 3 * (n - 1). Example, n = 2: closes 1, 3, 4, 4 give (306 - 276 + 82) / 27 = 4.148 at the last one.
//!
//! Convention: TA-Lib's TEMA: each average begins with the mean of its first n values.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Chain;

/// An average that lags least.
#[derive(Debug, Clone)]
pub(crate) struct Tema(Chain<3>);

impl Indicator for Tema {
    const NAME: &'static str = "tema";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["tema"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Chain::exponential([period(parameters, 0); 3]))
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars.close()).map(|[once, twice, thrice]| 3.0 * once - 3.0 * twice + thrice)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::dema::tests::chain;
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// One column after the other.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [once, twice, thrice] = chain(parameters[0], bars);
        by_bar(bars.len(), |t| Some([3.0 * (once[t]? - twice[t]?) + thrice[t]?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.tema(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("tema(2)", &[1.0, 3.0, 4.0, 4.0], &[&[None, None, None, Some(112.0 / 27.0)]]);
    }
}
