//! `bbands(period,deviations)`: Bollinger's bands, so many standard deviations above and below the mean.
//!
//! `bb_middle` is the mean of the last n closes, `bb_upper` and `bb_lower` lie m standard deviations from it;
//! `bb_percent_b = (close - bb_lower) / (bb_upper - bb_lower)`; `bb_width = 100 * (bb_upper - bb_lower) / bb_middle`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 20 |
//! | `deviations`, m | 0.001 to 100 | 2 |
//!
//! Lookback: n - 1. Example, `bbands(2,2)`: closes 1, 3, 3 give nothing, then 4, 2, 0, 0.75, 200, then 3, 3, 3, 0.5, 0.
//!
//! Convention: TA-Lib's BBANDS around a simple mean, PERCENTB and BBW: the deviation of a population, the position as a
//! fraction that is 0.5 where the bands are one, the width in percent.

use crate::indicator::{Indicator, Window, factor, period, real};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::deviation;

/// A band around the mean whose width follows the deviation.
#[derive(Debug, Clone)]
pub(crate) struct Bbands {
    period: usize,
    deviations: f64,
}

impl Indicator for Bbands {
    const NAME: &'static str = "bbands";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::bars("period", 2.0, 20.0), Parameter::factor("deviations", 100.0, 2.0)];
    const OUTPUTS: &'static [&'static str] =
        &["bb_upper", "bb_middle", "bb_lower", "bb_percent_b", "bb_width"];
    type Values = [Option<f64>; 5];

    fn new(parameters: &[f64]) -> Self {
        Self { period: period(parameters, 0), deviations: factor(parameters, 1) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let n = self.period;
        let (Some(closes), Some(sum)) = (bars.closes(n), bars.sum_of_closes(n)) else { return [None; 5] };
        let (middle, reach) = (sum / real(n), self.deviations * deviation(closes));
        let (upper, lower) = (middle + reach, middle - reach);
        let width = upper - lower;
        let percent_b = if width > 0.0 { (bars.close() - lower) / width } else { 0.5 };
        [upper, middle, lower, percent_b, 100.0 * (width / middle)].map(Some)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ta_lib::MAType;

    use crate::stddev::tests::mean_and_deviation;
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, last_bars, one, several};

    /// Straight from the formula.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        by_bar(bars.len(), |t| {
            let (mean, deviation) = mean_and_deviation(last_bars(bars, t, parameters[0] as usize)?);
            let reach = parameters[1] * deviation;
            let percent_b = if reach == 0.0 { 0.5 } else { 0.5 + (bars[t].close - mean) / reach / 2.0 };
            Some([mean + reach, mean, mean - reach, percent_b, 200.0 * reach / mean])
        })
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        let (n, m, close) = (parameters[0] as i32, parameters[1], &columns.close);
        let bands = several(columns, |[upper, middle, lower]| {
            core.bbands(0, columns.last, close, n, m, m, MAType::SMA, upper, middle, lower)
        });
        let percent_b =
            one(columns, |out| core.percentb(0, columns.last, close, n, m, m, MAType::SMA, out));
        let width = one(columns, |out| core.bbw(0, columns.last, close, n, m, m, MAType::SMA, out));
        [bands, percent_b, width].concat()
    });

    #[test]
    fn the_example_holds() {
        check("bbands(2,2)", &[1.0, 3.0, 3.0], &[
            &[None, Some(4.0), Some(3.0)],
            &[None, Some(2.0), Some(3.0)],
            &[None, Some(0.0), Some(3.0)],
            &[None, Some(0.75), Some(0.5)],
            &[None, Some(200.0), Some(0.0)],
        ]);
    }
}
