//! `stochrsi(rsi,stoch,k,d)`: the stochastic of the relative strength index.
//!
//! `raw = 100 * (rsi - lowest) / (highest - lowest)` with the lowest and highest `rsi` of the last `stoch` bars;
//! `stochrsi_k` is the mean of the last k of them, `stochrsi_d` the mean of the last d values of `stochrsi_k`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `rsi` | 2 to 1,000 bars | 14 |
//! | `stoch` | 1 to 1,000 bars | 14 |
//! | `k` | 1 to 100 values | 3 |
//! | `d` | 1 to 100 values | 3 |
//!
//! Lookback: rsi + stoch + k + d - 3 for both. Example, `stochrsi(2,2,1,2)`: closes 1, 4, 3, 5, 4 have an RSI of 75, 87.5
//! and 58.33 from the third on, raw values 100 and 0 from the fourth on, and give at the fifth 0 and 50.
//!
//! Convention: `TradingView`'s "Stochastic RSI". TA-Lib's STOCHRSI is another one: its K is the raw value, not smoothed,
//! and its D the mean of that. The index is recursive and cannot be read back from closed bars, so the last values of it
//! are remembered.

use crate::indicator::{Indicator, Window, period};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::rsi::{Averages, Changes};
use crate::series::Bars;
use crate::stoch::DoubleMean;
use crate::windows::{highest, lowest};

/// Where the index lies in its own range, smoothed twice.
#[derive(Debug, Clone)]
pub(crate) struct StochRsi {
    changes: Changes,
    /// Bars before the first index.
    lookback: usize,
    /// The last values of the index, oldest first; zeros at the front as long as there are fewer.
    indices: Vec<f64>,
    period: usize,
    smoothing: DoubleMean,
    raw: Recent<f64>,
}

impl Indicator for StochRsi {
    const NAME: &'static str = "stochrsi";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("rsi", 2.0, 14.0),
        Parameter::bars("stoch", 1.0, 14.0),
        Parameter::smoothing("k", 3.0),
        Parameter::smoothing("d", 3.0),
    ];
    const OUTPUTS: &'static [&'static str] = &["stochrsi_k", "stochrsi_d"];
    type Values = [Option<f64>; 2];

    fn new(parameters: &[f64]) -> Self {
        let (lookback, period) = (period(parameters, 0), period(parameters, 1));
        let smoothing = DoubleMean { k: self::period(parameters, 2), d: self::period(parameters, 3) };
        let indices = vec![0.0; smoothing.depth() + period - 1];
        let raw = Recent::new(smoothing.depth());
        Self { changes: Changes::new(lookback), lookback, indices, period, smoothing, raw }
    }

    fn window(&self) -> Window {
        Changes::WINDOW
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(index) = self.changes.update(bars).map(Averages::strength) else { return [None; 2] };
        self.indices.rotate_left(1);
        if let Some(newest) = self.indices.last_mut() {
            *newest = index;
        }
        if bars.seen() < self.lookback + self.indices.len() {
            return [None; 2];
        }
        let raw = self.raw.follow(self.indices.windows(self.period).map(raw));
        self.smoothing.of(raw).map(Some)
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.changes.each_scalar(visit);
        self.indices.iter_mut().for_each(visit);
    }
}

/// What the index moves by rounding alone while the price stands still, with room to spare; the smallest change of a
/// price moves it thousands of times as far.
const NOISE: f64 = 1e-9;

/// Where the newest index lies between the lowest and the highest, in percent; 0 where they are one.
fn raw(indices: &[f64]) -> f64 {
    let (lowest, highest) = (lowest(indices), highest(indices));
    let newest = indices.last().copied().unwrap_or_default();
    let range = highest - lowest;
    if range > NOISE { 100.0 * ((newest - lowest) / range) } else { 0.0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::stoch::tests::smoothed;
    use crate::testing::{TaLib, TestBar, check};

    /// The formula over the columns that the index's own oracle gives.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let [n, k, d] = [1, 2, 3].map(|at: usize| parameters[at] as usize);
        let indices = crate::rsi::tests::oracle(parameters, bars).remove(0);
        let raw = |t: usize| {
            let window: Option<Vec<_>> = indices.get((t + 1).checked_sub(n)?..=t)?.iter().copied().collect();
            let (lowest, highest) =
                window?.iter().fold((100.0_f64, 0.0_f64), |(low, high), rsi| (low.min(*rsi), high.max(*rsi)));
            let range = highest - lowest;
            Some(if range <= super::NOISE { 0.0 } else { (indices[t]? - lowest) * 100.0 / range })
        };
        smoothed(&(0..bars.len()).map(raw).collect::<Vec<_>>(), k, d)
    }

    /// TA-Lib has another convention: see above.
    pub(crate) const TA_LIB: Option<TaLib> = None;

    #[test]
    fn a_price_that_stands_still_has_no_position() {
        // The index stays where the two changes left it, but for rounding.
        let closes: Vec<_> = [1.0, 1.3, 1.2].into_iter().chain([1.2; 60]).collect();
        let values = crate::testing::values("stochrsi(2,14,1,1)", &crate::testing::closes(&closes), 0);
        assert_eq!(values[0][62].map(f64::to_bits), Some(0.0_f64.to_bits()));
    }

    #[test]
    fn the_example_holds() {
        check("stochrsi(2,2,1,2)", &[1.0, 4.0, 3.0, 5.0, 4.0], &[
            &[None, None, None, None, Some(0.0)],
            &[None, None, None, None, Some(50.0)],
        ]);
    }
}
