//! `ultosc(short,medium,long)`: Williams' ultimate oscillator, the pressure to buy over three windows at once.
//!
//! `ultosc = 100 * (4 * short + 2 * medium + long) / 7`, where each window's part is the sum of `close - true low` divided
//! by the sum of `true high - true low`; the true low and high take the close before into the bar's range.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `short` | 1 to 1,000 bars | 7 |
//! | `medium` | 1 to 1,000 bars | 14 |
//! | `long` | 1 to 1,000 bars | 28 |
//!
//! The periods are taken by their length, in whatever order they are given.
//!
//! Lookback: the longest period. Example, `ultosc(1,2,3)`: bars of high, low and close (2, 2, 2), (4, 0, 3), (5, 3, 4),
//! (6, 2, 4) have parts 2/4, 3/6 and 6/10 at the last one and give 360/7 = 51.43.
//!
//! Convention: TA-Lib's ULTOSC: a window without any range has the part 0.

use crate::indicator::{Indicator, Window, period};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{newest, sums};

/// The pressure to buy over three windows.
#[derive(Debug, Clone)]
pub(crate) struct UltOsc {
    /// From the shortest to the longest.
    periods: [usize; 3],
    /// Pressure and range of each bar.
    extents: Recent<[f64; 2]>,
}

/// The weights of the three windows, the shortest first.
const WEIGHTS: [f64; 3] = [4.0, 2.0, 1.0];

impl Indicator for UltOsc {
    const NAME: &'static str = "ultosc";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("short", 1.0, 7.0),
        Parameter::bars("medium", 1.0, 14.0),
        Parameter::bars("long", 1.0, 28.0),
    ];
    const OUTPUTS: &'static [&'static str] = &["ultosc"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let mut periods = [0, 1, 2].map(|at| period(parameters, at));
        periods.sort_unstable();
        let [.., longest] = periods;
        Self { periods, extents: Recent::new(longest) }
    }

    fn window(&self) -> Window {
        let [.., longest] = self.periods;
        Window { closes: longest + 1, ranges: longest, volumes: 0 }
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(extents) = extents(bars, self.window().ranges) else { return [None] };
        let extents = self.extents.follow(extents);
        let parts = self.periods.iter().zip(WEIGHTS).map(|(&period, weight)| {
            let [pressure, range] = sums(newest(extents, period));
            weight * if range > 0.0 { pressure / range } else { 0.0 }
        });
        [Some(100.0 * (parts.sum::<f64>() / WEIGHTS.iter().sum::<f64>()))]
    }
}

/// How far each of the last `count` bars reaches from its true low (the close before it if that is lower): to its close,
/// and to its true high.
fn extents(bars: &Bars<'_>, count: usize) -> Option<impl DoubleEndedIterator<Item = [f64; 2]>> {
    let (_, before) = bars.closes(count + 1)?.split_last()?;
    let prices = bars.highs(count)?.iter().zip(bars.lows(count)?).zip(bars.closes(count)?);
    Some(prices.zip(before).map(|(((high, low), close), before)| {
        let true_low = low.min(*before);
        [close - true_low, high.max(*before) - true_low]
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{
        Columns, TaLib, TestBar, by_bar, check_bars, example_bar, last_bars, one,
    };

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let mut periods = parameters.to_vec();
        periods.sort_by(f64::total_cmp);
        let part = |t: usize, period: f64| {
            let (mut pressure, mut range) = (0.0, 0.0);
            for pair in last_bars(bars, t, period as usize + 1)?.windows(2) {
                let true_low = pair[1].low.min(pair[0].close);
                pressure += pair[1].close - true_low;
                range += pair[1].high.max(pair[0].close) - true_low;
            }
            Some(if range == 0.0 { 0.0 } else { pressure / range })
        };
        by_bar(bars.len(), |t| {
            let [short, medium, long] = [0, 1, 2].map(|at: usize| part(t, periods[at]));
            Some([(4.0 * short? + 2.0 * medium? + long?) * 100.0 / 7.0])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, .. } = columns;
        let [short, medium, long] = [0, 1, 2].map(|at: usize| parameters[at] as i32);
        one(columns, |out| core.ultosc(0, columns.last, high, low, close, short, medium, long, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [[2.0, 2.0, 2.0, 1.0], [4.0, 0.0, 3.0, 1.0], [5.0, 3.0, 4.0, 1.0], [6.0, 2.0, 4.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        let expected = [None, None, None, Some(360.0 / 7.0)];
        check_bars("ultosc(1,2,3)", &bars, &[&expected]);
        check_bars("ultosc(3,1,2)", &bars, &[&expected]);
    }
}
