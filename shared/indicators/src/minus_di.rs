//! `minus_di(period)`: the minus directional indicator, how much of the movement went down.
//!
//! `minus_di = 100 * sum of -DM / sum of true range`, where -DM is the part of the bar below the low before it, if that is more
//! than the part above the high before it, and 0 otherwise. Both sums fade:
//! `sum = sum' - sum' / n + x` for each bar and begin as plain sums over the first n - 1 changes.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: -DM 0, 0, 0, 2 and true ranges 3, 1, 5, 5 (the first bar has none) give nothing, nothing, 0, 0,
//! 320 / 13.
//!
//! Convention: TA-Lib's `MINUS_DI`, except that n = 1 is refused, where TA-Lib gives a fraction instead of a percentage.

use crate::directional::Directional;
use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// The minus directional indicator.
#[derive(Debug, Clone)]
pub(crate) struct MinusDi(Directional);

impl Indicator for MinusDi {
    const NAME: &'static str = "minus_di";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["minus_di"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Directional::new(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars).map(|direction| direction.minus)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::directional;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, one};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let directions = directional::tests::oracle(parameters[0] as usize, bars);
        vec![directions.into_iter().map(|direction| direction.map(|(_, minus)| minus)).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        one(columns, |out| core.minus_di(0, *last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = directional::tests::example();
        check_bars("minus_di(2)", &bars, &[&[None, None, Some(0.0), Some(0.0), Some(320.0 / 13.0)]]);
    }
}
