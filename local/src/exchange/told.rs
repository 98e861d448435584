//! A frame of the session as the sockets tell it: the name of its stream, its text, and the trade in it.

use std::sync::Arc;

use axum::body::Bytes;
use serde::Deserialize;

use crate::sample::{Fault, SampleFrame, What};

/// What stands before the stream's name and behind it.
const STREAM: &str = r#"{"stream":""#;
const DATA: &str = r#"","data":"#;

/// A frame on its way to the sockets; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Name of the stream whose subscribers get it.
    pub(crate) stream: Arc<str>,
    /// Its text on a combined stream.
    pub(crate) combined: Bytes,
    /// Its text on a raw stream: the part of `combined` that is its payload.
    pub(crate) raw: Bytes,
}

/// A trade or an aggregate trade in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct TradeFields<'a> {
    /// Symbol, upper-case.
    #[serde(rename = "s")]
    pub(crate) symbol: &'a str,
    /// Id of the trade.
    #[serde(rename = "t", default)]
    pub(crate) trade_id: i64,
    /// Id of the aggregate.
    #[serde(rename = "a", default)]
    pub(crate) agg_trade_id: i64,
    /// Price.
    #[serde(rename = "p")]
    pub(crate) price: &'a str,
    /// Quantity.
    #[serde(rename = "q")]
    pub(crate) quantity: &'a str,
    /// First trade of the aggregate.
    #[serde(rename = "f", default)]
    pub(crate) first_trade_id: i64,
    /// Last trade of the aggregate.
    #[serde(rename = "l", default)]
    pub(crate) last_trade_id: i64,
    /// Trade time, epoch milliseconds.
    #[serde(rename = "T")]
    pub(crate) time: i64,
    /// The taker sold.
    #[serde(rename = "m")]
    pub(crate) buyer_is_maker: bool,
}

impl Told {
    /// The frame as it is told; `None` for what belongs to a connection, which each connection tells by itself.
    pub(crate) fn of(frame: &SampleFrame) -> Option<Self> {
        let (name, payload) = frame.text.strip_prefix(STREAM)?.split_once(DATA)?;
        let whole = payload.strip_suffix('}').filter(|_| frame.what != What::Bad(Fault::Truncated));
        let payload = whole.unwrap_or(payload).as_bytes();
        let stream = match frame.what {
            What::Control => return None,
            // Nobody subscribes to a stream that nobody knows.
            What::Bad(Fault::UnknownEvent) => format!("{}@trade", name.split('@').next()?).into(),
            _ => name.into(),
        };
        let start = STREAM.len() + name.len() + DATA.len();
        let combined = Bytes::copy_from_slice(frame.text.as_bytes());
        let raw = combined.slice(start..start + payload.len());
        Some(Self { stream, combined, raw })
    }

    /// The trade that it tells.
    pub(crate) fn trade(&self) -> Option<TradeFields<'_>> {
        serde_json::from_slice(&self.raw).ok()
    }
}

/// Spells the times of a text in microseconds: they are its only numbers of thirteen digits outside of strings.
pub(crate) fn in_microseconds(text: &str) -> String {
    const DIGITS: usize = 13;
    let mut spelt = String::with_capacity(text.len() + 16);
    let mut digits = 0;
    let mut is_quoted = false;
    for letter in text.chars() {
        if digits == DIGITS && !letter.is_ascii_digit() && !is_quoted {
            spelt.push_str("000");
        }
        is_quoted ^= letter == '"';
        digits = if letter.is_ascii_digit() && !is_quoted { digits + 1 } else { 0 };
        spelt.push(letter);
    }
    spelt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(what: What, text: &str) -> SampleFrame {
        SampleFrame { time: 0, text: text.to_owned(), what }
    }

    #[test]
    fn a_raw_stream_tells_the_payload_alone() {
        let told = Told::of(&frame(What::Trade, r#"{"stream":"btcusdt@trade","data":{"e":"trade","t":5}}"#))
            .unwrap();
        assert_eq!(&*told.stream, "btcusdt@trade");
        assert_eq!(&told.raw[..], br#"{"e":"trade","t":5}"#);
    }

    #[test]
    fn a_cut_frame_keeps_all_that_is_left() {
        let bad = What::Bad(Fault::Truncated);
        let told = Told::of(&frame(bad, r#"{"stream":"btcusdt@trade","data":{"e":"tra"#)).unwrap();
        assert_eq!(&told.raw[..], br#"{"e":"tra"#);
    }

    #[test]
    fn an_unknown_event_goes_to_those_who_hear_trades() {
        let bad = What::Bad(Fault::UnknownEvent);
        let told = Told::of(&frame(bad, r#"{"stream":"btcusdt@auction","data":{}}"#)).unwrap();
        assert_eq!(&*told.stream, "btcusdt@trade");
    }

    #[test]
    fn times_alone_become_microseconds() {
        let text = r#"{"E":1767614400005,"s":"1767614400005","t":5000000000,"p":"1.0","T":1767614400004}"#;
        assert_eq!(
            in_microseconds(text),
            r#"{"E":1767614400005000,"s":"1767614400005","t":5000000000,"p":"1.0","T":1767614400004000}"#
        );
    }
}
