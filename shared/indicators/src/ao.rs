//! `ao(fast,slow)`: Williams' awesome oscillator, the distance of two means of the bars' middles.
//!
//! `ao = mean(fast) - mean(slow)` of `(high + low) / 2`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `fast` | 2 to 1,000 bars | 5 |
//! | `slow` | 2 to 1,000 bars | 34 |
//!
//! Lookback: the longer period - 1. Example, `ao(2,3)`: bars of high and low (4, 0), (6, 2), (10, 2) have the middles 2, 4,
//! 6 and give 5 - 4 = 1 at the last one.
//!
//! Convention: TA-Lib's AO: with `fast` longer than `slow`, the sign is the other one.

use crate::indicator::{Indicator, Window, period};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{mean, newest};

/// The distance of two means of the bars' middles.
#[derive(Debug, Clone)]
pub(crate) struct Ao {
    fast: usize,
    slow: usize,
    /// Middles of the bars.
    middles: Recent<f64>,
}

impl Indicator for Ao {
    const NAME: &'static str = "ao";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("fast", 2.0, 5.0), Parameter::bars("slow", 2.0, 34.0)];
    const OUTPUTS: &'static [&'static str] = &["ao"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let (fast, slow) = (period(parameters, 0), period(parameters, 1));
        Self { fast, slow, middles: Recent::new(fast.max(slow)) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.fast.max(self.slow))
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let longer = self.fast.max(self.slow);
        let (Some(highs), Some(lows)) = (bars.highs(longer), bars.lows(longer)) else { return [None] };
        let middles = self.middles.follow(highs.iter().zip(lows).map(|(high, low)| (high + low) / 2.0));
        [Some(mean(newest(middles, self.fast)) - mean(newest(middles, self.slow)))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check_bars, example_bar, last_bars, one};

    /// The same from sums of highs and lows.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let mean = |t: usize, n: f64| {
            let window = last_bars(bars, t, n as usize)?;
            Some(window.iter().map(|bar| bar.high + bar.low).sum::<f64>() / (2.0 * n))
        };
        by_bar(bars.len(), |t| Some([mean(t, parameters[0])? - mean(t, parameters[1])?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let (Columns { high, low, .. }, [fast, slow]) =
            (columns, [0, 1].map(|at: usize| parameters[at] as i32));
        one(columns, |out| core.ao(0, columns.last, high, low, fast, slow, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [6.0, 2.0, 3.0, 1.0], [10.0, 2.0, 4.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("ao(2,3)", &bars, &[&[None, None, Some(1.0)]]);
    }
}
