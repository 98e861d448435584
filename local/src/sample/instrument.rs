//! What is traded: a symbol with its tick size, its lot step and its habits.
//!
//! Prices are whole ticks and quantities whole steps everywhere in the session; this is the one place that knows
//! what a tick or a step is worth. Tick times step is a whole number of 10^-8, so quote volumes are exact too.

use std::fmt;

use tapeline_market::Decimal;

/// Fraction digits of every amount the exchange prints.
const SCALE: u8 = 8;
/// One, in units of 10^-8.
const ONE: i64 = 100_000_000;

/// One symbol's grid and habits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instrument {
    /// The name in payloads, upper-case.
    pub(crate) symbol: String,
    /// The name in stream names, lower-case.
    pub(crate) stream: String,
    habits: Habits,
}

/// The numbers behind a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Habits {
    /// Price increment in units of 10^-8.
    tick: i64,
    /// Quantity increment in units of 10^-8.
    step: i64,
    /// Where the price begins, in ticks.
    price: i64,
    /// A usual order, in steps.
    lot: i64,
    /// Taker orders in 1,000 steps of 100 ms.
    pace: i64,
}

/// Real grids; prices are near those of early 2026.
const KNOWN: [(&str, Habits); 7] = [
    ("BTCUSDT", Habits { tick: 1_000_000, step: 1_000, price: 9_112_345, lot: 200, pace: 55 }),
    ("ETHUSDT", Habits { tick: 1_000_000, step: 10_000, price: 313_370, lot: 500, pace: 50 }),
    ("SOLUSDT", Habits { tick: 1_000_000, step: 100_000, price: 13_425, lot: 1_000, pace: 45 }),
    ("BNBUSDT", Habits { tick: 1_000_000, step: 100_000, price: 89_050, lot: 200, pace: 40 }),
    ("XRPUSDT", Habits { tick: 10_000, step: 10_000_000, price: 21_530, lot: 500, pace: 40 }),
    ("DOGEUSDT", Habits { tick: 1_000, step: ONE, price: 15_012, lot: 1_000, pace: 35 }),
    ("PEPEUSDT", Habits { tick: 1, step: ONE, price: 652, lot: 10_000_000, pace: 35 }),
];

/// Any other symbol: a thin market, some of whose minutes pass without a trade.
const THIN: Habits = Habits { tick: 10_000, step: 1_000_000, price: 12_345, lot: 5_000, pace: 4 };

impl Instrument {
    /// Finds the symbol's grid, or takes the one of a thin market.
    pub(crate) fn of(symbol: &str) -> Self {
        let habits = KNOWN.iter().find(|(known, _)| *known == symbol).map_or(THIN, |(_, habits)| *habits);
        Self { symbol: symbol.to_owned(), stream: symbol.to_ascii_lowercase(), habits }
    }

    /// Where the price begins, in ticks.
    pub(crate) fn start_price(&self) -> i64 {
        self.habits.price
    }

    /// A usual order, in steps.
    pub(crate) fn lot(&self) -> i64 {
        self.habits.lot
    }

    /// Taker orders in 1,000 steps of 100 ms.
    pub(crate) fn pace(&self) -> i64 {
        self.habits.pace
    }

    /// The usual distance between two price levels, in ticks.
    pub(crate) fn gap(&self) -> i64 {
        (self.habits.price / 100_000).max(1)
    }

    /// The most that waits at one level, in steps. Where a tick is a large part of the price, more wait at each.
    pub(crate) fn level_max(&self) -> i64 {
        self.habits.lot * 8 * (10_000 / self.habits.price).max(1)
    }

    /// Prices a number of ticks.
    pub(crate) fn price(&self, ticks: i64) -> Amount {
        Amount(i128::from(ticks) * i128::from(self.habits.tick))
    }

    /// Measures a number of steps.
    pub(crate) fn quantity(&self, steps: i128) -> Amount {
        Amount(steps * i128::from(self.habits.step))
    }

    /// Values a sum of ticks times steps.
    pub(crate) fn quote(&self, tick_steps: i128) -> Amount {
        Amount(tick_steps * self.quote_unit())
    }

    /// The mean price of a volume, rounded down to eight digits as the exchange's averages are; `None` without volume.
    pub(crate) fn mean_price(&self, tick_steps: i128, steps: i128) -> Option<Amount> {
        let quote = tick_steps * self.quote_unit() * i128::from(ONE);
        quote.checked_div(self.quantity(steps).0).map(Amount)
    }

    /// What one tick times one step is worth, in units of 10^-8.
    fn quote_unit(&self) -> i128 {
        i128::from(self.habits.tick) * i128::from(self.habits.step) / i128::from(ONE)
    }
}

/// An exact amount in units of 10^-8, printed with eight fraction digits as the exchange does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i128);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A day of the largest orders of all known symbols stays below 10^26, far from a decimal's 38 digits.
        let decimal = Decimal::new(self.0, SCALE).map_err(|_| fmt::Error)?;
        decimal.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_printed_with_eight_digits() {
        let btc = Instrument::of("BTCUSDT");
        assert_eq!(btc.price(9_112_345).to_string(), "91123.45000000");
        assert_eq!(btc.price(-5).to_string(), "-0.05000000");
        assert_eq!(btc.quantity(123).to_string(), "0.00123000");
        // 91123.45 * 0.00123 = 112.0818435, by hand.
        assert_eq!(btc.quote(9_112_345 * 123).to_string(), "112.08184350");
        assert_eq!(Instrument::of("PEPEUSDT").price(652).to_string(), "0.00000652");
    }

    #[test]
    fn mean_prices_are_quote_volume_by_base_volume() {
        let eth = Instrument::of("ETHUSDT");
        // One at 3000.00 and two at 3000.01: 9000.02 / 3 = 3000.00666666...
        assert_eq!(eth.mean_price(300_000 + 2 * 300_001, 3).unwrap().to_string(), "3000.00666666");
        assert_eq!(eth.mean_price(0, 0), None);
    }

    #[test]
    fn quote_volumes_of_every_grid_fit_eight_digits() {
        for habits in KNOWN.iter().map(|(_, habits)| habits).chain([&THIN]) {
            assert_eq!(habits.tick * habits.step % ONE, 0);
        }
    }

    #[test]
    fn unknown_symbols_get_the_grid_of_a_thin_market() {
        assert_eq!(Instrument::of("NEWUSDT").habits, THIN);
        assert_eq!(Instrument::of("NEWUSDT").stream, "newusdt");
    }
}
