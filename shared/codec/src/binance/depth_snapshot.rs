//! `<symbol>@depth5`, `10` or `20`, also `@100ms`: the top of the order book.
//!
//! A spot frame has no symbol in its payload: only the stream name tells. A futures frame looks like a difference of
//! the book, event type included: again only the stream name tells.

use tapeline_market::{Market, Symbol, Timestamp};

use super::{Address, DecodeError, Fields, FieldName, Header, Keyed, Levels, Stream};
use crate::encode::{IdWriter, Row, column};

/// The top of the order book.
///
/// ```json
/// {"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DepthSnapshotMessage<'a> {
    /// `lastUpdateId` (futures: `u`): the book's update id.
    pub last_update_id: u64,
    /// How many levels of each side were asked for; `None` in a raw frame.
    pub level_count: Option<u64>,
    /// `bids` (futures: `b`), best first.
    pub bids: Levels<'a>,
    /// `asks` (futures: `a`), best first.
    pub asks: Levels<'a>,
    /// `T`: transaction time. Futures only.
    pub trade_time: Option<Timestamp>,
}

/// The number in `depth5`, `depth10@100ms` and the like.
pub(super) fn level_count(name: &str) -> Option<u64> {
    let (name, _speed) = name.split_once('@').unwrap_or((name, ""));
    name.strip_prefix("depth")?.parse().ok().map(u16::into)
}

impl<'a> Stream<'a> for DepthSnapshotMessage<'a> {
    fn claims(address: &Address<'_>, fields: &Fields<'_>) -> bool {
        match address.event {
            Some(event) => event == "depthUpdate" && level_count(address.name()).is_some(),
            None => fields.has("lastUpdateId"),
        }
    }

    fn symbol(frame: &Keyed<'a>) -> Result<Symbol<'a>, DecodeError> {
        if frame.fields().has("s") {
            return frame.fields().symbol("s");
        }
        let field = FieldName { object: "", key: "stream" };
        let name = frame.address().symbol().to_uppercase();
        Symbol::parse(name).map_err(|error| DecodeError::Symbol { field, source: Some(error) })
    }

    fn decode(frame: &Keyed<'a>, _market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        let is_spot = fields.has("lastUpdateId");
        let [id, bids, asks] = if is_spot { ["lastUpdateId", "bids", "asks"] } else { ["u", "b", "a"] };
        Ok(Self {
            last_update_id: fields.number(id)?,
            level_count: level_count(frame.address().name()),
            bids: fields.levels(bids)?,
            asks: fields.levels(asks)?,
            trade_time: fields.optional_time("T")?,
        })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("ds");
        id.number(self.last_update_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::LAST_UPDATE_ID, self.last_update_id);
        row.optional_integer(column::LEVEL_COUNT, self.level_count);
        row.optional_time(column::TRADE_TIME, self.trade_time);
        row.levels(column::BIDS, self.bids);
        row.levels(column::ASKS, self.asks);
    }
}
