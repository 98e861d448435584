//! `chop(period)`: the choppiness index, from near 0 (a straight trend) to 100 (the same range over and over).
//!
//! `chop = 100 * log(sum of true range / (highest high - lowest low)) / log n`, all over n bars.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: true ranges 3, 1, 5 (the first bar has none) in ranges of 3, then 5 give nothing, nothing,
//! 41.50375, 26.30344.
//!
//! Convention: TA-Lib's CHOP, 100 where nothing moved (E. W. Dreiss). The logarithm is our own, since the platform's is not
//! the same everywhere.

use crate::indicator::{Indicator, Window, period, real};
use crate::logarithm::logarithm;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::true_range::true_range_of;

/// The choppiness index.
#[derive(Debug, Clone)]
pub(crate) struct Chop {
    period: usize,
}

impl Indicator for Chop {
    const NAME: &'static str = "chop";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["chop"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let index = |Moved { way, range }| {
            if way > 0.0 && range > 0.0 {
                100.0 * (logarithm(way / range) / logarithm(real(self.period)))
            } else {
                100.0
            }
        };
        [moved(bars, self.period).map(index)]
    }
}

/// How far the bars of a window moved.
struct Moved {
    /// The sum of their true ranges.
    way: f64,
    /// Their highest high less their lowest low.
    range: f64,
}

fn moved(bars: &Bars<'_>, count: usize) -> Option<Moved> {
    let prices = bars.highs(count)?.iter().zip(bars.lows(count)?).zip(bars.closes(count + 1)?);
    let (mut way, mut highest, mut lowest) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
    for ((high, low), previous_close) in prices {
        way += true_range_of(*high, *low, *previous_close);
        highest = highest.max(*high);
        lowest = lowest.min(*low);
    }
    Some(Moved { way, range: highest - lowest })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::directional::tests::example;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, one};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let range = |at: usize| bars[at].high.max(bars[at - 1].close) - bars[at].low.min(bars[at - 1].close);
        let value = |t: usize| {
            let window = &bars[t + 1 - n..=t];
            let highest = window.iter().map(|bar| bar.high).fold(f64::MIN, f64::max);
            let lowest = window.iter().map(|bar| bar.low).fold(f64::MAX, f64::min);
            let way: f64 = (t + 1 - n..=t).map(range).sum();
            if highest > lowest { 100.0 * (way / (highest - lowest)).log(parameters[0]) } else { 100.0 }
        };
        vec![(0..bars.len()).map(|t| (t >= n).then(|| value(t))).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        one(columns, |out| core.chop(0, *last, high, low, close, parameters[0] as i32, out))
    });

    /// The binary logarithms of 4 / 3 and 6 / 5.
    #[test]
    fn the_example_holds() {
        let expected = [None, None, Some(41.503_749_927_884_38), Some(26.303_440_583_379_38)];
        check_bars("chop(2)", &example()[..4], &[&expected]);
    }
}
