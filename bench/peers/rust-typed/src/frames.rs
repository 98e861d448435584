//! What the exchange sends.

use std::str::FromStr;

use lambda_runtime::Error;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

/// A frame of a combined connection.
#[derive(serde::Deserialize)]
pub(crate) struct Combined<'f> {
    stream: &'f str,
    #[serde(borrow)]
    data: &'f RawValue,
}

/// A frame that is told what it is.
pub(crate) struct Frame<'f> {
    pub(crate) kind: &'static str,
    pub(crate) symbol: &'f str,
    pub(crate) event_time: Option<i64>,
    pub(crate) payload: Payload<'f>,
}

pub(crate) enum Payload<'f> {
    Trade(Trade<'f>),
    AggTrade(AggTrade<'f>),
    Kline(Kline<'f>),
    DepthUpdate(DepthUpdate<'f>),
    BookTicker(BookTicker<'f>),
}

impl<'f> Combined<'f> {
    /// Reads the frame; `None` for a kline that is not closed.
    pub(crate) fn frame(&self) -> Result<Option<Frame<'f>>, Error> {
        let text = self.data.get();
        let (_, stream) = self.stream.split_once('@').ok_or("expected the name of a stream")?;
        let (kind, symbol, event_time, payload) = match stream {
            "trade" => {
                let trade: Trade<'_> = serde_json::from_str(text)?;
                ("trade", trade.symbol, Some(trade.event_time), Payload::Trade(trade))
            }
            "aggTrade" => {
                let trade: AggTrade<'_> = serde_json::from_str(text)?;
                ("agg_trade", trade.symbol, Some(trade.event_time), Payload::AggTrade(trade))
            }
            "bookTicker" => {
                let ticker: BookTicker<'_> = serde_json::from_str(text)?;
                ("book_ticker", ticker.symbol, None, Payload::BookTicker(ticker))
            }
            stream if stream.starts_with("kline_") => {
                let event: KlineEvent<'_> = serde_json::from_str(text)?;
                if !event.kline.is_closed {
                    return Ok(None);
                }
                ("kline", event.symbol, Some(event.event_time), Payload::Kline(event.kline))
            }
            stream if stream.starts_with("depth") => {
                let update: DepthUpdate<'_> = serde_json::from_str(text)?;
                ("depth_update", update.symbol, Some(update.event_time), Payload::DepthUpdate(update))
            }
            _ => return Err("expected a known stream".into()),
        };
        Ok(Some(Frame { kind, symbol, event_time, payload }))
    }
}

/// Reads a number that the exchange sends as text.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    f64::from_str(<&str>::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[derive(serde::Deserialize)]
pub(crate) struct Trade<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: &'f str,
    #[serde(rename = "t")]
    pub(crate) trade_id: u64,
    #[serde(rename = "p", deserialize_with = "decimal")]
    pub(crate) price: f64,
    #[serde(rename = "q", deserialize_with = "decimal")]
    pub(crate) quantity: f64,
    #[serde(rename = "T")]
    pub(crate) trade_time: i64,
    #[serde(rename = "m")]
    pub(crate) buyer_is_maker: bool,
}

#[derive(serde::Deserialize)]
pub(crate) struct AggTrade<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: &'f str,
    #[serde(rename = "a")]
    pub(crate) agg_trade_id: u64,
    #[serde(rename = "p", deserialize_with = "decimal")]
    pub(crate) price: f64,
    #[serde(rename = "q", deserialize_with = "decimal")]
    pub(crate) quantity: f64,
    #[serde(rename = "f")]
    pub(crate) first_trade_id: u64,
    #[serde(rename = "l")]
    pub(crate) last_trade_id: u64,
    #[serde(rename = "T")]
    pub(crate) trade_time: i64,
    #[serde(rename = "m")]
    pub(crate) buyer_is_maker: bool,
}

#[derive(serde::Deserialize)]
struct KlineEvent<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: &'f str,
    #[serde(rename = "k", borrow)]
    kline: Kline<'f>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Kline<'f> {
    #[serde(rename = "t")]
    pub(crate) open_time: i64,
    #[serde(rename = "T")]
    pub(crate) close_time: i64,
    #[serde(rename = "i")]
    pub(crate) interval: &'f str,
    #[serde(rename = "f")]
    pub(crate) first_trade_id: u64,
    #[serde(rename = "L")]
    pub(crate) last_trade_id: u64,
    #[serde(rename = "o", deserialize_with = "decimal")]
    pub(crate) open: f64,
    #[serde(rename = "c", deserialize_with = "decimal")]
    pub(crate) close: f64,
    #[serde(rename = "h", deserialize_with = "decimal")]
    pub(crate) high: f64,
    #[serde(rename = "l", deserialize_with = "decimal")]
    pub(crate) low: f64,
    #[serde(rename = "v", deserialize_with = "decimal")]
    pub(crate) base_volume: f64,
    #[serde(rename = "n")]
    pub(crate) trade_count: u64,
    #[serde(rename = "x")]
    pub(crate) is_closed: bool,
    #[serde(rename = "q", deserialize_with = "decimal")]
    pub(crate) quote_volume: f64,
    #[serde(rename = "V", deserialize_with = "decimal")]
    pub(crate) taker_buy_base_volume: f64,
    #[serde(rename = "Q", deserialize_with = "decimal")]
    pub(crate) taker_buy_quote_volume: f64,
}

#[derive(serde::Deserialize)]
pub(crate) struct DepthUpdate<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: &'f str,
    #[serde(rename = "U")]
    pub(crate) first_update_id: u64,
    #[serde(rename = "u")]
    pub(crate) last_update_id: u64,
    #[serde(rename = "b", borrow)]
    pub(crate) bids: Vec<[&'f str; 2]>,
    #[serde(rename = "a", borrow)]
    pub(crate) asks: Vec<[&'f str; 2]>,
}

#[derive(serde::Deserialize)]
pub(crate) struct BookTicker<'f> {
    #[serde(rename = "u")]
    pub(crate) update_id: u64,
    #[serde(rename = "s")]
    symbol: &'f str,
    #[serde(rename = "b", deserialize_with = "decimal")]
    pub(crate) bid_price: f64,
    #[serde(rename = "B", deserialize_with = "decimal")]
    pub(crate) bid_quantity: f64,
    #[serde(rename = "a", deserialize_with = "decimal")]
    pub(crate) ask_price: f64,
    #[serde(rename = "A", deserialize_with = "decimal")]
    pub(crate) ask_quantity: f64,
}
