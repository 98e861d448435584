//! `<symbol>@aggTrade`: executions of one taker order at one price.

use tapeline_market::Market;

use super::trade::Execution;
use super::{Address, DecodeError, Fields, Header, Keyed, Parts, Payload, Stream};
use crate::encode::{IdWriter, Row, column};

/// Executions of one taker order at one price, as one.
///
/// ```json
/// {"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AggTradeMessage<'a> {
    /// `a`: aggregate trade id.
    pub agg_trade_id: u64,
    /// `f`: first trade id; `None` (-1 on the wire) when the exchange took the trade back.
    pub first_trade_id: Option<u64>,
    /// `l`: last trade id; `None` as above.
    pub last_trade_id: Option<u64>,
    /// What was executed, all trades together.
    pub execution: Execution<'a>,
}

impl AggTradeMessage<'_> {
    /// Whether the exchange took the trade back: no trade ids, and price and quantity of zero.
    pub fn is_invalidated(&self) -> bool {
        let execution = &self.execution;
        self.first_trade_id.is_none() && execution.price.is_zero() && execution.quantity.is_zero()
    }
}

impl<'a> Stream<'a> for AggTradeMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("aggTrade")
    }

    fn in_order(payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        let event_time = payload.time(br#""e":"aggTrade","E":"#)?;
        let symbol = payload.symbol(br#","s":""#)?;
        let agg_trade_id = payload.number(br#"","a":"#)?;
        let price = payload.decimal(br#","p":""#)?;
        let quantity = payload.decimal(br#"","q":""#)?;
        let first_trade_id = payload.trade_id(br#"","f":"#)?;
        let last_trade_id = payload.trade_id(br#","l":"#)?;
        let execution = Execution::in_order((price, quantity), payload)?;
        Some((symbol, Some(event_time), Self { agg_trade_id, first_trade_id, last_trade_id, execution }))
    }

    fn of_market(mut self, market: Market) -> Result<Self, DecodeError> {
        self.execution.multiply(market)?;
        Ok(self)
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self {
            agg_trade_id: fields.number("a")?,
            first_trade_id: fields.trade_id("f")?,
            last_trade_id: fields.trade_id("l")?,
            execution: Execution::decode(fields, market)?,
        })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("a");
        id.number(self.agg_trade_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::AGG_TRADE_ID, self.agg_trade_id);
        row.optional_integer(column::FIRST_TRADE_ID, self.first_trade_id);
        row.optional_integer(column::LAST_TRADE_ID, self.last_trade_id);
        self.execution.write(row);
    }
}
