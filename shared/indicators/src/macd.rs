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
    fast: Smoothed,
    slow: Smoothed,
    /// Bars that the fast average leaves out at first, so that both seeds end on the same bar.
    late: usize,
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
        let [a, b, signal] = [0, 1, 2].map(|at| period(parameters, at));
        let (fast, slow) = (a.min(b), a.max(b));
        let [fast_average, slow_average, signal] = [fast, slow, signal].map(Smoothed::exponential);
        Self { fast: fast_average, slow: slow_average, late: slow - fast, signal }
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let slow = self.slow.update(bars.close());
        let fast = if bars.seen() > self.late { self.fast.update(bars.close()) } else { None };
        let line = fast.zip(slow).map(|(fast, slow)| fast - slow);
        let signal = line.and_then(|line| self.signal.update(line));
        line.zip(signal).map_or([None; 3], |(line, signal)| [line, signal, line - signal].map(Some))
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        for average in [&mut self.fast, &mut self.slow, &mut self.signal] {
            average.each_scalar(visit);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, averages, by_bar, check, several};

    /// Each average from the whole history.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let (fast, slow) = (parameters[0].min(parameters[1]), parameters[0].max(parameters[1]));
        let average = |late: f64, n: f64| {
            let closes: Vec<_> =
                bars.iter().enumerate().map(|(t, bar)| (t as f64 >= late).then_some(bar.close)).collect();
            averages(&closes, n as usize, 2.0 / (n + 1.0))
        };
        let line = average(slow - fast, fast).into_iter().zip(average(0.0, slow));
        let line: Vec<_> = line.map(|(fast, slow)| Some(fast? - slow?)).collect();
        let signal = averages(&line, parameters[2] as usize, 2.0 / (parameters[2] + 1.0));
        by_bar(bars.len(), |t| Some([line[t]?, signal[t]?, line[t]? - signal[t]?]))
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
