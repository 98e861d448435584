//! `<symbol>@referencePrice`: the price that a symbol is measured by.

use tapeline_market::{Market, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Stream};
use crate::encode::{IdWriter, Row, column};

/// The price that a symbol is measured by. Has no event time.
///
/// ```json
/// {"e":"referencePrice","s":"BAZUSD","r":"1.00000000","t":1770313152960}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePriceMessage<'a> {
    /// `r`: the price; `None` (null on the wire) when there is none.
    pub price: Option<Digits<'a>>,
    /// `t`: since when it is valid.
    pub valid_time: Timestamp,
}

impl<'a> Stream<'a> for ReferencePriceMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("referencePrice")
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        let price = if fields.is_null("r") { None } else { Some(fields.decimal("r")?) };
        Ok(Self { price, valid_time: fields.time("t")? })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("r");
        id.time(self.valid_time);
    }

    fn write(&self, row: &mut impl Row) {
        row.optional_digits(column::PRICE, self.price);
        row.time(column::VALID_TIME, self.valid_time);
    }
}
