//! `macd(fast,slow,signal)`: the distance of two exponential averages, its own average, and the distance from that.
//!
//! `macd = ema(fast) - ema(slow)`; `macd_signal` is the exponential average of `macd`; `macd_histogram = macd -
//! macd_signal`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `fast` | 2 to 1,000 bars | 12 |
//! | `slow` | 2 to 1,000 bars | 26 |
//! | `signal` | 1 to 1,000 values | 9 |
//!
//! The shorter of `fast` and `slow` is the fast one, whichever comes first.
//!
//! Lookback: slow + signal - 2 for all three. Example, `macd(2,3,2)`: closes 1, 2, 3, 5 give at the last one 2/3, 7/12
//! and 1/12: at the third, the averages are (2 + 3) / 2 and (1 + 2 + 3) / 3.
//!
//! Convention: TA-Lib's MACD: the fast average is seeded late, with the mean of the bars up to the one on which the slow
//! average's seed ends. So the line differs a little from the difference of two columns `ema` at first.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;

/// The distance of two averages and its average.
#[derive(Debug, Clone)]
pub(crate) struct Macd {
    distance: Distance,
    signal: Smoothed,
}

impl Indicator for Macd {
    const NAME: &'static str = "macd";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::bars("fast", 2.0, 12.0),
        Parameter::bars("slow", 2.0, 26.0),
        Parameter::bars("signal", 1.0, 9.0),
    ];
    const OUTPUTS: &'static [&'static str] = &["macd", "macd_signal", "macd_histogram"];
    type Values = [Option<f64>; 3];

    fn new(parameters: &[f64]) -> Self {
        Self { distance: Distance::new(parameters), signal: Smoothed::exponential(period(parameters, 2)) }
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some((fast, slow)) = self.distance.update(bars) else { return [None; 3] };
        let line = fast - slow;
        self.signal.update(line).map_or([None; 3], |signal| [Some(line), Some(signal), Some(line - signal)])
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.distance.each_scalar(visit);
        self.signal.each_scalar(visit);
    }
}

/// Two exponential averages of the closes whose seeds end on the same bar.
#[derive(Debug, Clone)]
pub(crate) struct Distance {
    fast: Smoothed,
    slow: Smoothed,
    /// Bars that the fast average leaves out at first.
    late: usize,
}

impl Distance {
    /// Takes the two periods from the front of the parameters.
    pub(crate) fn new(parameters: &[f64]) -> Self {
        let (a, b) = (period(parameters, 0), period(parameters, 1));
        let (fast, slow) = (a.min(b), a.max(b));
        Self { fast: Smoothed::exponential(fast), slow: Smoothed::exponential(slow), late: slow - fast }
    }

    /// Takes the newest bar; gives the fast and the slow average.
    pub(crate) fn update(&mut self, bars: &Bars<'_>) -> Option<(f64, f64)> {
        let slow = self.slow.update(bars.close());
        if bars.seen() <= self.late {
            return None;
        }
        let fast = self.fast.update(bars.close());
        fast.zip(slow)
    }

    /// What it remembers.
    pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.fast.each_scalar(visit);
        self.slow.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, averages, check, several};

    /// The fast and the slow average at each bar.
    pub(crate) fn distances(parameters: &[f64], bars: &[TestBar]) -> Vec<Option<(f64, f64)>> {
        let periods = [parameters[0] as usize, parameters[1] as usize];
        let (fast, slow) = (periods[0].min(periods[1]), periods[0].max(periods[1]));
        let average = |late: usize, n: usize| {
            let closes: Vec<_> =
                bars.iter().enumerate().map(|(t, bar)| (t >= late).then_some(bar.close)).collect();
            averages(&closes, n, 2.0 / (n as f64 + 1.0))
        };
        average(slow - fast, fast).into_iter().zip(average(0, slow)).map(|(fast, slow)| fast.zip(slow)).collect()
    }

    /// Each average from the whole history.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let line: Vec<_> =
            distances(parameters, bars).into_iter().map(|pair| pair.map(|(fast, slow)| fast - slow)).collect();
        let n = parameters[2] as usize;
        let signal = averages(&line, n, 2.0 / (n as f64 + 1.0));
        let histogram = line.iter().zip(&signal).map(|(line, signal)| Some((*line)? - (*signal)?)).collect();
        let line = line.iter().zip(&signal).map(|(line, signal)| signal.and(*line)).collect();
        vec![line, signal, histogram]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let [fast, slow, signal] = [0, 1, 2].map(|at: usize| parameters[at] as i32);
        several(columns, |[line, average, histogram]| {
            core.macd(0, columns.last, &columns.close, fast, slow, signal, line, average, histogram)
        })
    });

    #[test]
    fn the_example_holds() {
        let at_last = |value: f64| [None, None, None, Some(value)];
        check(
            "macd(2,3,2)",
            &[1.0, 2.0, 3.0, 5.0],
            &[&at_last(2.0 / 3.0), &at_last(7.0 / 12.0), &at_last(1.0 / 12.0)],
        );
    }

    #[test]
    fn the_shorter_period_is_the_fast_one() {
        check("macd(3,2,1)", &[1.0, 2.0, 3.0], &[
            &[None, None, Some(0.5)],
            &[None, None, Some(0.5)],
            &[None, None, Some(0.0)],
        ]);
    }
}
