//! `<symbol>@avgPrice`: the average price of some minutes.

use tapeline_market::{Interval, Market, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Stream};
use crate::encode::{IdWriter, Row, column};

/// The average price of some minutes.
///
/// ```json
/// {"e":"avgPrice","E":1693907033000,"s":"BTCUSDT","i":"5m","w":"25776.86000000","T":1693907032213}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AvgPriceMessage<'a> {
    /// `i`: over how long.
    pub interval: Interval,
    /// `w`: the average price.
    pub average_price: Digits<'a>,
    /// `T`: time of the last trade in it.
    pub trade_time: Timestamp,
}

impl<'a> Stream<'a> for AvgPriceMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("avgPrice")
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self {
            interval: fields.interval("i")?,
            average_price: fields.decimal("w")?,
            trade_time: fields.time("T")?,
        })
    }

    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("avg");
        id.optional_time(header.event_time);
    }

    fn write(&self, row: &mut impl Row) {
        row.word(column::INTERVAL, self.interval.as_str());
        row.digits(column::AVERAGE_PRICE, self.average_price);
        row.time(column::TRADE_TIME, self.trade_time);
    }
}
