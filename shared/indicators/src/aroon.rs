//! `aroon(period)`: how long ago the highest high and the lowest low were.
//!
//! `aroon_up = 100 * (n - bars since the highest high) / n`, over the newest bar and the n before it; `aroon_down` is the
//! same of the lowest low.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 25 |
//!
//! Lookback: n. Example, n = 2: bars of high and low (4, 0), (6, 2), (5, 3), (6, 3) give up 50 and down 0 at the third
//! bar, up 100 and down 0 at the fourth.
//!
//! Convention: TA-Lib's AROON: of equal highs or lows, the newest counts.

use crate::indicator::{Indicator, Window, period, real};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{since_highest, since_lowest};

/// How new the highest high and the lowest low are.
#[derive(Debug, Clone)]
pub(crate) struct Aroon {
    period: usize,
}

impl Indicator for Aroon {
    const NAME: &'static str = "aroon";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 25.0)];
    const OUTPUTS: &'static [&'static str] = &["aroon_up", "aroon_down"];
    type Values = [Option<f64>; 2];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let n = real(self.period);
        let newness = |since: usize| 100.0 * (n - real(since)) / n;
        let bars_back = self.period + 1;
        let highs = bars.highs(bars_back).zip(bars.highest(bars_back));
        let lows = bars.lows(bars_back).zip(bars.lowest(bars_back));
        let up = highs.map(|(highs, highest)| newness(since_highest(highs, highest)));
        [up, lows.map(|(lows, lowest)| newness(since_lowest(lows, lowest)))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, example_bar, extremes, last_bars, several,
    };

    /// Counts back from the newest bar.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0];
        by_bar(bars.len(), |t| {
            let (highest, lowest) = extremes(last_bars(bars, t, n as usize + 1)?);
            let newness = |is_it: &dyn Fn(&TestBar) -> bool| {
                let since = (0..=t).find(|ago| is_it(&bars[t - ago])).unwrap();
                100.0 - 100.0 * since as f64 / n
            };
            Some([newness(&|bar| bar.high >= highest), newness(&|bar| bar.low <= lowest)])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, .. } = columns;
        let mut down_and_up = several(columns, |[down, up]| {
            core.aroon(0, columns.last, high, low, parameters[0] as i32, down, up)
        });
        down_and_up.reverse();
        down_and_up
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [6.0, 2.0, 3.0, 1.0], [5.0, 3.0, 4.0, 1.0], [6.0, 3.0, 4.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("aroon(2)", &bars, &[
            &[None, None, Some(50.0), Some(100.0)],
            &[None, None, Some(0.0), Some(0.0)],
        ]);
    }
}
