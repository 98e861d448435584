//! One execution.

use std::fmt;

use crate::{Decimal, Timestamp};

/// The side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The order bought the base asset.
    Buy,
    /// The order sold the base asset.
    Sell,
}

impl Side {
    /// The taker's side, from the exchange's flag "the buyer was the maker": then the taker sold.
    pub const fn of_taker(buyer_is_maker: bool) -> Self {
        if buyer_is_maker { Self::Sell } else { Self::Buy }
    }

    /// Names the side as records do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One execution, or several of one taker order at one price, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The exchange's first id of what was executed, in the ids by which trades are told apart.
    pub first_id: u64,
    /// The last such id; the same as the first for a single execution.
    pub last_id: u64,
    /// The id of the last execution as the exchange's klines count them.
    pub last_trade_id: u64,
    /// Number of executions.
    pub count: u64,
    /// Price of one unit of the base asset, in the quote asset.
    pub price: Decimal,
    /// Quantity of the base asset (contracts on coin-margined futures).
    pub quantity: Decimal,
    /// Price times quantity, in the quote asset; `None` on coin-margined futures, where the product means nothing.
    pub quote_quantity: Option<Decimal>,
    /// When it was executed.
    pub time: Timestamp,
    /// Which side took liquidity.
    pub taker_side: Side,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyer_who_is_maker_means_the_taker_sold() {
        assert_eq!(Side::of_taker(true), Side::Sell);
        assert_eq!(Side::of_taker(false), Side::Buy);
    }
}
