//! `ppo(fast,slow)`: the distance of two exponential averages, in percent of the slow one.
//!
//! `ppo = 100 * (ema(fast) - ema(slow)) / ema(slow)`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `fast` | 2 to 1,000 bars | 12 |
//! | `slow` | 2 to 1,000 bars | 26 |
//!
//! The shorter of the two is the fast one, whichever comes first.
//!
//! Lookback: slow - 1. Example, `ppo(2,3)`: closes 1, 2, 3, 5 have the averages 1.5, 2.5, 25/6 and 2, 3.5 and give
//! 25 and 400/21 = 19.05 at the last two.
//!
//! Convention: TA-Lib's PPO with exponential averages: each begins with its own first bars, as in `ema`; the fast one is
//! not seeded late as it is in `macd`.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;

/// The distance of two averages, in percent.
#[derive(Debug, Clone)]
pub(crate) struct Ppo {
    fast: Smoothed,
    slow: Smoothed,
}

impl Indicator for Ppo {
    const NAME: &'static str = "ppo";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("fast", 2.0, 12.0), Parameter::bars("slow", 2.0, 26.0)];
    const OUTPUTS: &'static [&'static str] = &["ppo"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let (a, b) = (period(parameters, 0), period(parameters, 1));
        Self { fast: Smoothed::exponential(a.min(b)), slow: Smoothed::exponential(a.max(b)) }
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let (fast, slow) = (self.fast.update(bars.close()), self.slow.update(bars.close()));
        [fast.zip(slow).map(|(fast, slow)| 100.0 * ((fast - slow) / slow))]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.fast.each_scalar(visit);
        self.slow.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ta_lib::MAType;

    use crate::testing::{Columns, TaLib, TestBar, averages, by_bar, check, one};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let closes: Vec<_> = bars.iter().map(|bar| Some(bar.close)).collect();
        let average = |n: f64| averages(&closes, n as usize, 2.0 / (n + 1.0));
        let fast = average(parameters[0].min(parameters[1]));
        let slow = average(parameters[0].max(parameters[1]));
        by_bar(bars.len(), |t| Some([(fast[t]? - slow[t]?) * 100.0 / slow[t]?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let [fast, slow] = [0, 1].map(|at: usize| parameters[at] as i32);
        one(columns, |out| core.ppo(0, columns.last, &columns.close, fast, slow, MAType::EMA, out))
    });

    #[test]
    fn the_example_holds() {
        let expected = [None, None, Some(25.0), Some(400.0 / 21.0)];
        check("ppo(2,3)", &[1.0, 2.0, 3.0, 5.0], &[&expected]);
    }
}
