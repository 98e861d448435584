//! Rows of the REST API as the frames that the socket would have sent.
//!
//! What the row does not tell is when the exchange sent the message (`E`): the time of the trade stands in for it. Numbers
//! are copied, digit by digit.

use bytes::Bytes;
use tapeline_codec::binance::Kind;
use tapeline_json::{Cursor, JsonError, Value};
use tapeline_market::Timestamp;
use thiserror::Error;

use crate::frame::{Frame, Ids, Route};

/// The most rows of an answer that are read; the API gives no more.
pub(super) const ROWS_MAX: u64 = 1_000;

/// An answer is not what the API documents.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum RowsError {
    /// Not the JSON that was expected.
    #[error("expected rows of trades")]
    Json(#[source] JsonError),
    /// Not text.
    #[error("expected rows of trades, was no UTF-8")]
    Text,
    /// Without a field, or with another value there.
    #[error("expected `{field}` of row {row} to be {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// The row, from 0.
        row: usize,
        /// What it should have been.
        expected: &'static str,
    },
    /// More rows than were asked for.
    #[error("expected at most {ROWS_MAX} rows")]
    TooMany,
}

impl From<JsonError> for RowsError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Where a kind's fields stand: the field of the frame, and its name in a row.
struct Shape {
    event: &'static str,
    /// The first is the id.
    fields: &'static [(&'static str, &'static str)],
    /// The place of the trade time among the fields.
    time: usize,
    /// What follows if the row has it: futures rows do not.
    optional: (&'static str, &'static str),
}

const AGG_TRADE: Shape = Shape {
    event: "aggTrade",
    fields: &[("a", "a"), ("p", "p"), ("q", "q"), ("f", "f"), ("l", "l"), ("T", "T"), ("m", "m")],
    time: 5,
    optional: ("M", "M"),
};

const TRADE: Shape = Shape {
    event: "trade",
    fields: &[("t", "id"), ("p", "price"), ("q", "qty"), ("T", "time"), ("m", "isBuyerMaker")],
    time: 3,
    optional: ("M", "isBestMatch"),
};

/// The most fields of a shape, the optional one included.
const FIELDS_MAX: usize = 8;

/// Reads the answer of `aggTrades` or `historicalTrades` into frames, in the order of their ids.
///
/// # Errors
/// When the answer is not as documented.
pub(super) fn frames(body: &[u8], route: &Route, received: Timestamp) -> Result<Vec<Frame>, RowsError> {
    let text = std::str::from_utf8(body).map_err(|_| RowsError::Text)?;
    let shape = if route.kind == Some(Kind::Trade) { &TRADE } else { &AGG_TRADE };
    let mut cursor = Cursor::new(text);
    let mut frames = Vec::new();
    let mut rows = cursor.array()?;
    while let Some(row) = rows.element()? {
        if frames.len() as u64 >= ROWS_MAX {
            return Err(RowsError::TooMany);
        }
        let values = shape.read(row)?;
        frames.push(shape.frame(&values, route, received).map_err(|(field, expected)| RowsError::Field {
            field,
            row: frames.len(),
            expected,
        })?);
    }
    cursor.end()?;
    frames.sort_by_key(|frame| frame.ids.map(|ids| ids.last));
    Ok(frames)
}

/// The values of a row at the places of a shape's fields; behind them the optional one.
type Values<'a> = [Option<Value<'a>>; FIELDS_MAX];

/// The field that is wrong, and what it should have been.
type Wrong = (&'static str, &'static str);

impl Shape {
    fn read<'a>(&self, cursor: &mut Cursor<'a>) -> Result<Values<'a>, JsonError> {
        let mut values: Values<'a> = [None; FIELDS_MAX];
        let names = self.fields.iter().chain([&self.optional]);
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            let value = object.value()?;
            let place = key.find(|key| names.iter().position(|&name| name == key));
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Ok(values)
    }

    fn frame(&self, values: &Values<'_>, route: &Route, received: Timestamp) -> Result<Frame, Wrong> {
        let id = self.number(values, 0)?;
        let time = self.number(values, self.time)?;
        let name = self.fields.get(self.time).map_or("", |(_, name)| name);
        let event_time = Timestamp::from_exchange(time).map_err(|_| (name, "a time of the exchange"))?;
        let text = self.text(values, route.symbol.as_deref().unwrap_or_default(), time)?;
        let ids = Some(Ids { first: id, last: id });
        Ok(Frame { text, route: route.clone(), ids, event_time: Some(event_time), received })
    }

    fn number(&self, values: &Values<'_>, place: usize) -> Result<u64, Wrong> {
        let name = self.fields.get(place).map_or("", |(_, name)| name);
        let value = values.get(place).copied().flatten();
        value.and_then(Value::as_u64).ok_or((name, "a whole number"))
    }

    /// Writes the frame of a combined connection. A symbol needs no escapes.
    fn text(&self, values: &Values<'_>, symbol: &str, time: u64) -> Result<Bytes, Wrong> {
        let Self { event, fields, .. } = self;
        let stream = symbol.to_lowercase();
        let mut text =
            format!(r#"{{"stream":"{stream}@{event}","data":{{"e":"{event}","E":{time},"s":"{symbol}""#);
        for (place, (field, name)) in fields.iter().enumerate() {
            let value = values.get(place).copied().flatten().ok_or((*name, "there"))?;
            text.extend([",\"", field, "\":", value.raw()]);
        }
        if let Some(value) = values.get(fields.len()).copied().flatten() {
            text.extend([",\"", self.optional.0, "\":", value.raw()]);
        }
        text.push_str("}}");
        Ok(Bytes::from(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tapeline_market::Market;

    use super::*;
    use crate::sequence::{Identifier, Nature};

    // The examples of "Compressed/Aggregate trades list" and "Old trade lookup" in the spot documentation.
    const AGG_TRADES: &str = r#"[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]"#;
    const TRADES: &str = r#"[ { "id": 28457, "price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.000012",
        "time": 1499865549590, "isBuyerMaker": true, "isBestMatch": true } ]"#;
    // The example of the futures documentation.
    const FUTURES: &str =
        r#"[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true}]"#;

    fn route(kind: Kind) -> Route {
        Route { market: Market::Spot, symbol: Some("BNBBTC".into()), kind: Some(kind) }
    }

    fn read(body: &str, kind: Kind) -> Result<Vec<Frame>, RowsError> {
        frames(body.as_bytes(), &route(kind), Timestamp::from_millis(1).unwrap())
    }

    fn check(body: &str, kind: Kind, expected: &str) {
        let frames = read(body, kind).unwrap();
        let [frame] = frames.as_slice() else { panic!("expected one frame, was {frames:?}") };
        assert_eq!(std::str::from_utf8(&frame.text), Ok(expected));
        // The socket's reader finds in it what was noted of it.
        let arrival = Identifier::new(Market::Spot).identify(frame.text.clone(), frame.received);
        assert_eq!((&arrival.frame, arrival.nature), (frame, Nature::Market));
    }

    #[test]
    fn rows_become_the_frames_of_the_socket() {
        check(
            AGG_TRADES,
            Kind::AggTrade,
            r#"{"stream":"bnbbtc@aggTrade","data":{"e":"aggTrade","E":1498793709153,"s":"BNBBTC","a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}}"#,
        );
        check(
            TRADES,
            Kind::Trade,
            r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1499865549590,"s":"BNBBTC","t":28457,"p":"4.00000100","q":"12.00000000","T":1499865549590,"m":true,"M":true}}"#,
        );
    }

    #[test]
    fn futures_rows_lack_the_flag_that_is_to_be_ignored() {
        check(
            FUTURES,
            Kind::AggTrade,
            r#"{"stream":"bnbbtc@aggTrade","data":{"e":"aggTrade","E":1498793709153,"s":"BNBBTC","a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true}}"#,
        );
    }

    #[test]
    fn rows_are_given_in_the_order_of_their_ids() {
        let row = |id: u64| AGG_TRADES.trim_matches(['[', ']']).replace("26129", &id.to_string());
        let frames = read(&format!("[{},{}]", row(3), row(2)), Kind::AggTrade).unwrap();
        assert_eq!(frames.iter().map(|frame| frame.ids.unwrap().last).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(read("[]", Kind::AggTrade), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_is_read_of_a_damaged_answer_has_its_id(at in 0..AGG_TRADES.len(), byte: u8) {
            let mut body = AGG_TRADES.as_bytes().to_vec();
            body[at] = byte;
            let frames = frames(&body, &route(Kind::AggTrade), Timestamp::EPOCH).unwrap_or_default();
            for frame in frames {
                let again = Identifier::new(Market::Spot).identify(frame.text.clone(), frame.received);
                // A decoder may refuse the rest of it; then the transformer will, too.
                prop_assert!(again.frame.ids.is_none() || again.frame.ids == frame.ids);
            }
        }
    }

    #[test]
    fn errors_name_the_row_and_the_field() {
        let error = |body: &str| read(body, Kind::AggTrade).unwrap_err().to_string();
        assert_eq!(error(&AGG_TRADES.replace("26129", "-1")), "expected `a` of row 0 to be a whole number");
        assert_eq!(error(&AGG_TRADES.replace("\"q\"", "\"x\"")), "expected `q` of row 0 to be there");
        assert_eq!(error(r#"{"code":-1121,"msg":"Invalid symbol."}"#), "expected rows of trades");
        assert_eq!(error("[] []"), "expected rows of trades");
    }
}
