//! `aroonosc(period)`: whether the highest high or the lowest low is the newer one, and by how much.
//!
//! `aroonosc = aroon_up - aroon_down`: see `aroon`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 25 |
//!
//! Lookback: n. Example, n = 2: bars of high and low (4, 0), (6, 2), (5, 3), (6, 3) give nothing, nothing, 50, 100.
//!
//! Convention: TA-Lib's AROONOSC: of equal highs or lows, the newest counts.

use crate::aroon::Aroon;
use crate::indicator::{Indicator, Window};
use crate::registry::Parameter;
use crate::series::Bars;

/// The distance of both lines of Aroon.
#[derive(Debug, Clone)]
pub(crate) struct AroonOsc(Aroon);

impl Indicator for AroonOsc {
    const NAME: &'static str = "aroonosc";
    const PARAMETERS: &'static [Parameter] = Aroon::PARAMETERS;
    const OUTPUTS: &'static [&'static str] = &["aroonosc"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Aroon::new(parameters))
    }

    fn window(&self) -> Window {
        self.0.window()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let [up, down] = self.0.update(bars);
        [up.zip(down).map(|(up, down)| up - down)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, check_bars, example_bar, one};

    /// From the lines that Aroon's own oracle gives.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let lines = crate::aroon::tests::oracle(parameters, bars);
        vec![lines[0].iter().zip(&lines[1]).map(|(up, down)| Some((*up)? - (*down)?)).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, .. } = columns;
        one(columns, |out| core.aroonosc(0, columns.last, high, low, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let bars = [[4.0, 0.0, 2.0, 1.0], [6.0, 2.0, 3.0, 1.0], [5.0, 3.0, 4.0, 1.0], [6.0, 3.0, 4.0, 1.0]];
        let bars: Vec<_> = bars.into_iter().enumerate().map(|(at, bar)| example_bar(at, bar)).collect();
        check_bars("aroonosc(2)", &bars, &[&[None, None, Some(50.0), Some(100.0)]]);
    }
}
