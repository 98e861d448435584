//! `mfi(period)`: the money flow index, how much of the money of the last bars moved with a rising price.
//!
//! `mfi = 100 * up / (up + down)`, the sums over n bars of typical price * volume, up where the typical price
//! ((high + low + close) / 3) rose, down where it fell.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n. Example, n = 2: typical prices 10, 12, 10, 20 with volumes 1, 10, 4, 3 give nothing, nothing, 75, 60.
//!
//! Convention: TA-Lib's MFI, 0 without any flow. Whether the price rose is told by whole ticks; TA-Lib compares doubles
//! and allows for their rounding. TA-Lib carries both sums from bar to bar; here the window is summed anew, so that an
//! enormous volume leaves no rounding behind.

use std::cmp::Ordering;

use crate::indicator::{Indicator, Window, period};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::sums;

/// The money flow index.
#[derive(Debug, Clone)]
pub(crate) struct Mfi {
    period: usize,
    /// Money that moved up, and money that moved down.
    flows: Recent<[f64; 2]>,
}

impl Indicator for Mfi {
    const NAME: &'static str = "mfi";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["mfi"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let period = period(parameters, 0);
        Self { period, flows: Recent::new(period) }
    }

    fn window(&self) -> Window {
        Window { volumes: self.period, ..Window::of_ranges(self.period + 1) }
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(flows) = flows(bars, self.period) else { return [None] };
        let [up, down] = sums(self.flows.follow(flows));
        [Some(if up + down > 0.0 { 100.0 * (up / (up + down)) } else { 0.0 })]
    }
}

/// The money that moved up, and that moved down, at each of the last `count` bars.
fn flows(bars: &Bars<'_>, count: usize) -> Option<impl DoubleEndedIterator<Item = [f64; 2]>> {
    let prices = bars.highs(count)?.iter().zip(bars.lows(count)?).zip(bars.closes(count)?);
    let bars = prices.zip(bars.volumes(count)?).zip(bars.typical_moves(count)?);
    Some(bars.map(|((((high, low), close), volume), direction)| {
        let flow = (high + low + close) / 3.0 * volume;
        match direction {
            Ordering::Greater => [flow, 0.0],
            Ordering::Less => [0.0, flow],
            Ordering::Equal => [0.0; 2],
        }
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, each_bar};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let flow = |bar: &TestBar| (bar.high + bar.low + bar.close) / 3.0 * bar.volume;
        let value = |t: usize| {
            let is_up = |at: &usize| bars[*at].typical_ticks > bars[at - 1].typical_ticks;
            let is_down = |at: &usize| bars[*at].typical_ticks < bars[at - 1].typical_ticks;
            let window = t + 1 - n..=t;
            let up: f64 = window.clone().filter(is_up).map(|at| flow(&bars[at])).sum();
            let down: f64 = window.filter(is_down).map(|at| flow(&bars[at])).sum();
            if up + down > 0.0 { 100.0 * up / (up + down) } else { 0.0 }
        };
        vec![(0..bars.len()).map(|t| (t >= n).then(|| value(t))).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, volume, .. } = columns;
        each_bar(columns, |bar, [out]| core.mfi(bar, bar, high, low, close, volume, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [[11.0, 9.0, 10.0, 1.0], [13.0, 11.0, 12.0, 10.0], [11.0, 9.0, 10.0, 4.0], [21.0, 19.0, 20.0, 3.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("mfi(2)", &bars, &[&[None, None, Some(75.0), Some(60.0)]]);
    }

    #[test]
    fn prices_that_do_not_move_have_no_flow() {
        let bars: Vec<_> = (0..3).map(|at| example_bar(at, [0.3, 0.1, 0.2, 5.0])).collect();
        check_bars("mfi(2)", &bars, &[&[None, None, Some(0.0)]]);
    }
}
