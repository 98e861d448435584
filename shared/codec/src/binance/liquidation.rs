//! `<symbol>@forceOrder`, `!forceOrder@arr`: futures, an order that closed a position by force.

use std::borrow::Cow;

use tapeline_market::{Market, Side, Symbol, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Stream};
use crate::encode::{IdWriter, Row, column};

/// An order that closed a position by force. Its symbol stands inside of `o`.
///
/// ```json
/// {"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910",
///  "ap":"9910","X":"FILLED","l":"0.014","z":"0.014","T":1568014460893}}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LiquidationMessage<'a> {
    /// `o.S`: `SELL` closes a long position, `BUY` a short one.
    pub side: Cow<'a, str>,
    /// `o.o`: order type.
    pub order_type: Cow<'a, str>,
    /// `o.f`: time in force.
    pub time_in_force: Cow<'a, str>,
    /// `o.q`: quantity of the order.
    pub quantity: Digits<'a>,
    /// `o.p`: price of the order.
    pub price: Digits<'a>,
    /// `o.ap`: average price of its executions.
    pub average_price: Digits<'a>,
    /// `o.X`: order status.
    pub order_status: Cow<'a, str>,
    /// `o.l`: quantity filled last.
    pub last_filled_quantity: Digits<'a>,
    /// `o.z`: quantity filled in all.
    pub filled_quantity: Digits<'a>,
    /// `o.T`: trade time.
    pub trade_time: Timestamp,
}

impl<'a> Stream<'a> for LiquidationMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("forceOrder")
    }

    fn symbol(frame: &Keyed<'a>) -> Result<Symbol<'a>, DecodeError> {
        frame.fields().inner("o")?.symbol("s")
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let o = frame.fields().inner("o")?;
        Ok(Self {
            side: o.text("S")?,
            order_type: o.text("o")?,
            time_in_force: o.text("f")?,
            quantity: o.decimal("q")?,
            price: o.decimal("p")?,
            average_price: o.decimal("ap")?,
            order_status: o.text("X")?,
            last_filled_quantity: o.decimal("l")?,
            filled_quantity: o.decimal("z")?,
            trade_time: o.time("T")?,
        })
    }

    /// Trade time, side and what was filled: a liquidation has no number of its own.
    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("l");
        id.time(self.trade_time);
        id.text(if self.side == "BUY" { "buy" } else { "sell" });
        id.text(self.filled_quantity.as_str());
    }

    fn write(&self, row: &mut impl Row) {
        match &*self.side {
            "BUY" => row.word(column::SIDE, Side::Buy.as_str()),
            "SELL" => row.word(column::SIDE, Side::Sell.as_str()),
            other => row.text(column::SIDE, &other.to_ascii_lowercase()),
        }
        row.text(column::ORDER_TYPE, &self.order_type);
        row.text(column::TIME_IN_FORCE, &self.time_in_force);
        row.digits(column::QUANTITY, self.quantity);
        row.digits(column::PRICE, self.price);
        row.digits(column::AVERAGE_PRICE, self.average_price);
        row.text(column::ORDER_STATUS, &self.order_status);
        row.digits(column::LAST_FILLED_QUANTITY, self.last_filled_quantity);
        row.digits(column::FILLED_QUANTITY, self.filled_quantity);
        row.time(column::TRADE_TIME, self.trade_time);
    }
}
