//! The producer contract: what a frame tells of itself before it is transformed, and the key under which it is put.

use tapeline_codec::binance::{self, DecodeError, Frame, Header, Identity};
use tapeline_market::Market;

/// Reads whose frame this is, and when it was sent; `None` for a control frame, which is nobody's.
///
/// # Errors
/// When it is no frame of the exchange.
pub(crate) fn header<'a>(frame: &Frame<'a>, market: Market) -> Result<Option<Header<'a>>, DecodeError> {
    Ok(Some(match binance::identify(frame)? {
        Identity::Kind(kind) => binance::header(frame, kind, market)?,
        Identity::Heartbeat => binance::heartbeat(frame, market)?,
        Identity::Control => return Ok(None),
    }))
}

/// The partition key: a symbol's frames stay in order. What tells no symbol has an empty one.
pub(crate) fn partition_key(market: Market, symbol: &str) -> String {
    format!("{market}|{symbol}")
}
