//! `<symbol>@trade`: one execution.

use tapeline_market::{Decimal, Market, Side, Timestamp};

use super::error::Expected;
use super::{
    Address, DecodeError, Digits, FieldName, Fields, Header, Keyed, Parts, Payload, Stream,
};
use crate::encode::{IdWriter, Row, column};

/// One execution.
///
/// ```json
/// {"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TradeMessage<'a> {
    /// `t`: trade id.
    pub trade_id: u64,
    /// What was executed.
    pub execution: Execution<'a>,
}

impl<'a> Stream<'a> for TradeMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("trade")
    }

    fn in_order(payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        let event_time = payload.time(br#""e":"trade","E":"#)?;
        let symbol = payload.symbol(br#","s":""#)?;
        let trade_id = payload.number(br#"","t":"#)?;
        let price = payload.decimal(br#","p":""#)?;
        let quantity = payload.decimal(br#"","q":""#)?;
        payload.literal(b"\"")?;
        let execution = Execution::in_order((price, quantity), payload)?;
        Some((symbol, Some(event_time), Self { trade_id, execution }))
    }

    fn of_market(mut self, market: Market) -> Result<Self, DecodeError> {
        self.execution.multiply(market)?;
        Ok(self)
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self { trade_id: fields.number("t")?, execution: Execution::decode(fields, market)? })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("t");
        id.number(self.trade_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::TRADE_ID, self.trade_id);
        self.execution.write(row);
    }
}

const Q: FieldName = FieldName { object: "", key: "q" };

/// What trades, aggregate trades and block trades have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution<'a> {
    /// `p`: price.
    pub price: Digits<'a>,
    /// `q`: quantity of the base asset; contracts on coin-margined futures.
    pub quantity: Digits<'a>,
    /// Price times quantity, exactly; absent on coin-margined futures, where the product means nothing.
    pub quote_quantity: Option<Decimal>,
    /// `T`: trade time.
    pub trade_time: Timestamp,
    /// `m`: the buyer is the maker, so the taker sold.
    pub taker_side: Side,
}

impl<'a> Execution<'a> {
    pub(super) fn decode(fields: &Fields<'a>, market: Market) -> Result<Self, DecodeError> {
        let mut execution = Self {
            price: fields.decimal("p")?,
            quantity: fields.decimal("q")?,
            quote_quantity: None,
            trade_time: fields.time("T")?,
            taker_side: Side::of_taker(fields.flag("m")?),
        };
        execution.multiply(market)?;
        Ok(execution)
    }

    /// Reads what follows a price and a quantity, up to the end of the payload: `T`, `m`, and `M` on the spot market.
    #[inline]
    pub(super) fn in_order(
        (price, quantity): (Digits<'a>, Digits<'a>),
        payload: &mut Payload<'_, 'a>,
    ) -> Option<Self> {
        let trade_time = payload.time(br#","T":"#)?;
        let taker_side = Side::of_taker(payload.flag(br#","m":"#)?);
        if payload.literal(br#","M":"#).is_some() {
            payload.flag(b"")?;
        }
        Some(Self { price, quantity, quote_quantity: None, trade_time, taker_side })
    }

    /// Computes the quantity of the quote asset, where the market has one.
    #[inline]
    pub(super) fn multiply(&mut self, market: Market) -> Result<(), DecodeError> {
        self.quote_quantity = match market {
            Market::Spot | Market::Usdm => {
                let product = self.price.product(self.quantity);
                Some(product.ok_or_else(|| Expected::FACTOR.but_were(Q, self.quantity))?)
            }
            Market::Coinm => None,
        };
        Ok(())
    }

    pub(super) fn write(&self, row: &mut impl Row) {
        row.digits(column::PRICE, self.price);
        row.digits(column::QUANTITY, self.quantity);
        if let Some(quote_quantity) = self.quote_quantity {
            row.decimal(column::QUOTE_QUANTITY, quote_quantity);
        }
        row.time(column::TRADE_TIME, self.trade_time);
        row.word(column::TAKER_SIDE, self.taker_side.as_str());
    }
}
