//! Which streams go over which connection.

use std::collections::HashSet;
use std::sync::Arc;

use tapeline_codec::binance::Kind;
use tapeline_market::Market;

use super::endpoint::Endpoint;
use crate::frame::Route;
use crate::sequence::is_sequenced;

/// The most streams of a connection ("WebSocket Streams", spot).
pub const STREAMS_PER_CONNECTION_MAX: usize = 1_024;

/// The longest list of streams in a connection's address, in bytes. Web servers commonly take a request line of 8 KiB; about
/// 400 stream names are as long as this.
const LIST_BYTES_MAX: usize = 7_500;

/// The streams of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lot {
    /// Where the market routes such streams; empty where it does not tell them apart.
    path: &'static str,
    streams: Vec<String>,
    /// The routes whose gaps can be filled.
    pub(super) sequenced: Arc<[Route]>,
}

/// How streams are spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) market: Market,
    pub(super) streams_per_connection: usize,
    pub(super) redundancy: usize,
}

impl Spread {
    /// Deals streams out: each once to as many connections as the redundancy asks for.
    pub(super) fn lots(self, streams: &[String]) -> Vec<Lot> {
        let mut seen = HashSet::new();
        let streams: Vec<_> = streams.iter().filter(|stream| seen.insert(stream.as_str())).collect();
        let mut lots = Vec::new();
        for path in paths(self.market) {
            let mut lot = Vec::new();
            for stream in streams.iter().filter(|stream| path_of(self.market, stream) == *path) {
                if self.is_full(&lot, stream) {
                    lots.push(self.lot(path, std::mem::take(&mut lot)));
                }
                lot.push((*stream).clone());
            }
            if !lot.is_empty() {
                lots.push(self.lot(path, lot));
            }
        }
        lots.iter().flat_map(|lot| std::iter::repeat_n(lot.clone(), self.redundancy.max(1))).collect()
    }

    fn is_full(self, lot: &[String], next: &str) -> bool {
        let bytes: usize = lot.iter().map(|stream| encoded(stream).len() + 1).sum();
        let max = self.streams_per_connection.clamp(1, STREAMS_PER_CONNECTION_MAX);
        lot.len() >= max || (!lot.is_empty() && bytes + encoded(next).len() > LIST_BYTES_MAX)
    }

    fn lot(self, path: &'static str, streams: Vec<String>) -> Lot {
        let sequenced = streams.iter().filter_map(|stream| sequenced(self.market, stream)).collect();
        Lot { path, streams, sequenced }
    }
}

impl Lot {
    /// The address of a connection that carries these streams.
    pub(super) fn url(&self, endpoint: &Endpoint, in_micros: Micros) -> String {
        let list: Vec<_> = self.streams.iter().map(|stream| encoded(stream)).collect();
        // Whoever gives a path has routed already.
        let path = if endpoint.has_path() { "" } else { self.path };
        let unit = if in_micros == Micros::Yes { "&timeUnit=MICROSECOND" } else { "" };
        format!("{endpoint}{path}/stream?streams={}{unit}", list.join("/"))
    }

    /// How many streams there are.
    pub(super) const fn len(&self) -> usize {
        self.streams.len()
    }
}

/// Whether times are asked for in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Micros {
    Yes,
    No,
}

/// The routes of a market's sockets. USD-M futures have one for the book and one for the rest since April 2026, and a
/// connection without a route, or with the other one, stays silent ("Important WebSocket Change Notice").
const fn paths(market: Market) -> &'static [&'static str] {
    match market {
        Market::Spot | Market::Coinm => &[""],
        Market::Usdm => &["/public", "/market"],
    }
}

fn path_of(market: Market, stream: &str) -> &'static str {
    let name = name_of(stream);
    let is_of_book =
        ["depth", "rpiDepth", "bookTicker", "trade"].into_iter().any(|book| name.starts_with(book));
    match market {
        Market::Spot | Market::Coinm => "",
        Market::Usdm if is_of_book => "/public",
        Market::Usdm => "/market",
    }
}

/// The part that says what a stream tells: behind the `@`, or behind the `!` of a stream about all symbols.
fn name_of(stream: &str) -> &str {
    stream.strip_prefix('!').or_else(|| Some(stream.split_once('@')?.1)).unwrap_or(stream)
}

/// The route of a stream's frames if their gaps can be filled.
fn sequenced(market: Market, stream: &str) -> Option<Route> {
    let (symbol, name) = stream.split_once('@')?;
    let kind = match name {
        "aggTrade" => Kind::AggTrade,
        "trade" => Kind::Trade,
        _ => return None,
    };
    let symbol = Some(symbol.to_uppercase().into());
    is_sequenced(market, kind).then_some(Route { market, symbol, kind: Some(kind) })
}

/// A stream name as an address carries it: bytes outside of ASCII, and what has a meaning there, as `%XX`.
pub(super) fn encoded(stream: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"@!_-.:".contains(byte);
    let pieces = stream.bytes().map(|byte| match byte {
        byte if is_plain(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: Spread = Spread { market: Market::Spot, streams_per_connection: 2, redundancy: 1 };

    fn streams(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn check(spread: Spread, names: &[&str], expected: &[&str]) {
        let endpoint = Endpoint::of_sockets("wss://host").unwrap();
        let lots = spread.lots(&streams(names));
        let urls: Vec<_> = lots.iter().map(|lot| lot.url(&endpoint, Micros::No)).collect();
        assert_eq!(urls, expected);
    }

    #[test]
    fn streams_fill_one_connection_after_another() {
        check(
            SPREAD,
            &["a@trade", "b@trade", "c@trade"],
            &["wss://host/stream?streams=a@trade/b@trade", "wss://host/stream?streams=c@trade"],
        );
    }

    #[test]
    fn redundant_connections_carry_the_same_streams() {
        let redundant = Spread { redundancy: 2, ..SPREAD };
        check(redundant, &["a@trade"], &["wss://host/stream?streams=a@trade"; 2]);
    }

    #[test]
    fn a_stream_that_is_named_twice_is_read_once() {
        check(SPREAD, &["a@trade", "a@trade"], &["wss://host/stream?streams=a@trade"]);
    }

    #[test]
    fn futures_have_a_route_for_the_book_and_one_for_the_rest() {
        check(
            Spread { market: Market::Usdm, ..SPREAD },
            &["a@aggTrade", "a@depth@100ms", "!bookTicker", "a@kline_1m"],
            &[
                "wss://host/public/stream?streams=a@depth@100ms/!bookTicker",
                "wss://host/market/stream?streams=a@aggTrade/a@kline_1m",
            ],
        );
    }

    #[test]
    fn a_given_path_is_kept() {
        let endpoint = Endpoint::of_sockets("wss://host/market").unwrap();
        let lots = Spread { market: Market::Usdm, ..SPREAD }.lots(&streams(&["a@aggTrade"]));
        let url = lots[0].url(&endpoint, Micros::Yes);
        assert_eq!(url, "wss://host/market/stream?streams=a@aggTrade&timeUnit=MICROSECOND");
    }

    #[test]
    fn an_address_never_grows_longer_than_servers_take() {
        let names: Vec<_> = (0..1_024).map(|n| format!("symbol{n:04}@aggTrade")).collect();
        let lots = Spread { streams_per_connection: 1_024, ..SPREAD }.lots(&names);
        assert_eq!(lots.iter().map(Lot::len).sum::<usize>(), 1_024);
        let endpoint = Endpoint::of_sockets("wss://host").unwrap();
        assert!(lots.iter().all(|lot| lot.url(&endpoint, Micros::No).len() < 8_192));
    }

    #[test]
    fn symbols_outside_of_ascii_are_written_as_addresses_write_them() {
        check(SPREAD, &["币usdt@trade"], &["wss://host/stream?streams=%E5%B8%81usdt@trade"]);
    }

    #[test]
    fn gaps_of_trades_can_be_filled_but_not_those_of_quotes() {
        let lots = SPREAD.lots(&streams(&["bnbbtc@aggTrade", "bnbbtc@bookTicker"]));
        let expected =
            Route { market: Market::Spot, symbol: Some("BNBBTC".into()), kind: Some(Kind::AggTrade) };
        assert_eq!(*lots[0].sequenced, [expected]);
    }
}
