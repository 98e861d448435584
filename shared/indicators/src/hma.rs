//! `hma(period)`: Hull's moving average, weighted means combined so that they lag little.
//!
//! `hma` is the weighted mean of the last `s = sqrt(n)` values of `2 * wma(n / 2) - wma(n)`, where a weighted mean `wma`
//! gives the oldest close the weight 1, the next one 2, and so on; root and half are rounded down.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 9 |
//!
//! Lookback: n + s - 2. Example, n = 4: closes 1, 2, 3, 4, 6 give 253/45 = 5.6222 at the last one, the weighted mean of
//! 13/3 and 94/15.
//!
//! Convention: TA-Lib's HMA. Other programs round the half and the root to the nearest whole number.

use crate::indicator::{Indicator, Window, period};
use crate::recent::Recent;
use crate::registry::Parameter;
use crate::series::Bars;
use crate::windows::{newest, weighted_mean};

/// An average that lags little.
#[derive(Debug, Clone)]
pub(crate) struct Hma {
    period: usize,
    /// What the last weighted mean is taken of.
    ahead: Recent<f64>,
}

impl Indicator for Hma {
    const NAME: &'static str = "hma";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 9.0)];
    const OUTPUTS: &'static [&'static str] = &["hma"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        let period = period(parameters, 0);
        Self { period, ahead: Recent::new(period.isqrt()) }
    }

    fn window(&self) -> Window {
        Window::of_closes(self.period + self.period.isqrt() - 1)
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let Some(closes) = bars.closes(self.window().closes) else { return [None] };
        let half = self.period / 2;
        let ahead = closes.windows(self.period).map(|window| {
            let (short, long) = (newest(window, half).iter().copied(), window.iter().copied());
            2.0 * weighted_mean(short) - weighted_mean(long)
        });
        [Some(weighted_mean(self.ahead.follow(ahead).iter().copied()))]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, by_bar, check, one};

    /// The weighted mean of `count` known values up to the one at `t`.
    pub(crate) fn weighted_at(values: &[Option<f64>], t: usize, count: usize) -> Option<f64> {
        let window: Option<Vec<_>> = values.get((t + 1).checked_sub(count)?..=t)?.iter().copied().collect();
        let sum: f64 = window?.iter().enumerate().map(|(at, value)| value * (at + 1) as f64).sum();
        Some(sum / (1..=count).sum::<usize>() as f64)
    }

    /// Each mean over all bars, one column after the other.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let n = parameters[0] as usize;
        let root = (1..=n).rev().find(|root| root * root <= n).unwrap();
        let closes: Vec<_> = bars.iter().map(|bar| Some(bar.close)).collect();
        let ahead = |t| Some(2.0 * weighted_at(&closes, t, n / 2)? - weighted_at(&closes, t, n)?);
        let ahead: Vec<_> = (0..bars.len()).map(ahead).collect();
        by_bar(bars.len(), |t| Some([weighted_at(&ahead, t, root)?]))
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.hma(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        let expected = [None, None, None, None, Some(253.0 / 45.0)];
        check("hma(4)", &[1.0, 2.0, 3.0, 4.0, 6.0], &[&expected]);
    }
}
