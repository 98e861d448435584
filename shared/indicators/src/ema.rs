//! `ema(period)`: the exponential moving average, which forgets old closes little by little.
//!
//! `ema = ema' + k * (close - ema')` with `k = 2 / (n + 1)`; the first one is the simple mean of the first n closes.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 3: closes 1, 2, 3, 7 give nothing, nothing, 2, 4.5.
//!
//! Convention: TA-Lib's EMA. A recursive value needs history: after about 5n bars it has four right digits, whatever came
//! before; after twice that, eight.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;

/// An average in which the newest close weighs most.
#[derive(Debug, Clone)]
pub(crate) struct Ema(Smoothed);

impl Indicator for Ema {
    const NAME: &'static str = "ema";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["ema"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Smoothed::exponential(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Window::of_closes(1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars.close())]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check, one};

    /// Each value from the whole history, as a weighted sum that is written out.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let k = 2.0 / (n as f64 + 1.0);
        let value = |t: usize| {
            let seed = bars.get(..n)?.iter().map(|bar| bar.close).sum::<f64>() / n as f64;
            let rest = bars.get(n..=t).or((t + 1 == n).then_some(&[][..]))?;
            Some(rest.iter().fold(seed, |ema, bar| (1.0 - k) * ema + k * bar.close))
        };
        vec![(0..bars.len()).map(value).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.ema(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("ema(3)", &[1.0, 2.0, 3.0, 7.0], &[&[None, None, Some(2.0), Some(4.5)]]);
    }
}
