//! `adosc(fast,slow)`: the Chaikin oscillator, how fast the accumulation/distribution line moves.
//!
//! `adosc = EMA(fast) of ad - EMA(slow) of ad`, where both averages begin with the first `ad`. See `ad`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `fast` | 2 to 1,000 bars | 3 |
//! | `slow` | 2 to 1,000 bars | 10 |
//!
//! Lookback: the larger of both - 1. Example, 2 and 3: `ad` of 2, 2, -1 gives nothing, nothing, -0.5.
//!
//! Convention: TA-Lib's ADOSC. Its averages are not seeded with a mean, unlike `ema`. Unlike `ad` it forgets where the series
//! began.

use crate::indicator::{Indicator, Window, period, real};
use crate::money_flow::money_flow_volume;
use crate::registry::Parameter;
use crate::series::Bars;

/// The Chaikin oscillator.
#[derive(Debug, Clone)]
pub(crate) struct Adosc {
    periods: [usize; 2],
    /// Each average less the line itself: where the series began and what it counted since makes no difference, and an
    /// enormous volume is forgotten to the last digit.
    averages: [f64; 2],
}

impl Indicator for Adosc {
    const NAME: &'static str = "adosc";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("fast", 2.0, 3.0), Parameter::bars("slow", 2.0, 10.0)];
    const OUTPUTS: &'static [&'static str] = &["adosc"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { periods: [0, 1].map(|at| period(parameters, at)), averages: [0.0; 2] }
    }

    fn window(&self) -> Window {
        Window::default()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        // Both averages begin on the line.
        if bars.seen() > 1 {
            let flow = money_flow_volume(bars.high(), bars.low(), bars.close(), bars.volume());
            for (average, period) in self.averages.iter_mut().zip(self.periods) {
                *average = (1.0 - 2.0 / (real(period) + 1.0)) * (*average - flow);
            }
        }
        let [fast, slow] = self.averages;
        let is_warm = self.periods.iter().all(|period| bars.seen() >= *period);
        [is_warm.then_some(fast - slow)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.averages.iter_mut().for_each(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::ad;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, check_ta_lib, one, sessions};

    /// Both averages as weighted sums of the flows: of a flow's step in the line, an average is still missing
    /// `(1 - k)^bars`.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let behind = |t: usize, n: f64| {
            let (mut sum, mut weight) = (0.0, 1.0);
            for bar in bars[1..=t].iter().rev() {
                weight *= 1.0 - 2.0 / (n + 1.0);
                sum += weight * ad::tests::flow(bar);
            }
            sum
        };
        let (fast, slow) = (parameters[0], parameters[1]);
        let value = |t: usize| (t as f64 + 1.0 >= fast.max(slow)).then(|| behind(t, slow) - behind(t, fast));
        vec![(0..bars.len()).map(value).collect()]
    }

    /// TA-Lib subtracts averages of the whole line, of which a single enormous volume leaves few digits for good: it is
    /// asked below, for the sets without one.
    pub(crate) const TA_LIB: Option<TaLib> = None;

    #[test]
    fn it_agrees_with_ta_lib_without_enormous_volumes() {
        let sessions = sessions().into_iter().filter(|session| session.name != "one outlier volume");
        for session in sessions {
            check_ta_lib("adosc", &session, |core, parameters, columns: &Columns| {
                let Columns { high, low, close, volume, last } = columns;
                let [fast, slow] = [parameters[0], parameters[1]].map(|n| n as i32);
                one(columns, |out| core.adosc(0, *last, high, low, close, volume, fast, slow, out))
            });
        }
    }

    #[test]
    fn the_example_holds() {
        check_bars("adosc(2,3)", &ad::tests::example(), &[&[None, None, Some(-0.5)]]);
    }
}
