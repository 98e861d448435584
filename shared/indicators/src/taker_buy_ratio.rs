//! `taker_buy_ratio`: the part of a bar's volume that takers bought, from 0 to 1.
//!
//! `taker_buy_ratio = taker buy volume / volume`
//!
//! No parameters. Lookback: 0. Example: 3 of 4 and 1 of 5 bought give 0.75, 0.2.
//!
//! Convention: the exchange's own taker buy volume; TA-Lib has no such function. Absent for a bar without volume.

use crate::indicator::{Indicator, Window};
use crate::registry::Parameter;
use crate::series::Bars;

/// The part that takers bought.
#[derive(Debug, Clone)]
pub(crate) struct TakerBuyRatio;

impl Indicator for TakerBuyRatio {
    const NAME: &'static str = "taker_buy_ratio";
    const PARAMETERS: &'static [Parameter] = &[];
    const OUTPUTS: &'static [&'static str] = &["taker_buy_ratio"];
    type Values = [Option<f64>; 1];

    fn new(_: &[f64]) -> Self {
        Self
    }

    fn window(&self) -> Window {
        Window::default()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [(bars.volume() > 0.0).then(|| bars.taker_buy_volume() / bars.volume())]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{TaLib, TestBar, check_bars, taker_bar};

    pub(crate) fn oracle(_: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let ratio = |bar: &TestBar| Some(bar.taker_buy_volume / bar.volume).filter(|ratio| !ratio.is_nan());
        vec![bars.iter().map(ratio).collect()]
    }

    /// TA-Lib knows no takers.
    pub(crate) const TA_LIB: Option<TaLib> = None;

    #[test]
    fn the_example_holds() {
        let bars = [taker_bar(0, 4, 3), taker_bar(1, 5, 1), taker_bar(2, 0, 0)];
        check_bars("taker_buy_ratio", &bars, &[&[Some(0.75), Some(0.2), None]]);
    }
}
