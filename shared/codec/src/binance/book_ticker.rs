//! `<symbol>@bookTicker`: best bid and ask. Spot frames have neither event type nor time.

use tapeline_market::{Market, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Parts, Payload, Stream};
use crate::encode::{IdWriter, Row, column};

/// Best bid and ask.
///
/// ```json
/// {"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BookTickerMessage<'a> {
    /// `u`: order book update id.
    pub update_id: u64,
    /// `b`: best bid.
    pub bid_price: Digits<'a>,
    /// `B`: quantity at the best bid.
    pub bid_quantity: Digits<'a>,
    /// `a`: best ask.
    pub ask_price: Digits<'a>,
    /// `A`: quantity at the best ask.
    pub ask_quantity: Digits<'a>,
    /// `T`: transaction time. Futures only.
    pub trade_time: Option<Timestamp>,
}

impl<'a> Stream<'a> for BookTickerMessage<'a> {
    fn claims(address: &Address<'_>, fields: &Fields<'_>) -> bool {
        match address.event {
            Some(event) => event == "bookTicker",
            None => {
                let is_shaped = || ["u", "s", "b", "B", "a", "A"].into_iter().all(|key| fields.has(key));
                address.name() == "bookTicker" || is_shaped()
            }
        }
    }

    /// The spot market's: that of futures has more.
    fn in_order(payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        let update_id = payload.number(br#""u":"#)?;
        let symbol = payload.symbol(br#","s":""#)?;
        let bid_price = payload.decimal(br#"","b":""#)?;
        let bid_quantity = payload.decimal(br#"","B":""#)?;
        let ask_price = payload.decimal(br#"","a":""#)?;
        let ask_quantity = payload.decimal(br#"","A":""#)?;
        payload.literal(b"\"")?;
        let trade_time = None;
        Some((symbol, None, Self { update_id, bid_price, bid_quantity, ask_price, ask_quantity, trade_time }))
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self {
            update_id: fields.number("u")?,
            bid_price: fields.decimal("b")?,
            bid_quantity: fields.decimal("B")?,
            ask_price: fields.decimal("a")?,
            ask_quantity: fields.decimal("A")?,
            trade_time: fields.optional_time("T")?,
        })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("b");
        id.number(self.update_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::UPDATE_ID, self.update_id);
        row.digits(column::BID_PRICE, self.bid_price);
        row.digits(column::BID_QUANTITY, self.bid_quantity);
        row.digits(column::ASK_PRICE, self.ask_price);
        row.digits(column::ASK_QUANTITY, self.ask_quantity);
        row.optional_time(column::TRADE_TIME, self.trade_time);
    }
}
