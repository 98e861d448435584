//! `stoch(period,k,d)`: the slow stochastic, where the close lies in the range of the last bars.
//!
//! `raw = 100 * (close - lowest) / (highest - lowest)` with the lowest low and highest high of n bars; `stoch_k` is the
//! mean of the last k of them, `stoch_d` the mean of the last d values of `stoch_k`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 14 |
//! | `k` | 1 to 100 values | 3 |
//! | `d` | 1 to 100 values | 3 |
//!
//! Lookback: n + k + d - 3 for both. Example, `stoch(2,2,2)`: bars of high, low and close (4, 0, 2), (4, 2, 3),
//! (6, 2, 4), (6, 4, 6) have raw values 75, 50, 100 from the second on, and give at the last one 75 and 68.75.
//!
//! Convention: TA-Lib's STOCH with simple means: a raw value without any range is 0.

use crate::indicator::{Indicator, Window, period, real};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{highest, lowest, mean, newest, position};

/// Where the close lies in the range, smoothed twice.
#[derive(Debug, Clone)]
pub(crate) struct Stoch {
    period: usize,
    smoothing: DoubleMean,
    raw: Recent<f64>,
}

impl Indicator for Stoch {
    const NAME: &'static str = "stoch";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("period", 1.0, 14.0),
        Parameter::smoothing("k", 3.0),
        Parameter::smoothing("d", 3.0),
    ];
    const OUTPUTS: &'static [&'static str] = &["stoch_k", "stoch_d"];
    type Values = [Option<f64>; 2];

    fn new(parameters: &[f64]) -> Self {
        let smoothing = DoubleMean { k: period(parameters, 1), d: period(parameters, 2) };
        Self { period: period(parameters, 0), smoothing, raw: Recent::new(smoothing.depth()) }
    }

    fn window(&self) -> Window {
        Window::of_ranges(self.smoothing.depth() + self.period - 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Window { ranges, .. } = self.window();
        let (Some(highs), Some(lows), Some(closes)) =
            (bars.highs(ranges), bars.lows(ranges), bars.closes(self.smoothing.depth()))
        else {
            return [None; 2];
        };
        let windows = highs.windows(self.period).zip(lows.windows(self.period)).zip(closes);
        let raw = windows.map(|((highs, lows), close)| {
            100.0 * position(*close, (lowest(lows), highest(highs))).unwrap_or_default()
        });
        self.smoothing.of(self.raw.follow(raw)).map(Some)
    }
}

/// The mean of k values and the mean of d such means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoubleMean {
    pub(crate) k: usize,
    pub(crate) d: usize,
}

impl DoubleMean {
    /// How many values it takes.
    pub(crate) const fn depth(self) -> usize {
        self.k + self.d - 1
    }

    /// Both means of the last values, of which there are as many as its depth.
    pub(crate) fn of(self, values: &[f64]) -> [f64; 2] {
        let means = values.windows(self.k).map(mean);
        [mean(newest(values, self.k)), means.sum::<f64>() / real(self.d)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ta_lib::MAType;

    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, example_bar, extremes, last_bars, several,
    };

    /// The mean of `count` known values up to the one at `t`.
    pub(crate) fn mean_at(values: &[Option<f64>], t: usize, count: usize) -> Option<f64> {
        let window: Option<Vec<_>> = values.get((t + 1).checked_sub(count)?..=t)?.iter().copied().collect();
        Some(window?.iter().sum::<f64>() / count as f64)
    }

    /// Both smoothings of raw values, each over all bars.
    pub(crate) fn smoothed(raw: &[Option<f64>], k: usize, d: usize) -> Vec<Vec<Option<f64>>> {
        let ks: Vec<_> = (0..raw.len()).map(|t| mean_at(raw, t, k)).collect();
        by_bar(raw.len(), |t| Some([ks[t]?, mean_at(&ks, t, d)?]))
    }

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [n, k, d] = [0, 1, 2].map(|at: usize| parameters[at] as usize);
        let raw = |t: usize| {
            let (highest, lowest) = extremes(last_bars(bars, t, n)?);
            let range = highest - lowest;
            Some(if range == 0.0 { 0.0 } else { (bars[t].close - lowest) * 100.0 / range })
        };
        smoothed(&(0..bars.len()).map(raw).collect::<Vec<_>>(), k, d)
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, .. } = columns;
        let [n, slow_k, slow_d] = [0, 1, 2].map(|at: usize| parameters[at] as i32);
        several(columns, |[k, d]| {
            core.stoch(0, columns.last, high, low, close, n, slow_k, MAType::SMA, slow_d, MAType::SMA, k, d)
        })
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [4.0, 2.0, 3.0, 1.0], [6.0, 2.0, 4.0, 1.0], [6.0, 4.0, 6.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("stoch(2,2,2)", &bars, &[&[None, None, None, Some(75.0)], &[None, None, None, Some(68.75)]]);
    }
}
