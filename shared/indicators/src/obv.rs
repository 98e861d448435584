//! `obv`: on-balance volume, the volume of rising bars less that of falling ones since the series began.
//!
//! `obv = obv' + volume` where the close is above the one before, `obv' - volume` below, `obv'` at the same; the first one
//! is the first volume.
//!
//! No parameters. Lookback: 0. Example: closes 10, 12, 12, 11 with volumes 5, 3, 2, 4 give 5, 8, 8, 4.
//!
//! Convention: TA-Lib's OBV. It depends on where the series began, and never converges after a lost bar.

use crate::indicator::{Indicator, Window};
use crate::registry::Parameter;
use crate::series::Bars;

/// On-balance volume.
#[derive(Debug, Clone)]
pub(crate) struct Obv(f64);

impl Indicator for Obv {
    const NAME: &'static str = "obv";
    const PARAMETERS: &'static [Parameter] = &[];
    const OUTPUTS: &'static [&'static str] = &["obv"];
    type Values = [Option<f64>; 1];

    fn new(_: &[f64]) -> Self {
        Self(0.0)
    }

    fn window(&self) -> Window {
        Window::of_closes(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let close = bars.close();
        match bars.previous() {
            Some(previous) if close < previous.close => self.0 -= bars.volume(),
            Some(previous) if close <= previous.close => {}
            _ => self.0 += bars.volume(),
        }
        [Some(self.0)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, one};

    pub(crate) fn oracle(_: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let sign = |at: usize| {
            let change = bars[at].close - bars[at - 1].close;
            if change == 0.0 { 0.0 } else { change.signum() }
        };
        let sum = |t: usize| (1..=t).map(|at| sign(at) * bars[at].volume).fold(bars[0].volume, |a, b| a + b);
        vec![(0..bars.len()).map(|t| Some(sum(t))).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, _, columns: &Columns| {
        one(columns, |out| core.obv(0, columns.last, &columns.close, &columns.volume, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [(10.0, 5.0), (12.0, 3.0), (12.0, 2.0), (11.0, 4.0)];
        let bar = |(at, (close, volume))| example_bar(at, [close, close, close, volume]);
        let bars: Vec<_> = bars.into_iter().enumerate().map(bar).collect();
        check_bars("obv", &bars, &[&[Some(5.0), Some(8.0), Some(8.0), Some(4.0)]]);
    }
}
