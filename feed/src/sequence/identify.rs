//! What a frame is: where it belongs, its exchange ids, and what it means for the connection.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use tapeline_codec::binance::{self, Body, DecodeError, Header, Identity, Kind, frames};
use tapeline_json::Cursor;
use tapeline_market::{Market, Timestamp};

use crate::frame::{Frame, Ids, Route};

/// The most symbols whose names are shared between frames. All markets together have about 4,000; more come from garbage
/// alone, and get a name for each frame.
const SYMBOLS_MAX: usize = 8_192;

/// A frame that a socket handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The frame.
    pub frame: Frame,
    /// What tells it from other frames of its route that has no ids: an update id, or a hash of the text.
    pub mark: u64,
    /// What it means.
    pub nature: Nature,
}

/// What a frame means for the connection that it came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// A message of a market.
    Market,
    /// A message about the connection.
    Control,
    /// The announcement that the connection ends soon.
    Shutdown,
    /// Nothing that a decoder reads: a trade may be lost with it.
    Unreadable,
}

/// Tells frames apart. Keeps the symbols' names, so that the frames of a symbol share one.
#[derive(Debug)]
pub struct Identifier {
    market: Market,
    symbols: HashSet<Arc<str>>,
}

/// What is found in a text, document by document.
struct Findings<'i> {
    identifier: &'i mut Identifier,
    found: Option<Found>,
    text: &'i str,
}

/// What is known of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    symbol: Option<Arc<str>>,
    kind: Option<Kind>,
    ids: Option<Ids>,
    event_time: Option<Timestamp>,
    mark: u64,
    nature: Nature,
}

impl Found {
    /// Of a text that tells nothing.
    fn nothing(nature: Nature, mark: u64) -> Self {
        Self { symbol: None, kind: None, ids: None, event_time: None, mark, nature }
    }
}

impl Identifier {
    /// For frames of a market.
    pub fn new(market: Market) -> Self {
        Self { market, symbols: HashSet::new() }
    }

    /// Tells what a frame is. A trade that a decoder refuses has no ids: whoever counts them asks for it again.
    pub fn identify(&mut self, text: Bytes, received: Timestamp) -> Arrival {
        let found = self.find(&text).unwrap_or_else(|| Found::nothing(Nature::Unreadable, hash(&text)));
        let Found { symbol, kind, ids, event_time, mark, nature } = found;
        let route = Route { market: self.market, symbol, kind };
        Arrival { frame: Frame { text, route, ids, event_time, received }, mark, nature }
    }

    /// `None` for what is no frame.
    fn find(&mut self, text: &[u8]) -> Option<Found> {
        let text = std::str::from_utf8(text).ok()?;
        let mut cursor = Cursor::new(text);
        let mut findings = Findings { identifier: self, found: None, text };
        frames(&mut cursor, &mut |frame| findings.add(frame)).ok()?;
        cursor.end().ok()?;
        findings.found
    }

    fn share(&mut self, symbol: &str) -> Arc<str> {
        if let Some(shared) = self.symbols.get(symbol) {
            return Arc::clone(shared);
        }
        let name: Arc<str> = symbol.into();
        if self.symbols.len() < SYMBOLS_MAX {
            self.symbols.insert(Arc::clone(&name));
        }
        name
    }

    /// Reads one document.
    fn document(&mut self, frame: &binance::Frame<'_>, text: &str) -> Result<Found, DecodeError> {
        let kind = match binance::identify(frame)? {
            Identity::Kind(kind) => kind,
            Identity::Heartbeat => {
                let header = binance::heartbeat(frame, self.market)?;
                let symbol = Some(self.share(header.symbol.as_str()));
                let found = Found::nothing(Nature::Market, hash(text.as_bytes()));
                return Ok(Found { symbol, event_time: header.event_time, ..found });
            }
            Identity::Control => return Ok(Found::nothing(control(frame), 0)),
        };
        let header = binance::header(frame, kind, self.market)?;
        let (symbol, event_time) = (Some(self.share(header.symbol.as_str())), header.event_time);
        let found = Found { symbol, kind: Some(kind), event_time, ..Found::nothing(Nature::Market, 0) };
        Ok(match ids(frame, kind, header) {
            Ok(Some(id)) if is_sequenced(self.market, kind) => {
                Found { ids: Some(Ids { first: id, last: id }), mark: id, ..found }
            }
            Ok(id) => Found { mark: id.unwrap_or_else(|| hash(text.as_bytes())), ..found },
            Err(_) => Found { nature: Nature::Unreadable, mark: hash(text.as_bytes()), ..found },
        })
    }
}

impl Findings<'_> {
    fn add(&mut self, frame: &binance::Frame<'_>) -> Result<(), DecodeError> {
        let next = self.identifier.document(frame, self.text)?;
        self.found = Some(match self.found.take() {
            None => next,
            // Several messages in one frame: of one kind, and of no single symbol.
            Some(first) => Found {
                kind: first.kind.filter(|kind| next.kind == Some(*kind)),
                event_time: first.event_time,
                ..Found::nothing(first.nature, hash(self.text.as_bytes()))
            },
        });
        Ok(())
    }
}

/// Whether ids of a kind are consecutive and the REST API gives what is missing. Trades of futures have ids with holes
/// that mean nothing.
pub const fn is_sequenced(market: Market, kind: Kind) -> bool {
    matches!((market, kind), (_, Kind::AggTrade) | (Market::Spot, Kind::Trade))
}

/// The id by which equal messages of a symbol and kind are told; `None` for kinds without.
fn ids(frame: &binance::Frame<'_>, kind: Kind, header: Header<'_>) -> Result<Option<u64>, DecodeError> {
    let has_id = matches!(
        kind,
        Kind::AggTrade
            | Kind::Trade
            | Kind::BlockTrade
            | Kind::BookTicker
            | Kind::DepthSnapshot
            | Kind::DepthUpdate
    );
    if !has_id {
        return Ok(None);
    }
    Ok(match binance::message(frame, kind, header)?.body {
        Body::AggTrade(message) => Some(message.agg_trade_id),
        Body::Trade(message) => Some(message.trade_id),
        Body::BlockTrade(message) => Some(message.trade_id),
        Body::BookTicker(message) => Some(message.update_id),
        Body::DepthSnapshot(message) => Some(message.last_update_id),
        Body::DepthUpdate(message) => Some(message.last_update_id),
        _ => None,
    })
}

fn control(frame: &binance::Frame<'_>) -> Nature {
    if binance::is_shutdown(frame) { Nature::Shutdown } else { Nature::Control }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Payloads of "WebSocket Streams" of the spot documentation.
    const TRADE: &str = r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}}"#;
    const AGG_TRADE: &str = r#"{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}"#;
    const BOOK_TICKER: &str = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    const SHUTDOWN: &str = r#"{"e":"serverShutdown","E":1770123456789}"#;

    fn identified(market: Market, text: &str) -> Arrival {
        let received = Timestamp::from_millis(0).unwrap();
        Identifier::new(market).identify(Bytes::copy_from_slice(text.as_bytes()), received)
    }

    fn check(text: &str, kind: Option<Kind>, symbol: Option<&str>, id: Option<u64>) {
        let Frame { route, ids, text: kept, .. } = identified(Market::Spot, text).frame;
        assert_eq!((route.kind, route.symbol.as_deref()), (kind, symbol), "{text}");
        assert_eq!(ids, id.map(|id| Ids { first: id, last: id }), "{text}");
        assert_eq!(kept, text.as_bytes());
    }

    #[test]
    fn trades_have_the_ids_that_gaps_are_told_by() {
        check(TRADE, Some(Kind::Trade), Some("BNBBTC"), Some(12345));
        check(AGG_TRADE, Some(Kind::AggTrade), Some("BNBBTC"), Some(12345));
    }

    #[test]
    fn trades_of_futures_have_none_because_of_their_holes() {
        let arrival = identified(Market::Usdm, TRADE);
        assert_eq!((arrival.frame.ids, arrival.mark), (None, 12345));
        assert!(identified(Market::Usdm, AGG_TRADE).frame.ids.is_some());
    }

    #[test]
    fn quotes_are_told_apart_by_their_update_id() {
        check(BOOK_TICKER, Some(Kind::BookTicker), Some("BNBUSDT"), None);
        assert_eq!(identified(Market::Spot, BOOK_TICKER).mark, 400_900_217);
    }

    #[test]
    fn a_trade_that_a_decoder_refuses_keeps_its_route_and_has_no_id() {
        let text = TRADE.replace("\"0.001\"", "\"x\"");
        check(&text, Some(Kind::Trade), Some("BNBBTC"), None);
        assert_eq!(identified(Market::Spot, &text).nature, Nature::Unreadable);
    }

    #[test]
    fn garbage_belongs_nowhere() {
        for text in
            ["", "hello", r#"{"stream":"bnbbtc@trade","data":{"e":"tr"#, r#"{"e":"new","s":"BNBBTC"}"#]
        {
            check(text, None, None, None);
            assert_eq!(identified(Market::Spot, text).nature, Nature::Unreadable);
        }
        let bytes = Bytes::from_static(&[b'"', 0xff, b'"']);
        let received = Timestamp::from_millis(0).unwrap();
        assert_eq!(Identifier::new(Market::Spot).identify(bytes.clone(), received).frame.text, bytes);
    }

    #[test]
    fn control_messages_are_told_and_shutdowns_among_them() {
        assert_eq!(identified(Market::Spot, r#"{"result":null,"id":1}"#).nature, Nature::Control);
        assert_eq!(identified(Market::Spot, SHUTDOWN).nature, Nature::Shutdown);
    }

    proptest! {
        #[test]
        fn a_damaged_frame_is_passed_on_byte_for_byte(at in 0..TRADE.len(), byte: u8, end in 0..TRADE.len()) {
            let mut text = TRADE.as_bytes().to_vec();
            text[at] = byte;
            for text in [&text[..], &text[..end]] {
                let received = Timestamp::from_millis(0).unwrap();
                let arrival = Identifier::new(Market::Spot).identify(Bytes::copy_from_slice(text), received);
                prop_assert_eq!(&arrival.frame.text[..], text);
                // Nobody takes half a frame for a trade.
                prop_assert!(text.len() == TRADE.len() || arrival.frame.ids.is_none());
            }
        }
    }

    #[test]
    fn a_frame_of_several_symbols_has_a_kind_and_no_symbol() {
        let ticker = |symbol: &str| {
            format!(
                r#"{{"e":"24hrMiniTicker","E":1672515782136,"s":"{symbol}","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}}"#
            )
        };
        let text =
            format!(r#"{{"stream":"!miniTicker@arr","data":[{},{}]}}"#, ticker("BNBBTC"), ticker("BNBUSDT"));
        check(&text, Some(Kind::MiniTicker), None, None);
    }
}
