//! `mom(period)`: momentum, how far the close has come in n bars.
//!
//! `mom = close - close[t-n]`
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 1 to 1,000 bars | 10 |
//!
//! Lookback: n. Example, n = 2: closes 1, 2, 4, 7 give nothing, nothing, 3, 5.
//!
//! Convention: TA-Lib's MOM.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;

/// The change of the close over some bars.
#[derive(Debug, Clone)]
pub(crate) struct Mom {
    period: usize,
}

impl Indicator for Mom {
    const NAME: &'static str = "mom";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 1.0, 10.0)];
    const OUTPUTS: &'static [&'static str] = &["mom"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period + 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let before = bars.closes(self.period + 1).and_then(<[f64]>::first);
        [before.map(|before| bars.close() - before)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        by_bar(bars.len(), |t| Some([bars[t].close - bars[t.checked_sub(n)?].close]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.mom(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("mom(2)", &[1.0, 2.0, 4.0, 7.0], &[&[None, None, Some(3.0), Some(5.0)]]);
    }
}
