//! `<symbol>@trade`: one execution.

use tapeline_market::{Decimal, Market, Side, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Frame, Header, Stream};
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

    fn decode(frame: &Frame<'a>, market: Market) -> Result<Self, DecodeError> {
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
        let (price, quantity) = (fields.decimal("p")?, fields.decimal("q")?);
        let quote_quantity = match market {
            Market::Spot | Market::Usdm => Some(price.product(quantity).ok_or_else(|| fields.inexact("q"))?),
            Market::Coinm => None,
        };
        Ok(Self {
            price,
            quantity,
            quote_quantity,
            trade_time: fields.time("T")?,
            taker_side: Side::of_taker(fields.flag("m")?),
        })
    }

    pub(super) fn write(&self, row: &mut impl Row) {
        row.digits(column::PRICE, self.price);
        row.digits(column::QUANTITY, self.quantity);
        if let Some(quote_quantity) = self.quote_quantity {
            row.decimal(column::QUOTE_QUANTITY, quote_quantity);
        }
        row.time(column::TRADE_TIME, self.trade_time);
        row.text(column::TAKER_SIDE, self.taker_side.as_str());
    }
}
