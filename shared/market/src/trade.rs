//! One execution, and the best prices around it.

use std::fmt;

use crate::{Decimal, Symbol, Timestamp};

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

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade<'a> {
    /// What was traded.
    pub symbol: Symbol<'a>,
    /// The exchange's number of the trade, ascending within a symbol.
    pub id: u64,
    /// Price of one unit of the base asset, in the quote asset.
    pub price: Decimal,
    /// Quantity of the base asset (contracts on coin-margined futures).
    pub quantity: Decimal,
    /// When it was executed.
    pub time: Timestamp,
    /// Which side took liquidity.
    pub taker_side: Side,
}

/// Best bid and ask of a symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote<'a> {
    /// What is quoted.
    pub symbol: Symbol<'a>,
    /// The order book's update number.
    pub update_id: u64,
    /// Best bid, in the quote asset.
    pub bid_price: Decimal,
    /// Quantity at the best bid, in the base asset.
    pub bid_quantity: Decimal,
    /// Best ask, in the quote asset.
    pub ask_price: Decimal,
    /// Quantity at the best ask, in the base asset.
    pub ask_quantity: Decimal,
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
