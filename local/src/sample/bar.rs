//! One stretch of trades in exact integers: a minute, an hour or a day.

use super::tape::Trade;

/// The id that stands for "no trade" on the wire.
const NO_TRADE: i64 = -1;

/// Open, high, low, close and volumes of the trades since `open_time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// When the stretch begins, epoch milliseconds.
    pub(crate) open_time: i64,
    /// First price in ticks; the price before it while there is no trade.
    pub(crate) open: i64,
    /// Highest price in ticks.
    pub(crate) high: i64,
    /// Lowest price in ticks.
    pub(crate) low: i64,
    /// Last price in ticks.
    pub(crate) close: i64,
    /// Base volume in steps.
    pub(crate) base: i128,
    /// Quote volume in ticks times steps.
    pub(crate) quote: i128,
    /// Base volume that takers bought, in steps.
    pub(crate) taker_buy_base: i128,
    /// Quote volume that takers spent, in ticks times steps.
    pub(crate) taker_buy_quote: i128,
    /// First trade id, or -1.
    pub(crate) first_trade_id: i64,
    /// Last trade id, or -1.
    pub(crate) last_trade_id: i64,
    /// Number of trades.
    pub(crate) trade_count: i64,
}

impl Bar {
    /// Opens a bar without trades at the last known price.
    pub(crate) fn flat(open_time: i64, price: i64) -> Self {
        Self {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            base: 0,
            quote: 0,
            taker_buy_base: 0,
            taker_buy_quote: 0,
            first_trade_id: NO_TRADE,
            last_trade_id: NO_TRADE,
            trade_count: 0,
        }
    }

    /// Tells whether nothing was traded.
    pub(crate) fn is_empty(&self) -> bool {
        self.trade_count == 0
    }

    /// Adds one trade.
    pub(crate) fn add(&mut self, trade: &Trade) {
        let base = i128::from(trade.quantity);
        let quote = base * i128::from(trade.price);
        let (taker_buy_base, taker_buy_quote) = if trade.buyer_is_maker { (0, 0) } else { (base, quote) };
        self.append(&Self {
            base,
            quote,
            taker_buy_base,
            taker_buy_quote,
            first_trade_id: trade.id,
            last_trade_id: trade.id,
            trade_count: 1,
            ..Self::flat(trade.time, trade.price)
        });
    }

    /// Adds the stretch that follows this one.
    pub(crate) fn append(&mut self, later: &Self) {
        if later.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = Self { open_time: self.open_time, ..later.clone() };
            return;
        }
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.base += later.base;
        self.quote += later.quote;
        self.taker_buy_base += later.taker_buy_base;
        self.taker_buy_quote += later.taker_buy_quote;
        self.last_trade_id = later.last_trade_id;
        self.trade_count += later.trade_count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(id: i64, price: i64, quantity: i64, buyer_is_maker: bool) -> Trade {
        Trade { id, time: 60_000, price, quantity, buyer_is_maker }
    }

    #[test]
    fn trades_are_folded_into_one_bar() {
        let mut bar = Bar::flat(60_000, 7);
        bar.add(&trade(1, 10, 3, false));
        bar.add(&trade(2, 12, 1, true));
        bar.add(&trade(3, 9, 2, false));
        let expected = Bar {
            open_time: 60_000,
            open: 10,
            high: 12,
            low: 9,
            close: 9,
            base: 6,
            quote: 60,
            taker_buy_base: 5,
            taker_buy_quote: 48,
            first_trade_id: 1,
            last_trade_id: 3,
            trade_count: 3,
        };
        assert_eq!(bar, expected);
    }

    #[test]
    fn a_bar_without_trades_stays_at_the_price_before() {
        let mut bar = Bar::flat(60_000, 7);
        bar.append(&Bar::flat(120_000, 7));
        assert_eq!(bar, Bar::flat(60_000, 7));
        assert_eq!((bar.first_trade_id, bar.last_trade_id), (-1, -1));
    }
}
