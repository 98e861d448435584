//! `vortex(period)`: the vortex indicator, how far bars reach away from the ones before them, upward and downward.
//!
//! `vortex_plus = sum of |high - low'| / sum of true range` and `vortex_minus = sum of |low - high'| / sum of true range`,
//! all over n bars, where low' and high' are those of the bar before.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: |high - low'| of 4, 2, 5, |low - high'| of 1, 2, 0 and true ranges of 3, 1, 5 (the first bar
//! has none) give nothing, nothing, (1.5, 0.75), (7 / 6, 1 / 3).
//!
//! Convention: TA-Lib's VORTEX, 0 where nothing moved (E. Botes and D. Siepman, "The Vortex Indicator", 2010).

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::true_range::true_range_of;

/// The vortex indicator.
#[derive(Debug, Clone)]
pub(crate) struct Vortex {
    period: usize,
}

impl Indicator for Vortex {
    const NAME: &'static str = "vortex";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["vortex_plus", "vortex_minus"];
    type Values = [Option<f64>; 2];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some([plus, minus, range]) = sums(bars, self.period) else { return [None; 2] };
        [plus, minus].map(|moved| Some(if range > 0.0 { moved / range } else { 0.0 }))
    }
}

/// Movement upward, movement downward and true range of the last `count` bars.
fn sums(bars: &Bars<'_>, count: usize) -> Option<[f64; 3]> {
    let (highs, lows) = (bars.highs(count + 1)?, bars.lows(count + 1)?);
    let before = highs.iter().zip(lows).zip(bars.closes(count + 1)?);
    let now = highs.iter().zip(lows).skip(1);
    let mut sums = [0.0; 3];
    for ((high, low), ((previous_high, previous_low), previous_close)) in now.zip(before) {
        let terms = [
            (high - previous_low).abs(),
            (low - previous_high).abs(),
            true_range_of(*high, *low, *previous_close),
        ];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    Some(sums)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::directional::tests::example;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, several};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let range = |at: usize| bars[at].high.max(bars[at - 1].close) - bars[at].low.min(bars[at - 1].close);
        let column = |moved: &dyn Fn(usize) -> f64| {
            let value = |t: usize| {
                let range: f64 = (t + 1 - n..=t).map(range).sum();
                if range > 0.0 { (t + 1 - n..=t).map(moved).sum::<f64>() / range } else { 0.0 }
            };
            (0..bars.len()).map(|t| (t >= n).then(|| value(t))).collect()
        };
        let plus = |at: usize| (bars[at].high - bars[at - 1].low).abs();
        let minus = |at: usize| (bars[at].low - bars[at - 1].high).abs();
        vec![column(&plus), column(&minus)]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        several(columns, |[plus, minus]| {
            core.vortex(0, *last, high, low, close, parameters[0] as i32, plus, minus)
        })
    });

    #[test]
    fn the_example_holds() {
        let plus = [None, None, Some(1.5), Some(7.0 / 6.0)];
        let minus = [None, None, Some(0.75), Some(1.0 / 3.0)];
        check_bars("vortex(2)", &example()[..4], &[&plus, &minus]);
    }
}
