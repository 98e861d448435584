//! `trix(period)`: Hutson's TRIX, how far a triple exponential average has come since the bar before, in percent.
//!
//! `trix = 100 * (e3 / e3' - 1)`, where `e3` is the exponential average of the exponential average of the exponential
//! average of the closes.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 15 |
//!
//! Lookback: 3 * (n - 1) + 1. Example, n = 2: closes 1, 2, 3, 4, 5 have an `e3` of 2.5 and 3.5 at the last two and give 40.
//!
//! Convention: TA-Lib's TRIX: each average begins with the mean of its first n values, and closes enter as they are, not
//! their logarithms.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Chain;

/// The change of a triple average.
#[derive(Debug, Clone)]
pub(crate) struct Trix {
    averages: Chain<3>,
    /// Bars before the first triple average.
    lookback: usize,
    /// The triple average of the bar before, from the first one on.
    before: f64,
}

impl Indicator for Trix {
    const NAME: &'static str = "trix";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 15.0)];
    const OUTPUTS: &'static [&'static str] = &["trix"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let n = period(parameters, 0);
        Self { averages: Chain::exponential([n; 3]), lookback: 3 * (n - 1), before: 0.0 }
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some([.., thrice]) = self.averages.update(bars.close()) else { return [None] };
        let before = std::mem::replace(&mut self.before, thrice);
        let has_before = bars.seen() > self.lookback + 1;
        [has_before.then(|| 100.0 * (thrice / before - 1.0))]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.averages.each_scalar(visit);
        visit(&mut self.before);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::dema::tests::chain;
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// One column after the other, and the change as a part of where it began.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [_, _, thrice] = chain(parameters[0], bars);
        by_bar(bars.len(), |t| {
            let before = thrice[t.checked_sub(1)?]?;
            Some([(thrice[t]? - before) * 100.0 / before])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.trix(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("trix(2)", &[1.0, 2.0, 3.0, 4.0, 5.0], &[&[None, None, None, None, Some(40.0)]]);
    }
}
