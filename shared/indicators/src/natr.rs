//! `natr(period)`: the average true range in percent of the close, comparable between symbols.
//!
//! `natr = 100 * atr / close`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: average true ranges 2 and 3.5 at closes 10 and 14 give 20 and 25.
//!
//! Convention: TA-Lib's NATR, except that n = 1 is refused, where TA-Lib gives the true range itself and no percentage,
//! and that it is absent at a close of zero, where TA-Lib says 0.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;
use crate::true_range::true_range;

/// The average true range in percent.
#[derive(Debug, Clone)]
pub(crate) struct Natr(Smoothed);

impl Indicator for Natr {
    const NAME: &'static str = "natr";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["natr"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Smoothed::wilder(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let average = true_range(bars).and_then(|range| self.0.update(range));
        [average.filter(|_| bars.close() > 0.0).map(|average| average / bars.close() * 100.0)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::atr;
    use crate::directional::tests::example;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, one};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let averages = atr::tests::average(parameters[0] as usize, bars);
        let percent = |(average, bar): (Option<f64>, &TestBar)| Some(100.0 * average? / bar.close);
        vec![averages.into_iter().zip(bars).map(percent).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        one(columns, |out| core.natr(0, *last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check_bars("natr(2)", &example()[..4], &[&[None, None, Some(20.0), Some(25.0)]]);
    }
}
