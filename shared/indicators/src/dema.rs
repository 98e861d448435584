//! `dema(period)`: Mulloy's double exponential average, which takes back most of an average's lag.
//!
//! `dema = 2 * e1 - e2`, where `e1` is the exponential average of the closes and `e2` that of `e1`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: 2 * (n - 1). Example, n = 2: closes 1, 3, 4 give 20/3 - 8/3 = 4 at the last one.
//!
//! Convention: TA-Lib's DEMA: each average begins with the mean of its first n values.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Chain;

/// An average that lags less.
#[derive(Debug, Clone)]
pub(crate) struct Dema(Chain<2>);

impl Indicator for Dema {
    const NAME: &'static str = "dema";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["dema"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Chain::exponential([period(parameters, 0); 2]))
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars.close()).map(|[once, twice]| 2.0 * once - twice)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, averages, by_bar, check, one};

    /// The averages of the closes, of those averages, and so on, each over all bars.
    pub(crate) fn chain<const N: usize>(n: f64, bars: &[TestBar]) -> [Vec<Option<f64>>; N] {
        let mut values: Vec<_> = bars.iter().map(|bar| Some(bar.close)).collect();
        std::array::from_fn(|_| {
            values = averages(&values, n as usize, 2.0 / (n + 1.0));
            values.clone()
        })
    }

    /// One column after the other.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [once, twice] = chain(parameters[0], bars);
        by_bar(bars.len(), |t| Some([once[t]? + (once[t]? - twice[t]?)]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.dema(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("dema(2)", &[1.0, 3.0, 4.0], &[&[None, None, Some(4.0)]]);
    }
}
