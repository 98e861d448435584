//! `ad`: the accumulation/distribution line, volume weighted by where in its range each bar closed, added up since the
//! series began.
//!
//! `ad = ad' + volume * ((close - low) - (high - close)) / (high - low)`; a bar without a range adds nothing.
//!
//! No parameters. Lookback: 0. Example: (high, low, close, volume) of (12, 8, 11, 4), (10, 10, 10, 5), (12, 8, 8, 3) give
//! 2, 2, -1.
//!
//! Convention: TA-Lib's AD. It depends on where the series began, and never converges after a lost bar.

use crate::indicator::{Indicator, Window};
use crate::money_flow::money_flow_volume;
use crate::registry::Parameter;
use crate::series::Bars;

/// The accumulation/distribution line.
#[derive(Debug, Clone)]
pub(crate) struct Ad(f64);

impl Indicator for Ad {
    const NAME: &'static str = "ad";
    const PARAMETERS: &'static [Parameter] = &[];
    const OUTPUTS: &'static [&'static str] = &["ad"];
    type Values = [Option<f64>; 1];

    fn new(_: &[f64]) -> Self {
        Self(0.0)
    }

    fn window(&self) -> Window {
        Window::default()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        self.0 += money_flow_volume(bars.high(), bars.low(), bars.close(), bars.volume());
        [Some(self.0)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::bars::ClosedBar;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, one};

    /// The volume that counts, with its sign, as a share of the range.
    pub(crate) fn flow(bar: &TestBar) -> f64 {
        let range = bar.high - bar.low;
        if range == 0.0 { 0.0 } else { bar.volume * (2.0 * bar.close - bar.high - bar.low) / range }
    }

    pub(crate) fn oracle(_: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        vec![(0..bars.len()).map(|t| Some(bars[..=t].iter().map(flow).sum())).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, _, columns: &Columns| {
        let Columns { high, low, close, volume, last } = columns;
        one(columns, |out| core.ad(0, *last, high, low, close, volume, out))
    });

    /// Money flow volumes of 2, 0 and -3 in volumes of 4, 5 and 3.
    pub(crate) fn example() -> Vec<ClosedBar> {
        let bars = [[12.0, 8.0, 11.0, 4.0], [10.0, 10.0, 10.0, 5.0], [12.0, 8.0, 8.0, 3.0]];
        bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect()
    }

    #[test]
    fn the_example_holds() {
        check_bars("ad", &example(), &[&[Some(2.0), Some(2.0), Some(-1.0)]]);
    }
}
