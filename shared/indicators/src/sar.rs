//! `sar(acceleration,maximum)`: the parabolic stop and reverse, a stop that follows the price ever faster and changes
//! sides when touched.
//!
//! `sar = sar' + a * (extreme - sar')`, never inside the last two bars. The extreme is the highest high (in a rising
//! trend) or the lowest low (in a falling one) since the trend began; `a` begins as the acceleration and grows by it with
//! each new extreme, up to the maximum. A bar that touches the stop turns the trend: the stop becomes the old extreme.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `acceleration` | 0.001 to 1 | 0.02 |
//! | `maximum` | 0.001 to 1 | 0.2 |
//!
//! Lookback: 1. Example, 0.5 and 1: highs 10, 12, 14, 13, 12, 13 over lows 8, 9, 10, 9, 8, 11 give nothing, 8, 9, 14, 14,
//! 8.
//!
//! Convention: TA-Lib's SAR. The first trend is the larger directional movement between the first two bars, rising if they
//! are equal; an acceleration above the maximum is the maximum. It never converges after a lost bar.

use crate::indicator::{Indicator, Window, factor};
use crate::registry::Parameter;
use crate::series::{Bars, Previous};

/// The parabolic stop and reverse.
#[derive(Debug, Clone)]
pub(crate) struct Sar {
    acceleration: f64,
    maximum: f64,
    /// 1 in a rising trend, -1 in a falling one.
    trend: f64,
    /// The stop for the next bar.
    stop: f64,
    extreme: f64,
    /// How much of the way to the extreme the stop goes.
    pace: f64,
}

/// What the stop of a bar may not be inside of: the range of that bar and the one before.
struct Limits {
    high: f64,
    low: f64,
}

impl Indicator for Sar {
    const NAME: &'static str = "sar";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::factor("acceleration", 1.0, 0.02), Parameter::factor("maximum", 1.0, 0.2)];
    const OUTPUTS: &'static [&'static str] = &["sar"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let maximum = factor(parameters, 1);
        let acceleration = factor(parameters, 0).min(maximum);
        Self { acceleration, maximum, trend: 0.0, stop: 0.0, extreme: 0.0, pace: 0.0 }
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(previous) = bars.previous() else { return [None] };
        let (high, low) = (bars.high(), bars.low());
        let limits = if bars.seen() == 2 {
            self.begin(&previous, high, low);
            Limits { high, low }
        } else {
            Limits { high: high.max(previous.high), low: low.min(previous.low) }
        };
        let is_touched = if self.is_rising() { low <= self.stop } else { high >= self.stop };
        if is_touched {
            self.trend = -self.trend;
            self.stop = self.outside(&limits, self.extreme);
            self.extreme = if self.is_rising() { high } else { low };
            self.pace = self.acceleration;
        }
        let value = self.stop;
        if !is_touched {
            self.follow(high, low);
        }
        self.stop = self.outside(&limits, self.stop + self.pace * (self.extreme - self.stop));
        [Some(value)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.trend);
        visit(&mut self.stop);
        visit(&mut self.extreme);
        visit(&mut self.pace);
    }
}

impl Sar {
    fn is_rising(&self) -> bool {
        self.trend > 0.0
    }

    /// Begins the first trend with the second bar; its stop is the far end of the first.
    fn begin(&mut self, first: &Previous, high: f64, low: f64) {
        let (up, down) = (high - first.high, first.low - low);
        let is_falling = down > 0.0 && down > up;
        (self.trend, self.extreme, self.stop) =
            if is_falling { (-1.0, low, first.high) } else { (1.0, high, first.low) };
        self.pace = self.acceleration;
    }

    /// Takes a new extreme in the direction of the trend.
    fn follow(&mut self, high: f64, low: f64) {
        let reached = if self.is_rising() { high } else { low };
        let is_further = if self.is_rising() { reached > self.extreme } else { reached < self.extreme };
        if is_further {
            self.extreme = reached;
            self.pace = (self.pace + self.acceleration).min(self.maximum);
        }
    }

    /// The stop, below the limits in a rising trend and above them in a falling one.
    fn outside(&self, limits: &Limits, stop: f64) -> f64 {
        if self.is_rising() { stop.min(limits.low) } else { stop.max(limits.high) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, one};

    /// Wilder's rules, one trend after the other: a falling trend is a rising one in mirrored prices.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let (gain, most) = (parameters[0].min(parameters[1]), parameters[1]);
        let reach = |at: usize, side: f64| if side > 0.0 { bars[at].high } else { -bars[at].low };
        let floor = |at: usize, side: f64| if side > 0.0 { bars[at].low } else { -bars[at].high };
        let (up, down) = (bars[1].high - bars[0].high, bars[0].low - bars[1].low);
        let mut side = if down > 0.0 && down > up { -1.0 } else { 1.0 };
        let (mut stop, mut extreme, mut pace) = (floor(0, side), reach(1, side), gain);
        let mut values = vec![None];
        for at in 1..bars.len() {
            let before = (at - 1).max(1);
            let is_touched = floor(at, side) <= stop;
            if is_touched {
                side = -side;
                stop = (-extreme).min(floor(at, side)).min(floor(before, side));
                (extreme, pace) = (reach(at, side), gain);
            }
            values.push(Some(side * stop));
            if !is_touched && reach(at, side) > extreme {
                (extreme, pace) = (reach(at, side), most.min(pace + gain));
            }
            stop = ((1.0 - pace) * stop + pace * extreme).min(floor(at, side)).min(floor(before, side));
        }
        vec![values]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, last, .. } = columns;
        one(columns, |out| core.sar(0, *last, high, low, parameters[0], parameters[1], out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [(10.0, 8.0), (12.0, 9.0), (14.0, 10.0), (13.0, 9.0), (12.0, 8.0), (13.0, 11.0)];
        let bar = |(at, (high, low))| example_bar(at, [high, low, low, 1.0]);
        let bars: Vec<_> = bars.into_iter().enumerate().map(bar).collect();
        let expected = [None, Some(8.0), Some(9.0), Some(14.0), Some(14.0), Some(8.0)];
        check_bars("sar(0.5,1)", &bars, &[&expected]);
    }
}
