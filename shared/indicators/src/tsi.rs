//! `tsi(first,second)`: Blau's true strength index, the changes from close to close smoothed twice.
//!
//! `tsi = 100 * smooth(change) / smooth(|change|)`, where `smooth` is the exponential average of `second` values of the
//! exponential average of `first` values.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `first` | 2 to 1,000 bars | 25 |
//! | `second` | 2 to 1,000 values | 13 |
//!
//! Lookback: first + second - 1. Example, `tsi(2,2)`: closes 1, 4, 3, 5 give 100 * (4/3) / 2 = 66.67 at the last one.
//!
//! Convention: TA-Lib's TSI: 0 where nothing has changed.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Chain;

/// The changes as a part of their size, smoothed.
#[derive(Debug, Clone)]
pub(crate) struct Tsi {
    changes: Chain<2>,
    sizes: Chain<2>,
}

impl Indicator for Tsi {
    const NAME: &'static str = "tsi";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("first", 2.0, 25.0), Parameter::bars("second", 2.0, 13.0)];
    const OUTPUTS: &'static [&'static str] = &["tsi"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let smooth = Chain::exponential([0, 1].map(|at| period(parameters, at)));
        Self { changes: smooth.clone(), sizes: smooth }
    }

    fn window(&self) -> Window {
        Window::of_closes(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(&[before, close]) = bars.closes(2) else { return [None] };
        let change = close - before;
        let (change, size) = (self.changes.update(change), self.sizes.update(change.abs()));
        [change.zip(size).map(|([_, change], [_, size])| if size > 0.0 { 100.0 * (change / size) } else { 0.0 })]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.changes.each_scalar(visit);
        self.sizes.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, averages, by_bar, changes, check, one};

    /// One column after the other.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let smooth = |values: Vec<Option<f64>>| {
            parameters.iter().fold(values, |values, n| averages(&values, *n as usize, 2.0 / (n + 1.0)))
        };
        let changes = changes(bars);
        let sizes = smooth(changes.iter().map(|change| change.map(f64::abs)).collect());
        let changes = smooth(changes);
        by_bar(bars.len(), |t| Some([if sizes[t]? == 0.0 { 0.0 } else { changes[t]? * 100.0 / sizes[t]? }]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let [first, second] = [0, 1].map(|at: usize| parameters[at] as i32);
        one(columns, |out| core.tsi(0, columns.last, &columns.close, first, second, out))
    });

    #[test]
    fn the_example_holds() {
        check("tsi(2,2)", &[1.0, 4.0, 3.0, 5.0], &[&[None, None, None, Some(200.0 / 3.0)]]);
    }

    #[test]
    fn a_market_without_changes_has_no_strength() {
        check("tsi(2,2)", &[3.0; 4], &[&[None, None, None, Some(0.0)]]);
    }
}
