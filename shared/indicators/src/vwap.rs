//! `vwap`: the volume-weighted average price of the UTC day so far.
//!
//! `vwap = sum of quote volume / sum of base volume`, both since the bar that opened at midnight UTC or, on the first day,
//! since the series began.
//!
//! No parameters. Lookback: 0. Example: quote volumes 10 and 26 with base volumes 1 and 2 at the end of a day, then 80
//! with 4, give 10, 12, 20.
//!
//! Convention: what charts of markets without a closing time call VWAP. TA-Lib's is another one: it weighs typical prices
//! and never begins anew. The quote volume is exact where a typical price only guesses at the prices paid. Absent as long
//! as nothing was traded, and on coin-margined futures, whose quote volume the exchange does not count.

use crate::indicator::{Indicator, Window};
use crate::registry::Parameter;
use crate::series::Bars;

const DAY_US: u64 = 86_400_000_000;

/// The volume-weighted average price of the day.
#[derive(Debug, Clone)]
pub(crate) struct Vwap {
    /// Days since the epoch.
    day: f64,
    quote_volume: f64,
    volume: f64,
}

impl Indicator for Vwap {
    const NAME: &'static str = "vwap";
    const PARAMETERS: &'static [Parameter] = &[];
    const OUTPUTS: &'static [&'static str] = &["vwap"];
    type Values = [Option<f64>; 1];

    fn new(_: &[f64]) -> Self {
        Self { day: 0.0, quote_volume: 0.0, volume: 0.0 }
    }

    fn window(&self) -> Window {
        Window::default()
    }

    fn update(&mut self, bars: &Bars<'_>) -> Self::Values {
        let day = day(bars);
        if day > self.day {
            *self = Self { day, quote_volume: 0.0, volume: 0.0 };
        }
        let Some(quote_volume) = bars.quote_volume() else { return [None] };
        self.quote_volume += quote_volume;
        self.volume += bars.volume();
        [(self.volume > 0.0).then(|| self.quote_volume / self.volume)]
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
        visit(&mut self.day);
        visit(&mut self.quote_volume);
        visit(&mut self.volume);
    }
}

/// The UTC day of the newest bar, in days since the epoch.
fn day(bars: &Bars<'_>) -> f64 {
    let days = bars.open_time().micros().unsigned_abs() / DAY_US;
    // Times end with the year 9999: it fits.
    u32::try_from(days).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::testing::{TaLib, TestBar, check_bars, example_bar};

    pub(crate) fn oracle(_: &[f64], bars: &[TestBar]) -> Vec<Vec<Option<f64>>> {
        let day = |bar: &TestBar| bar.open_time_us / 86_400_000_000;
        let value = |t: usize| {
            let today = || bars[..=t].iter().filter(|bar| day(bar) == day(&bars[t]));
            let volume: f64 = today().map(|bar| bar.volume).sum();
            (volume > 0.0).then(|| today().map(|bar| bar.quote_volume).sum::<f64>() / volume)
        };
        vec![(0..bars.len()).map(value).collect()]
    }

    /// TA-Lib's VWAP weighs typical prices and never begins anew.
    pub(crate) const TA_LIB: Option<TaLib> = None;

    fn check(bars: [(usize, f64, f64); 3], expected: &[Option<f64>]) {
        let bars = bars.map(|(minute, price, volume)| example_bar(minute, [price, price, price, volume]));
        check_bars("vwap", &bars, &[expected]);
    }

    #[test]
    fn the_example_holds() {
        let bars = [(1438, 10.0, 1.0), (1439, 13.0, 2.0), (1440, 20.0, 4.0)];
        check(bars, &[Some(10.0), Some(12.0), Some(20.0)]);
    }

    #[test]
    fn a_day_without_trades_has_no_price_yet() {
        let bars = [(1439, 13.0, 2.0), (1440, 13.0, 0.0), (1441, 15.0, 1.0)];
        check(bars, &[Some(13.0), None, Some(15.0)]);
    }
}
