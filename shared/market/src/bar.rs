//! What happened in one interval.

use thiserror::Error;

use crate::{Decimal, Interval, Timestamp};

/// Open, high, low, close and volumes over one interval.
///
/// `low <= open, close <= high`, and `open_time <= close_time`: see [`Bar::checked`].
#[doc(alias = "candle")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Length of the bar.
    pub interval: Interval,
    /// First instant of the bar.
    pub open_time: Timestamp,
    /// Last instant of the bar, inclusive.
    pub close_time: Timestamp,
    /// First price, in the quote asset.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Traded quantity of the base asset (contracts on coin-margined futures).
    pub volume: Decimal,
    /// Traded quantity of the quote asset; `None` on coin-margined futures.
    pub quote_volume: Option<Decimal>,
    /// The part of `volume` that takers bought.
    pub taker_buy_volume: Decimal,
    /// Number of trades.
    pub trade_count: u64,
}

impl Bar {
    /// Hands the bar back if its prices and times are in order.
    ///
    /// # Errors
    /// Names the first pair that is not.
    pub fn checked(self) -> Result<Self, BarError> {
        let prices = [("open", self.open), ("close", self.close)];
        for (name, price) in prices {
            if price < self.low || price > self.high {
                return Err(BarError::Price { name, price, low: self.low, high: self.high });
            }
        }
        if self.open_time > self.close_time {
            return Err(BarError::Time { open: self.open_time, close: self.close_time });
        }
        Ok(self)
    }
}

/// A bar contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BarError {
    /// A price lies outside of low and high.
    #[error("`{name}` must lie between {low} and {high}, was {price}")]
    Price {
        /// Which price.
        name: &'static str,
        /// Its value.
        price: Decimal,
        /// The bar's low.
        low: Decimal,
        /// The bar's high.
        high: Decimal,
    },
    /// The bar closes before it opens.
    #[error("a bar must not close before it opens, was {open} to {close}")]
    Time {
        /// The bar's first instant.
        open: Timestamp,
        /// The bar's last instant.
        close: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(low: &str, high: &str) -> Bar {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        Bar {
            interval: Interval::Minute1,
            open_time: Timestamp::from_micros(0).unwrap(),
            close_time: Timestamp::from_micros(59_999_999).unwrap(),
            open: decimal("10.0"),
            high: decimal(high),
            low: decimal(low),
            close: decimal("10.5"),
            volume: decimal("1"),
            quote_volume: Some(decimal("10")),
            taker_buy_volume: decimal("0.5"),
            trade_count: 2,
        }
    }

    #[test]
    fn prices_are_compared_by_value_not_by_digits() {
        assert_eq!(bar("10", "10.50").checked(), Ok(bar("10", "10.50")));
    }

    #[test]
    fn a_close_above_the_high_is_refused() {
        let error = bar("10", "10.4").checked().unwrap_err();
        assert_eq!(error.to_string(), "`close` must lie between 10 and 10.4, was 10.5");
    }
}
