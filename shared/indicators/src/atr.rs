//! `atr(period)`: the average true range, how far bars move, jumps between them included.
//!
//! `atr = atr' + (true range - atr') / n`; the first one is the mean of the first n true ranges. The true range is the
//! largest of high - low, |high - close'| and |low - close'|, where close' is the close of the bar before.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: true ranges 3, 1, 5 (the first bar has none) give nothing, nothing, 2, 3.5.
//!
//! Convention: TA-Lib's ATR. The first bar's range is not used, since there is no close before it.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;
use crate::true_range::true_range;

/// The average true range.
#[derive(Debug, Clone)]
pub(crate) struct Atr(Smoothed);

impl Indicator for Atr {
    const NAME: &'static str = "atr";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["atr"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Smoothed::wilder(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [true_range(bars).and_then(|range| self.0.update(range))]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::directional::tests::example;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, one};

    /// Each value from the whole history: the mean of the first n ranges, and then one step for each bar.
    pub(crate) fn average(n: usize, bars: &[TestBar]) -> Vec<Option<f64>> {
        let range = |at: usize| {
            let before = bars[at - 1].close;
            bars[at].high.max(before) - bars[at].low.min(before)
        };
        let value = |t: usize| {
            let seed = (1..=n).map(range).sum::<f64>() / n as f64;
            (n + 1..=t).fold(seed, |atr, at| (atr * (n as f64 - 1.0) + range(at)) / n as f64)
        };
        (0..bars.len()).map(|t| (t >= n).then(|| value(t))).collect()
    }

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        vec![average(parameters[0] as usize, bars)]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        one(columns, |out| core.atr(0, *last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check_bars("atr(2)", &example()[..4], &[&[None, None, Some(2.0), Some(3.5)]]);
    }
}
