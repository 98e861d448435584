//! `cvd`: the cumulative volume delta, what takers bought less what they sold since the series began.
//!
//! `cvd = cvd' + taker buy volume - (volume - taker buy volume)`
//!
//! No parameters. Lookback: 0. Example: 3 of 4 and 1 of 5 bought give 2, -1.
//!
//! Convention: the exchange's own taker buy volume; TA-Lib has no such function. It depends on where the series began, and
//! never converges after a lost bar.

use crate::indicator::{Indicator, Window};
use crate::registry::Parameter;
use crate::series::Bars;

/// The cumulative volume delta.
#[derive(Debug, Clone)]
pub(crate) struct Cvd(f64);

impl Indicator for Cvd {
    const NAME: &'static str = "cvd";
    const PARAMETERS: &'static [Parameter] = &[];
    const OUTPUTS: &'static [&'static str] = &["cvd"];
    type Values = [Option<f64>; 1];

    fn new(_: &[f64]) -> Self {
        Self(0.0)
    }

    fn window(&self) -> Window {
        Window::default()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let bought = bars.taker_buy_volume();
        self.0 += bought - (bars.volume() - bought);
        [Some(self.0)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{TaLib, TestBar, check_bars, taker_bar};

    pub(crate) fn oracle(_: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let delta = |bar: &TestBar| 2.0 * bar.taker_buy_volume - bar.volume;
        vec![(0..bars.len()).map(|t| Some(bars[..=t].iter().map(delta).sum())).collect()]
    }

    /// TA-Lib knows no takers.
    pub(crate) const TA_LIB: Option<TaLib> = None;

    #[test]
    fn the_example_holds() {
        let bars = [taker_bar(0, 4, 3), taker_bar(1, 5, 1)];
        check_bars("cvd", &bars, &[&[Some(2.0), Some(-1.0)]]);
    }
}
