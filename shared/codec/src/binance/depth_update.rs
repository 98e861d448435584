//! `<symbol>@depth`, also `@100ms`: a difference of the order book.

use tapeline_market::{Market, Timestamp};

use super::depth_snapshot::level_count;
use super::{Address, DecodeError, Fields, Header, Keyed, Levels, Parts, Payload, Stream};
use crate::encode::{IdWriter, Row, column};

/// A difference of the order book.
///
/// ```json
/// {"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DepthUpdateMessage<'a> {
    /// `U`: first update id in it.
    pub first_update_id: u64,
    /// `u`: last update id in it.
    pub last_update_id: u64,
    /// `pu`: last update id of the frame before. Futures only.
    pub previous_update_id: Option<u64>,
    /// `b`: bids that changed.
    pub bids: Levels<'a>,
    /// `a`: asks that changed.
    pub asks: Levels<'a>,
    /// `T`: transaction time. Futures only.
    pub trade_time: Option<Timestamp>,
}

impl<'a> Stream<'a> for DepthUpdateMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("depthUpdate")
    }

    /// The spot market's: that of futures has more. A snapshot of futures looks like it, but for its stream name.
    fn in_order(payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        let event_time = payload.time(br#""e":"depthUpdate","E":"#)?;
        if level_count(payload.name()).is_some() {
            return None;
        }
        let symbol = payload.symbol(br#","s":""#)?;
        let message = Self {
            first_update_id: payload.number(br#"","U":"#)?,
            last_update_id: payload.number(br#","u":"#)?,
            previous_update_id: None,
            bids: payload.levels(br#","b":"#)?,
            asks: payload.levels(br#","a":"#)?,
            trade_time: None,
        };
        Some((symbol, Some(event_time), message))
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self {
            first_update_id: fields.number("U")?,
            last_update_id: fields.number("u")?,
            previous_update_id: fields.optional_number("pu")?,
            bids: fields.levels("b")?,
            asks: fields.levels("a")?,
            trade_time: fields.optional_time("T")?,
        })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("d");
        id.number(self.last_update_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::FIRST_UPDATE_ID, self.first_update_id);
        row.integer(column::LAST_UPDATE_ID, self.last_update_id);
        row.optional_integer(column::PREVIOUS_UPDATE_ID, self.previous_update_id);
        row.optional_time(column::TRADE_TIME, self.trade_time);
        row.levels(column::BIDS, self.bids);
        row.levels(column::ASKS, self.asks);
    }
}
