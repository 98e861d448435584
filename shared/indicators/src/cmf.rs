//! `cmf(period)`: Chaikin money flow, from -1 (all volume at the lows) to 1 (all at the highs).
//!
//! `cmf = sum of volume * ((close - low) - (high - close)) / (high - low) / sum of volume`, both over n bars; a bar without
//! a range adds nothing to the first sum.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 20 |
//!
//! Lookback: n - 1. Example, n = 2: money flow volumes 2, 0, -3 in volumes 4, 5, 3 give nothing, 2 / 9, -0.375.
//!
//! Convention: TA-Lib's CMF, 0 without any volume. TA-Lib carries both sums from bar to bar; here the window is summed
//! anew, so that an enormous volume leaves no rounding behind.

use crate::indicator::{Indicator, Window, period};
use crate::money_flow::money_flow_volume;
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::sums;

/// Chaikin money flow.
#[derive(Debug, Clone)]
pub(crate) struct Cmf {
    period: usize,
    /// Money flow volumes.
    flows: Recent<[f64; 1]>,
}

impl Indicator for Cmf {
    const NAME: &'static str = "cmf";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 20.0)];
    const OUTPUTS: &'static [&'static str] = &["cmf"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let period = period(parameters, 0);
        Self { period, flows: Recent::new(period) }
    }

    fn window(&self) -> Window {
        Window::of_all(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(flows) = flows(bars, self.period) else { return [None] };
        let [flow] = sums(self.flows.follow(flows));
        let volume = bars.sum_of_volumes(self.period);
        [volume.map(|volume| if volume > 0.0 { flow / volume } else { 0.0 })]
    }
}

/// Money flow volumes of the last `count` bars.
fn flows(bars: &Bars<'_>, count: usize) -> Option<impl DoubleEndedIterator<Item = [f64; 1]>> {
    let prices = bars.highs(count)?.iter().zip(bars.lows(count)?).zip(bars.closes(count)?);
    let bars = prices.zip(bars.volumes(count)?);
    Some(bars.map(|(((high, low), close), volume)| [money_flow_volume(*high, *low, *close, *volume)]))
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::ad;
    use crate::testing::{Columns, TaLib, TestBar, check_bars, each_bar};

    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let value = |t: usize| {
            let window = &bars[(t + 1).checked_sub(n)?..=t];
            let volume: f64 = window.iter().map(|bar| bar.volume).sum();
            let flow: f64 = window.iter().map(ad::tests::flow).sum();
            Some(if volume > 0.0 { flow / volume } else { 0.0 })
        };
        vec![(0..bars.len()).map(value).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let Columns { high, low, close, volume, .. } = columns;
        each_bar(columns, |bar, [out]| core.cmf(bar, bar, high, low, close, volume, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check_bars("cmf(2)", &ad::tests::example(), &[&[None, Some(2.0 / 9.0), Some(-0.375)]]);
    }
}
