//! Wilder's directional movement: how far bars reach beyond the ones before them, up or down, and how far they move at
//! all.

use crate::indicator::real;
use crate::series::Bars;
use crate::true_range::true_range_of;

/// Sums of upward and downward movement and of true range, in which old bars fade: `sum - sum / n + x` for each bar.
///
/// They begin as plain sums over the first n - 1 changes (TA-Lib's reading of Wilder); a value comes with the n-th.
#[derive(Debug, Clone)]
pub(crate) struct Directional {
    period: usize,
    upward: f64,
    downward: f64,
    range: f64,
}

/// Both directional indicators of a bar, in percent of the range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    pub(crate) plus: f64,
    pub(crate) minus: f64,
}

impl Directional {
    pub(crate) const fn new(period: usize) -> Self {
        Self { period, upward: 0.0, downward: 0.0, range: 0.0 }
    }

    /// Takes the newest bar; gives the indicators from the n-th change on.
    ///
    /// Both are 0 where nothing moved at all.
    pub(crate) fn update(&mut self, bars: &Bars<'_>) -> Option<Direction> {
        let previous = bars.previous()?;
        let is_seeded = bars.seen() > self.period;
        let (up, down) = (bars.high() - previous.high, previous.low - bars.low());
        let range = true_range_of(bars.high(), bars.low(), previous.close);
        for (sum, value) in [
            (&mut self.upward, if up > down && up > 0.0 { up } else { 0.0 }),
            (&mut self.downward, if down > up && down > 0.0 { down } else { 0.0 }),
            (&mut self.range, range),
        ] {
            let faded = if is_seeded { *sum / real(self.period) } else { 0.0 };
            *sum = *sum - faded + value;
        }
        is_seeded.then(|| self.direction())
    }

    fn direction(&self) -> Direction {
        let percent = |moved: f64| if self.range > 0.0 { 100.0 * (moved / self.range) } else { 0.0 };
        Direction { plus: percent(self.upward), minus: percent(self.downward) }
    }

    /// What it remembers: see [`crate::indicator::Indicator::each_scalar`].
    pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.upward);
        visit(&mut self.downward);
        visit(&mut self.range);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::bars::ClosedBar;
    use crate::testing::{TestBar, example_bar};

    /// (+DI, -DI) at each bar: for each of them all movements of the history, weighted, from the newest back.
    pub(crate) fn oracle(n: usize, bars: &[TestBar]) -> Vec<Option<(f64, f64)>> {
        let movement = |at: usize| {
            let (bar, before) = (&bars[at], &bars[at - 1]);
            let (up, down) = (bar.high - before.high, before.low - bar.low);
            let range = bar.high.max(before.close) - bar.low.min(before.close);
            [if up > down { up.max(0.0) } else { 0.0 }, if down > up { down.max(0.0) } else { 0.0 }, range]
        };
        let movements: Vec<_> = (1..bars.len()).map(movement).collect();
        let value = |last: usize| {
            let (mut sums, mut weight) = ([0.0; 3], 1.0);
            for change in (1..=last).rev() {
                (0..3).for_each(|of| sums[of] += weight * movements[change - 1][of]);
                // Fading begins with the n-th change: those before it fade alike.
                weight *= if change >= n { 1.0 - 1.0 / n as f64 } else { 1.0 };
            }
            let [up, down, range] = sums;
            if range > 0.0 { (100.0 * up / range, 100.0 * down / range) } else { (0.0, 0.0) }
        };
        (0..bars.len()).map(|last| (last >= n).then(|| value(last))).collect()
    }

    /// Highs 10, 12, 11, 15, 12, lows 8, 9, 10, 11, 9, closes 9, 11, 10, 14, 10.
    ///
    /// Upward movement 2, 0, 4, 0, downward 0, 0, 0, 2, true range 3, 1, 5, 5. With n = 2 the sums are: upward 2, 1,
    /// 4.5, 2.25; downward 0, 0, 0, 2; range 3, 2.5, 6.25, 8.125.
    pub(crate) fn example() -> Vec<ClosedBar> {
        let bars =
            [[10.0, 8.0, 9.0], [12.0, 9.0, 11.0], [11.0, 10.0, 10.0], [15.0, 11.0, 14.0], [12.0, 9.0, 10.0]];
        let bar = |(at, [high, low, close]): (usize, [f64; 3])| example_bar(at, [high, low, close, 1.0]);
        bars.into_iter().enumerate().map(bar).collect()
    }
}
