//! One exchange payload on its way to the stream: what every part hands on to the next.

use std::sync::Arc;

use bytes::Bytes;
use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Timestamp};

/// A frame with what was found out about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The payload as it left the socket. UTF-8 is not promised: a bad frame is passed on as it is.
    pub text: Bytes,
    /// Where it belongs.
    pub route: Route,
    /// The exchange's ids by which equal frames and gaps are told; `None` where the kind has none.
    pub ids: Option<Ids>,
    /// When the exchange sent it (`E`); `None` where the frame has no such time.
    pub event_time: Option<Timestamp>,
    /// When the socket handed it over.
    pub received: Timestamp,
}

impl Frame {
    /// The time whose day decides the partition of the archive: the event time, else the one of receipt.
    pub fn time(&self) -> Timestamp {
        self.event_time.unwrap_or(self.received)
    }
}

/// Where a frame belongs. Frames of one route stay in their order all the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    /// The market that the feed reads.
    pub market: Market,
    /// The symbol in upper case; `None` for frames about several symbols, and for those that could not be read.
    pub symbol: Option<Arc<str>>,
    /// The kind; `None` for frames that no decoder knows.
    pub kind: Option<Kind>,
}

impl Route {
    /// The partition key: `market|SYMBOL`, or `market|!` for what belongs to no symbol (no symbol begins so).
    pub fn partition_key(&self) -> String {
        format!("{}|{}", self.market, self.symbol.as_deref().unwrap_or("!"))
    }
}

/// The exchange's ids of what a frame tells, first and last: of an aggregate trade its own id `a`, of a trade `t`, and so
/// the same twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ids {
    /// The first id.
    pub first: u64,
    /// The last id, not below the first.
    pub last: u64,
}

/// How far the frames of a route have got: everything up to the id is in the stream, or on the disk on its way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where the frames belong.
    pub route: Route,
    /// The last id.
    pub last_id: u64,
}
