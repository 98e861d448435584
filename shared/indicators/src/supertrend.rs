//! `supertrend(period,multiplier)`: a band of average true ranges behind the price, and the side it is on.
//!
//! The bands are (high + low) / 2 ± multiplier * ATR(n). The lower one only rises, until a close falls below it; the upper
//! one only falls, until a close rises above it. `supertrend_direction` is 1 while no close was below the lower band, and
//! -1 from then on until a close is above the upper one; `supertrend` is the lower band in the first case and the upper
//! one in the second.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 10 |
//! | `multiplier` | 0.001 to 100 | 3 |
//!
//! Lookback: n. Example, 2 and 1: (high, low, close) of (10, 8, 9), (12, 9, 11), (11, 10, 10), (15, 11, 14), (9, 7, 8) give
//! nothing, nothing, 8.5, 9.5, 13.25, with directions 1, 1, -1.
//!
//! Convention: TA-Lib's SUPERTREND. The first direction is 1, whatever the price did. It never converges after a lost bar.

use crate::indicator::{Indicator, Window, factor, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;
use crate::true_range::true_range;

/// The band behind the price.
#[derive(Debug, Clone)]
pub(crate) struct Supertrend {
    period: usize,
    range: Smoothed,
    multiplier: f64,
    /// 1 or -1.
    direction: f64,
    upper: f64,
    lower: f64,
}

impl Indicator for Supertrend {
    const NAME: &'static str = "supertrend";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("period", 2.0, 10.0), Parameter::factor("multiplier", 100.0, 3.0)];
    const OUTPUTS: &'static [&'static str] = &["supertrend", "supertrend_direction"];
    type Values = [Option<f64>; 2];

    fn new(parameters: &[f64]) -> Self {
        let (period, multiplier) = (period(parameters, 0), factor(parameters, 1));
        Self { period, range: Smoothed::wilder(period), multiplier, direction: 1.0, upper: 0.0, lower: 0.0 }
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let range = true_range(bars).and_then(|range| self.range.update(range));
        let (Some(range), Some(previous)) = (range, bars.previous()) else { return [None; 2] };
        let (middle, distance) = (f64::midpoint(bars.high(), bars.low()), self.multiplier * range);
        let (upper, lower) = (middle + distance, middle - distance);
        if bars.seen() == self.period + 1 {
            (self.upper, self.lower) = (upper, lower);
        } else {
            self.tighten(upper, lower, previous.close);
            self.turn(bars.close());
        }
        let band = if self.direction < 0.0 { self.upper } else { self.lower };
        [Some(band), Some(self.direction)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.range.each_scalar(visit);
        visit(&mut self.direction);
        visit(&mut self.upper);
        visit(&mut self.lower);
    }
}

impl Supertrend {
    /// Moves each band closer to the price, or anywhere if the close before was beyond it.
    fn tighten(&mut self, upper: f64, lower: f64, previous_close: f64) {
        if upper < self.upper || previous_close > self.upper {
            self.upper = upper;
        }
        if lower > self.lower || previous_close < self.lower {
            self.lower = lower;
        }
    }

    /// Changes sides at a close beyond the band behind the price.
    fn turn(&mut self, close: f64) {
        let is_beyond = if self.direction < 0.0 { close > self.upper } else { close < self.lower };
        if is_beyond {
            self.direction = -self.direction;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::atr;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, several};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let ranges = atr::tests::average(parameters[0] as usize, bars);
        let mut values = vec![vec![None; bars.len()]; 2];
        let mut state: Option<(f64, f64, bool)> = None;
        for (at, range) in ranges.into_iter().enumerate() {
            let Some(range) = range else { continue };
            let middle = 0.5 * (bars[at].high + bars[at].low);
            let (above, below) = (middle + parameters[1] * range, middle - parameters[1] * range);
            let (close, before) = (bars[at].close, bars[at - 1].close);
            let (upper, lower, is_up) = match state {
                None => (above, below, true),
                Some((upper, lower, is_up)) => {
                    let upper = if before > upper { above } else { above.min(upper) };
                    let lower = if before < lower { below } else { below.max(lower) };
                    (upper, lower, if is_up { close >= lower } else { close > upper })
                }
            };
            state = Some((upper, lower, is_up));
            values[0][at] = Some(if is_up { lower } else { upper });
            values[1][at] = Some(if is_up { 1.0 } else { -1.0 });
        }
        values
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        several(columns, |[band, direction]| {
            let mut signs = vec![0; last + 1];
            let range = core.supertrend(
                0,
                *last,
                high,
                low,
                close,
                parameters[0] as i32,
                parameters[1],
                band,
                &mut signs,
            );
            direction.iter_mut().zip(signs).for_each(|(direction, sign)| *direction = f64::from(sign));
            range
        })
    });

    #[test]
    fn the_example_holds() {
        let bars =
            [[10.0, 8.0, 9.0], [12.0, 9.0, 11.0], [11.0, 10.0, 10.0], [15.0, 11.0, 14.0], [9.0, 7.0, 8.0]];
        let bar = |(at, [high, low, close]): (usize, [f64; 3])| example_bar(at, [high, low, close, 1.0]);
        let bars: Vec<_> = bars.into_iter().enumerate().map(bar).collect();
        let bands = [None, None, Some(8.5), Some(9.5), Some(13.25)];
        check_bars("supertrend(2,1)", &bars, &[&bands, &[None, None, Some(1.0), Some(1.0), Some(-1.0)]]);
    }
}
