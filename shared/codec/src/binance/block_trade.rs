//! `<symbol>@blockTrade`: one execution outside of the order book. Never part of a bar.

use tapeline_market::Market;

use super::trade::Execution;
use super::{Address, DecodeError, Fields, Header, Keyed, Stream};
use crate::encode::{IdWriter, Row, column};

/// One execution outside of the order book.
///
/// ```json
/// {"e":"blockTrade","E":1672515782136,"s":"BNBBTC","t":77,"p":"0.001","q":"100","T":1672515782136,"m":true}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BlockTradeMessage<'a> {
    /// `t`: block trade id, in a space of its own.
    pub trade_id: u64,
    /// What was executed.
    pub execution: Execution<'a>,
}

impl<'a> Stream<'a> for BlockTradeMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("blockTrade")
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self { trade_id: fields.number("t")?, execution: Execution::decode(fields, market)? })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("bt");
        id.number(self.trade_id);
    }

    fn write(&self, row: &mut impl Row) {
        row.integer(column::TRADE_ID, self.trade_id);
        self.execution.write(row);
    }
}
