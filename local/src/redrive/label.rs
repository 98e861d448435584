//! The partition key of data that lost its own.

use serde::Deserialize;
use tapeline_codec::binance::{self, DecodeError, Frame};
use tapeline_codec::framing::{self, Documents, FramingError};
use tapeline_market::{Market, Symbol};

use crate::producer::{self, partition_key};

/// What data is, as far as the one who puts it back must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// Frames; the key is that of the producer contract.
    Frames(String),
    /// Rows, as the functions write them; the key is that under which the calculator publishes.
    Rows(String),
    /// Neither, or damaged.
    Unknown,
}

/// Why the reading of a record ends.
enum End {
    Found(Label),
    Damaged,
}

impl From<FramingError> for End {
    fn from(_: FramingError) -> Self {
        Self::Damaged
    }
}

impl From<DecodeError> for End {
    fn from(_: DecodeError) -> Self {
        Self::Damaged
    }
}

/// The columns of a row that make its key.
#[derive(Deserialize)]
struct Row {
    market: String,
    symbol: String,
}

impl Label {
    /// Reads data up to the first symbol.
    pub(super) fn of(data: &[u8], market: Market) -> Self {
        let found = framing::texts(data, &mut |text: &str| match row(text) {
            Some(key) => Err(End::Found(Self::Rows(key))),
            None => frames(text, market),
        });
        match found {
            Err(End::Found(label)) => label,
            Err(End::Damaged) | Ok(()) => Self::Unknown,
        }
    }

    /// The partition key. What cannot be read has that of no symbol, as in a replay: it is refused wherever it goes.
    pub(super) fn key(self, market: Market) -> String {
        match self {
            Self::Frames(key) | Self::Rows(key) => key,
            Self::Unknown => partition_key(market, ""),
        }
    }
}

fn frames(text: &str, market: Market) -> Result<(), End> {
    let mut documents = Documents::new(text);
    while let Some(cursor) = documents.step()? {
        binance::frames(cursor, &mut |frame: &Frame<'_>| {
            let Some(header) = producer::header(frame, market)? else { return Ok(()) };
            Err(End::Found(Label::Frames(partition_key(market, header.symbol.as_str()))))
        })?;
    }
    Ok(())
}

/// The key of the first row of a text; a frame has no such fields.
fn row(text: &str) -> Option<String> {
    let row: Row = serde_json::Deserializer::from_str(text).into_iter().next()?.ok()?;
    Some(partition_key(row.market.parse().ok()?, Symbol::parse(&row.symbol).ok()?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, expected: &Label) {
        assert_eq!(&Label::of(data.as_bytes(), Market::Usdm), expected, "{data}");
    }

    #[test]
    fn frames_have_the_key_of_their_producer() {
        let frame = r#"{"stream":"a@trade","data":{"e":"trade","E":1633998274793,"s":"COMPUSDT"}}"#;
        check(frame, &Label::Frames("usdm|COMPUSDT".to_owned()));
        check(&format!(r#"{{"result":null,"id":1}}{frame}"#), &Label::Frames("usdm|COMPUSDT".to_owned()));
        check(&format!("[{frame}]"), &Label::Frames("usdm|COMPUSDT".to_owned()));
    }

    #[test]
    fn rows_have_their_own_market() {
        let row = r#"{"kind":"indicators","id":"spot|BTCUSDT|1m|1","market":"spot","symbol":"BTCUSDT"}"#;
        check(row, &Label::Rows("spot|BTCUSDT".to_owned()));
        // A symbol has 64 bytes at most.
        let row = format!(r#"{{"market":"spot","symbol":"{}"}}"#, "A".repeat(65));
        check(&row, &Label::Unknown);
    }

    #[test]
    fn what_cannot_be_read_has_no_symbol() {
        for data in
            ["", "not json", r#"{"e":"trade""#, r#"{"e":"nothing","s":"A"}"#, r#"{"result":null,"id":1}"#]
        {
            check(data, &Label::Unknown);
        }
        assert_eq!(Label::Unknown.key(Market::Spot), "spot|");
    }
}
