//! `adx(period)`: the average directional index, how strong a trend is, whichever way it goes.
//!
//! `dx = 100 * |plus_di - minus_di| / (plus_di + minus_di)`, and `adx = adx' + (dx - adx') / n`; the first one is the mean
//! of the first n of them. See `plus_di`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: 2n - 1. Example, n = 2: dx of 100, 100 and 100 / 17, from the third bar on, give 100 and 900 / 17.
//!
//! Convention: TA-Lib's ADX. A bar without any direction (both indicators 0) counts as 0 among the first n and changes
//! nothing later. It forgets slowly: after about 16n bars it has four right digits, whatever came before.

use crate::directional::{Direction, Directional};
use crate::indicator::{Indicator, Window, period, real};
use crate::registry::Parameter;
use crate::series::Bars;

/// A sum of both indicators below this is no direction: TA-Lib's bound for "zero".
const NO_DIRECTION: f64 = 1e-14;

/// The average directional index.
#[derive(Debug, Clone)]
pub(crate) struct Adx {
    period: usize,
    directional: Directional,
    /// The sum of the first n, the average from then on.
    value: f64,
}

impl Indicator for Adx {
    const NAME: &'static str = "adx";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["adx"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let period = period(parameters, 0);
        Self { period, directional: Directional::new(period), value: 0.0 }
    }

    fn window(&self) -> Window {
        Window::of_ranges(2)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(direction) = self.directional.update(bars) else { return [None] };
        let (n, index) = (self.period, index(direction));
        let taken = bars.seen().saturating_sub(n);
        if taken > n {
            self.value += index.map_or(0.0, |index| (index - self.value) / real(n));
        } else {
            self.value += index.unwrap_or(0.0);
            if taken < n {
                return [None];
            }
            self.value /= real(n);
        }
        [Some(self.value)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.directional.each_scalar(visit);
        visit(&mut self.value);
    }
}

/// How much one direction outweighs the other, in percent; `None` without any.
fn index(Direction { plus, minus }: Direction) -> Option<f64> {
    let sum = plus + minus;
    (sum >= NO_DIRECTION).then(|| 100.0 * ((minus - plus).abs() / sum))
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::directional;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, one};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let directions = directional::tests::oracle(n, bars);
        let index = |direction: &Option<(f64, f64)>| {
            let (plus, minus) = direction.unwrap();
            (plus + minus > 1e-14).then(|| 100.0 * (plus - minus).abs() / (plus + minus))
        };
        let value = |t: usize| {
            let first: f64 = directions[n..2 * n].iter().filter_map(index).sum();
            let rest = directions[2 * n..=t].iter().filter_map(index);
            rest.fold(first / n as f64, |adx, index| (adx * (n as f64 - 1.0) + index) / n as f64)
        };
        vec![(0..bars.len()).map(|t| (t + 1 >= 2 * n).then(|| value(t))).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, last, .. } = columns;
        one(columns, |out| core.adx(0, *last, high, low, close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = directional::tests::example();
        check_bars("adx(2)", &bars, &[&[None, None, None, Some(100.0), Some(900.0 / 17.0)]]);
    }
}
