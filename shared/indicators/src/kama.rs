//! `kama(period)`: Kaufman's adaptive average, fast while the price goes one way and slow while it goes to and fro.
//!
//! `kama = kama' + k * (close - kama')` with `k = (e * 2/3 + (1 - e) * 2/31)^2`, where `e = |close - close[t-n]|` divided
//! by the sum of the n absolute changes between: the constants are those of averages of 2 and 30 bars.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 10 |
//!
//! Lookback: n. Example, n = 2: closes 1, 2, 3, 2 give nothing, nothing, 2 + 4/9, and 4/961 of the way from there to 2.
//!
//! Convention: TA-Lib's KAMA: it begins with the close before the first value, and `e` is 1 where nothing has changed.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// An average that adapts to the way of the price.
#[derive(Debug, Clone)]
pub(crate) struct Kama {
    period: usize,
    /// The average, from the first one on.
    value: f64,
}

/// `k` of an exponential average of 2 bars, `2 / (2 + 1)`.
const FAST: f64 = 2.0 / 3.0;
/// `k` of an exponential average of 30 bars, `2 / (30 + 1)`.
const SLOW: f64 = 2.0 / 31.0;

impl Indicator for Kama {
    const NAME: &'static str = "kama";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 10.0)];
    const OUTPUTS: &'static [&'static str] = &["kama"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0), value: 0.0 }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(closes) = bars.closes(self.period + 1) else { return [None] };
        if let [.., before, _] = closes
            && bars.seen() == closes.len()
        {
            self.value = *before;
        }
        let k = SLOW + efficiency(closes) * (FAST - SLOW);
        self.value += k * k * (bars.close() - self.value);
        [Some(self.value)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.value);
    }
}

/// The way from the first to the last close as a part of the way gone: 0 to 1.
fn efficiency(closes: &[f64]) -> f64 {
    let (Some(first), Some(last)) = (closes.first(), closes.last()) else { return 1.0 };
    let gone: f64 = closes.array_windows().map(|[before, close]| (close - before).abs()).sum();
    let way = (last - first).abs();
    // The sum of the steps may be a rounding shorter than the way.
    if way < gone { way / gone } else { 1.0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, changes, check, one};

    /// Forward from the first value, with the weights of the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let changes = changes(bars);
        let efficiency = |t: usize| {
            let gone: f64 = changes[t + 1 - n..=t].iter().flatten().map(|change| change.abs()).sum();
            let way = (bars[t].close - bars[t - n].close).abs();
            if gone == 0.0 { 1.0 } else { (way / gone).min(1.0) }
        };
        let mut kama = bars.get(n - 1).map(|bar| bar.close);
        let values: Vec<_> = (n..bars.len())
            .map(|t| {
                let k = (efficiency(t) * 2.0 / 3.0 + (1.0 - efficiency(t)) * 2.0 / 31.0).powi(2);
                kama = kama.map(|kama| (1.0 - k) * kama + k * bars[t].close);
                kama
            })
            .collect();
        by_bar(bars.len(), |t| Some([values[t.checked_sub(n)?]?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.kama(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let first = 2.0 + 4.0 / 9.0;
        let second = first + 4.0 / 961.0 * (2.0 - first);
        check("kama(2)", &[1.0, 2.0, 3.0, 2.0], &[&[None, None, Some(first), Some(second)]]);
    }
}
