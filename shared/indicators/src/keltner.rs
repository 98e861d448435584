//! `keltner(ema,atr,multiplier)`: Keltner channels, a band of average true ranges around the average typical price.
//!
//! `keltner_middle = EMA(ema)` of (high + low + close) / 3, and `keltner_upper` and `keltner_lower` are
//! `keltner_middle ± multiplier * ATR(atr)`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `ema` | 2 to 1,000 bars | 20 |
//! | `atr` | 1 to 1,000 bars | 10 |
//! | `multiplier` | 0.001 to 100 | 2 |
//!
//! Lookback: the larger of ema - 1 and atr. Example, 2, 1 and 2: typical prices 9, 11, 13 with true ranges 3 and 2 (the
//! first bar has none) give nothing, then (16, 10, 4), then (16, 12, 8).
//!
//! Convention: TA-Lib's KC. Both averages are seeded so that their seeds end on the same bar: the shorter one skips the
//! bars before its seed.

use crate::indicator::{Indicator, Window, factor, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;
use crate::true_range::true_range;

/// Keltner channels.
#[derive(Debug, Clone)]
pub(crate) struct Keltner {
    middle: Smoothed,
    range: Smoothed,
    multiplier: f64,
    /// Bars that the middle's seed leaves out.
    middle_skips: usize,
    /// Bars that the range's seed leaves out.
    range_skips: usize,
}

impl Indicator for Keltner {
    const NAME: &'static str = "keltner";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("ema", 2.0, 20.0),
        Parameter::bars("atr", 1.0, 10.0),
        Parameter::factor("multiplier", 100.0, 2.0),
    ];
    const OUTPUTS: &'static [&'static str] = &["keltner_upper", "keltner_middle", "keltner_lower"];
    type Values = [Option<f64>; 3];

    fn new(parameters: &[f64]) -> Self {
        let (ema, atr) = (period(parameters, 0), period(parameters, 1));
        // The range's first bar has no true range: its seed takes one bar more.
        let bars = ema.max(atr + 1);
        Self {
            middle: Smoothed::exponential(ema),
            range: Smoothed::wilder(atr),
            multiplier: factor(parameters, 2),
            middle_skips: bars - ema,
            range_skips: bars - atr,
        }
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let typical = (bars.high() + bars.low() + bars.close()) / 3.0;
        let middle = if bars.seen() > self.middle_skips { self.middle.update(typical) } else { None };
        let range = true_range(bars).filter(|_| bars.seen() > self.range_skips);
        match (middle, range.and_then(|range| self.range.update(range))) {
            (Some(middle), Some(range)) => {
                let distance = self.multiplier * range;
                [Some(middle + distance), Some(middle), Some(middle - distance)]
            }
            _ => [None; 3],
        }
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.middle.each_scalar(visit);
        self.range.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, several};
    use crate::{atr, ema};

    /// The two averages over the bars from their seeds on, each by its own oracle.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [ema, atr] = [parameters[0], parameters[1]].map(|n| n as usize);
        let first = (ema - 1).max(atr);
        let typical =
            |bar: &TestBar| TestBar { close: (bar.high + bar.low + bar.close) / 3.0, ..*bar };
        let typical: Vec<_> = bars[first + 1 - ema..].iter().map(typical).collect();
        let middles = ema::tests::oracle(&parameters[..1], &typical).remove(0).split_off(ema - 1);
        let ranges = atr::tests::average(atr, &bars[first - atr..]).split_off(atr);
        let band = |width: f64| {
            let values = middles.iter().zip(&ranges).map(|(middle, range)| Some((*middle)? + width * (*range)?));
            vec![None; first].into_iter().chain(values).collect()
        };
        [parameters[2], 0.0, -parameters[2]].map(band).to_vec()
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        let [ema, atr] = [parameters[0], parameters[1]].map(|n| n as i32);
        several(columns, |[upper, middle, lower]| {
            core.kc(0, *last, high, low, close, ema, atr, parameters[2], upper, middle, lower)
        })
    });

    #[test]
    fn the_example_holds() {
        let bars = [[10.0, 8.0, 9.0, 1.0], [12.0, 9.0, 12.0, 1.0], [14.0, 12.0, 13.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        let expected: [&[_]; 3] = [
            &[None, Some(16.0), Some(16.0)],
            &[None, Some(10.0), Some(12.0)],
            &[None, Some(4.0), Some(8.0)],
        ];
        check_bars("keltner(2,1,2)", &bars, &expected);
    }
}
