//! `rsi(period)`: Wilder's relative strength index, the part of rises in the changes from close to close.
//!
//! `rsi = 100 * rises / (rises + falls)`, where `rises` and `falls` are Wilder's averages of the changes upwards and
//! downwards: the mean of the first n, then `average + (change - average) / n`.
//!
//! | parameter | range | default |
//! |---|---|---|
//! | `period`, n | 2 to 1,000 bars | 14 |
//!
//! Lookback: n, since the first bar has no change. Example, n = 2: closes 1, 4, 3, 5 give nothing, nothing, 75, 87.5.
//!
//! Convention: TA-Lib's RSI of 0.8: a market without any change is at 50 (up to 0.6 it was at 0). It has four right
//! digits after about 10n bars, whatever came before.

use crate::indicator::{Indicator, Window, period};
use crate::registry::Parameter;
use crate::series::Bars;
use crate::smoothing::Smoothed;

/// The part of rises in the changes.
#[derive(Debug, Clone)]
pub(crate) struct Rsi(Changes);

impl Indicator for Rsi {
    const NAME: &'static str = "rsi";
    const PARAMETERS: &'static [Parameter] = &[Parameter::bars("period", 2.0, 14.0)];
    const OUTPUTS: &'static [&'static str] = &["rsi"];
    type Values = [Option<f64>; 1];

    fn new(parameters: &[f64]) -> Self {
        Self(Changes::new(period(parameters, 0)))
    }

    fn window(&self) -> Window {
        Changes::WINDOW
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        [self.0.update(bars).map(Averages::strength)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.0.each_scalar(visit);
    }
}

/// Wilder's averages of what closes rise and fall.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    rises: Smoothed,
    falls: Smoothed,
}

/// The averages at one bar; neither is below 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Averages {
    pub(crate) rises: f64,
    pub(crate) falls: f64,
}

impl Changes {
    /// What it reads.
    pub(crate) const WINDOW: Window = Window::of_closes(2);

    /// Averages of n changes.
    pub(crate) fn new(period: usize) -> Self {
        Self { rises: Smoothed::wilder(period), falls: Smoothed::wilder(period) }
    }

    /// Takes the newest bar; gives the averages from the (n + 1)-th bar on.
    pub(crate) fn update(&mut self, bars: &Bars<'_>) -> Option<Averages> {
        let &[before, close] = bars.closes(2)? else { return None };
        let change = close - before;
        let (rise, fall) = if change > 0.0 { (change, 0.0) } else { (0.0, -change) };
        let (rises, falls) = (self.rises.update(rise), self.falls.update(fall));
        Some(Averages { rises: rises?, falls: falls? })
    }

    /// What it remembers.
    pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        self.rises.each_scalar(visit);
        self.falls.each_scalar(visit);
    }
}

impl Averages {
    /// The index from 0 to 100.
    pub(crate) fn strength(self) -> f64 {
        let total = self.rises + self.falls;
        if total > 0.0 { 100.0 * (self.rises / total) } else { 50.0 }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{Columns, TaLib, TestBar, averages, changes, check, one};

    /// The average rises and falls of the changes to each bar.
    pub(crate) fn rises_and_falls(bars: &[TestBar], n: usize) -> Vec<Option<(f64, f64)>> {
        let changes = changes(bars);
        let part = |part: fn(f64) -> f64| {
            averages(&changes.iter().map(|change| change.map(part)).collect::<Vec<_>>(), n, 1.0 / n as f64)
        };
        let (rises, falls) = (part(|change| change.max(0.0)), part(|change| (-change).max(0.0)));
        rises.into_iter().zip(falls).map(|(rise, fall)| rise.zip(fall)).collect()
    }

    /// Wilder's own form, `100 - 100 / (1 + rises / falls)`.
    pub(crate) fn oracle(parameters: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let strength = |(rises, falls): (f64, f64)| match (rises, falls) {
            (0.0, 0.0) => 50.0,
            _ => 100.0 - 100.0 / (1.0 + rises / falls),
        };
        let averages = rises_and_falls(bars, parameters[0] as usize);
        vec![averages.into_iter().map(|averages| averages.map(strength)).collect()]
    }

    pub(crate) const TA_LIB: Option<TaLib> = Some(|core, parameters, columns: &Columns| {
        one(columns, |out| core.rsi(0, columns.last, &columns.close, parameters[0] as i32, out))
    });

    #[test]
    fn the_example_holds() {
        check("rsi(2)", &[1.0, 4.0, 3.0, 5.0], &[&[None, None, Some(75.0), Some(87.5)]]);
    }

    #[test]
    fn a_market_without_changes_is_neutral() {
        check("rsi(2)", &[3.0, 3.0, 3.0], &[&[None, None, Some(50.0)]]);
    }
}
