//! `<symbol>@markPrice`, also `@1s`, `!markPrice@arr`: futures, the price that positions are valued at.

use tapeline_market::{Market, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Stream};
use crate::encode::{IdWriter, Row, column};

/// The price that positions are valued at, and what they pay for being held.
///
/// ```json
/// {"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091",
///  "P":"11784.25641265","r":"0.00038167","T":1562306400000}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MarkPriceMessage<'a> {
    /// `p`: mark price.
    pub mark_price: Digits<'a>,
    /// `i`: index price; some coin-margined frames leave it out.
    pub index_price: Option<Digits<'a>>,
    /// `P`: estimated settle price, of use in the last hour before settlement.
    pub estimated_settle_price: Digits<'a>,
    /// `r`: funding rate, may be negative; `None` (empty on the wire) for contracts with a delivery date.
    pub funding_rate: Option<Digits<'a>>,
    /// `T`: next funding time; `None` (0 on the wire) for contracts with a delivery date.
    pub next_funding_time: Option<Timestamp>,
}

impl<'a> Stream<'a> for MarkPriceMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("markPriceUpdate")
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        let funding_rate = if fields.is_empty_text("r") { None } else { Some(fields.signed_decimal("r")?) };
        Ok(Self {
            mark_price: fields.decimal("p")?,
            index_price: fields.optional_decimal("i")?,
            estimated_settle_price: fields.decimal("P")?,
            funding_rate,
            next_funding_time: Some(fields.time("T")?).filter(|time| time.micros() > 0),
        })
    }

    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("mp");
        id.optional_time(header.event_time);
    }

    fn write(&self, row: &mut impl Row) {
        row.digits(column::MARK_PRICE, self.mark_price);
        row.optional_digits(column::INDEX_PRICE, self.index_price);
        row.digits(column::ESTIMATED_SETTLE_PRICE, self.estimated_settle_price);
        row.optional_digits(column::FUNDING_RATE, self.funding_rate);
        row.optional_time(column::NEXT_FUNDING_TIME, self.next_funding_time);
    }
}
