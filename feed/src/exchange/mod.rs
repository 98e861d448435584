//! The exchange's side: sockets kept open, gaps filled from the REST API.

use std::sync::Arc;
use std::time::Duration;

use tapeline_market::Market;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::frame::{Frame, Mark};
use crate::seeing::Counts;

/// What is read, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The market.
    pub market: Market,
    /// Whose streams are read.
    pub symbols: Symbols,
    /// Which streams of each symbol: what stands behind the `@` of a stream name, such as `aggTrade` or `kline_1m`.
    pub streams: Vec<String>,
    /// Address of the sockets, such as `wss://stream.binance.com:9443`; `ws://` on loopback only.
    pub socket_url: String,
    /// Address of the REST API, such as `https://api.binance.com`; `http://` on loopback only.
    pub rest_url: String,
    /// The most streams of one connection, from 1 to 1,024.
    pub streams_per_connection: usize,
    /// How many connections carry each stream, from 1.
    pub redundancy: usize,
    /// A connection that is silent for so long is replaced.
    pub silence: Duration,
    /// The most frames that are held back while gaps are filled, all symbols together.
    pub held_back_frames_max: usize,
    /// Times in microseconds instead of milliseconds.
    pub micros: bool,
}

/// Whose streams are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// These, in upper case.
    Listed(Vec<String>),
    /// All that are traded against a quote asset, as `exchangeInfo` tells.
    OfQuoteAsset(String),
}

/// Starts reading. Frames leave through `out` each once and in the order of their ids, per route; a route goes on behind its
/// mark in `resume`. Ends when nobody receives any more, or when the task is aborted.
pub fn start(
    _settings: &Settings,
    _resume: &[Mark],
    out: Sender<Frame>,
    _counts: Arc<Counts>,
) -> JoinHandle<()> {
    tokio::spawn(async move { out.closed().await })
}
