//! Text to frames to rows, beside `serde_json`.
//!
//! Every market and every format reads the same text. A row must be what its format and the wide table promise, the
//! formats must agree with each other, and a row must be of the frame that `serde_json` finds in its place.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use tapeline_codec::binance::{self, DecodeError, Frame, Identity, Kind};
use tapeline_codec::encode::{COLUMNS, Format};
use tapeline_codec::framing::{Documents, FramingError};
use tapeline_fuzz::{Object, string, without_surrogates};
use tapeline_market::{Market, Timestamp};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let plain = without_surrogates(text);
        for market in Market::ALL {
            let _ = Decoded::of(text, market);
            check(&plain, market);
        }
    }
});

fn check(text: &str, market: Market) {
    let decoded = Decoded::of(text, market);
    assert_eq!(decoded, Decoded::of(text, market), "the same text gives the same rows");
    let reference = reference_frames(text);
    // Inside of an array we hand out the frames before a fault, the reference none of them.
    assert!(decoded.error.is_some() || reference.len() == decoded.frames.len(), "frames were lost");
    for (at, row) in decoded.frames.iter().enumerate() {
        let Some(row) = row else { continue };
        row.check_formats();
        if let Some(frame) = reference.get(at) {
            row.check_source(frame);
        }
    }
}

/// A text as we read it, up to its first error: a row for each market message, `None` for each control message.
#[derive(Debug, PartialEq, Default)]
struct Decoded {
    frames: Vec<Option<Row>>,
    error: Option<String>,
}

#[derive(Debug)]
struct Refused(String);

impl From<FramingError> for Refused {
    fn from(error: FramingError) -> Self {
        Self(error.to_string())
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        Self(error.to_string())
    }
}

impl Decoded {
    fn of(text: &str, market: Market) -> Self {
        let mut decoded = Self::default();
        decoded.error = decoded.read(text, market).err().map(|Refused(error)| error);
        decoded
    }

    fn read(&mut self, text: &str, market: Market) -> Result<(), Refused> {
        let mut documents = Documents::new(text);
        while let Some(cursor) = documents.step()? {
            binance::frames(cursor, &mut |frame: &Frame<'_>| -> Result<(), DecodeError> {
                self.frames.push(Row::of(frame, market)?);
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// One message in every format.
#[derive(Debug, PartialEq)]
struct Row {
    kind: Kind,
    lines: Vec<(Format, String)>,
}

impl Row {
    fn of(frame: &Frame<'_>, market: Market) -> Result<Option<Self>, DecodeError> {
        let Identity::Kind(kind) = binance::identify(frame)? else { return Ok(None) };
        let header = binance::header(frame, kind, market)?;
        let message = binance::message(frame, kind, header)?;
        let arrival = Timestamp::from_millis(1_495_072_949_453).ok();
        let lines = Format::ALL.iter().map(|&format| {
            let mut line = Vec::new();
            format.write(&message, arrival, &mut line);
            (format, String::from_utf8(line).expect("a row is UTF-8"))
        });
        Ok(Some(Self { kind, lines: lines.collect() }))
    }

    /// The fields that the formats agree on, as text.
    fn check_formats(&self) {
        let mut rows = self.lines.iter().map(|(format, line)| match format {
            Format::Csv => self.csv_fields(line),
            Format::JsonLines | Format::Document => self.json_fields(line),
        });
        let first = rows.next().expect("there is a format");
        assert!(rows.all(|row| row == first), "the formats disagree: {:?}", self.lines);
    }

    /// Kind, then the columns in their order; what is absent is empty.
    fn json_fields(&self, line: &str) -> Vec<String> {
        let row = line.strip_suffix('\n').expect("a row ends its line");
        assert!(!row.contains('\n'), "a row has one line: {row:?}");
        let mut fields: Object<'_> = serde_json::from_str(row).expect("a row is JSON");
        // Every field once and nothing between them: the parts add up to the row.
        let parts = fields.iter().map(|(key, value)| key.len() + value.get().len() + "\"\":,".len());
        assert_eq!(parts.sum::<usize>() + "{}".len() - ",".len(), row.len(), "{row}");
        let mut read = vec![text(fields.remove("kind").expect("a row has a kind"))];
        assert_eq!(read, [self.kind.as_str()]);
        for column in COLUMNS {
            let value = fields.remove(column.name);
            read.push(value.map(|value| column_text(value, column.hive_type)).unwrap_or_default());
        }
        assert!(fields.is_empty(), "the table has no such columns: {fields:?}");
        read
    }

    fn csv_fields(&self, line: &str) -> Vec<String> {
        let fields = csv_record(line);
        assert_eq!(fields.len(), 1 + COLUMNS.len(), "{line}");
        assert_eq!(fields[0], self.kind.as_str());
        fields
    }

    /// Asserts that the row is of this frame: event type, symbol, and digits that stand in the frame.
    fn check_source(&self, frame: &Object<'_>) {
        let event = frame.get("e").map(|event| string(event).expect("no row where `e` is no string"));
        assert!(kinds(event.as_deref()).contains(&self.kind), "{:?} of {event:?}", self.kind);
        let fields = self.json_fields(&self.lines[0].1);
        let symbol = frame.get("s").filter(|_| self.kind != Kind::Liquidation);
        for (column, value) in COLUMNS.iter().zip(&fields[1..]) {
            match (column.name, column.hive_type) {
                ("symbol", _) => assert_eq!(symbol.map_or(value.clone(), |symbol| text(symbol)), *value),
                // The only number that is computed.
                ("quote_quantity", _) => {}
                (_, "double") => {
                    assert!(value.is_empty() || stands_in(frame, value), "{value} is not its own");
                }
                _ => {}
            }
        }
    }
}

/// A value of the wide table, in the text that CSV has for it.
fn column_text(value: &RawValue, hive_type: &str) -> String {
    let json = value.get();
    match hive_type {
        "string" => return text(value),
        "timestamp" => {
            let time = text(value);
            assert!(time.len() == "2026-11-21T09:30:00.123456Z".len() && time.ends_with('Z'), "{time}");
            return time;
        }
        "bigint" => drop(serde_json::from_str::<i64>(json).expect("a bigint has 64 bits and a sign")),
        "double" => assert!(serde_json::from_str::<f64>(json).expect("a number").is_finite()),
        "boolean" => drop(serde_json::from_str::<bool>(json).expect("true or false")),
        _ => {
            let levels: Vec<HashMap<String, f64>> = serde_json::from_str(json).expect("levels");
            assert!(levels.iter().all(|level| level.len() == 2 && level.contains_key("price")));
        }
    }
    json.to_owned()
}

fn text(value: &RawValue) -> String {
    string(value).expect("a string")
}

/// Reads one line of CSV by RFC 4180.
fn csv_record(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut rest = line.strip_suffix('\n').expect("a row ends its line");
    loop {
        let field = fields.last_mut().expect("there is a field");
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted_field(quoted, field);
        } else {
            let end = rest.find([',', '"', '\r', '\n']).unwrap_or(rest.len());
            field.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return fields;
        }
        rest = rest.strip_prefix(',').expect("a comma behind a field");
        fields.push(String::new());
    }
}

/// Reads the rest of a field in quotes; gives what follows it.
fn quoted_field<'a>(mut rest: &'a str, field: &mut String) -> &'a str {
    loop {
        let (content, behind) = rest.split_once('"').expect("the quote that ends a field");
        field.push_str(content);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return behind,
        }
    }
}

/// The kinds of an event type (documentation of the streams); without one, a book ticker or a book of spot.
fn kinds(event: Option<&str>) -> &'static [Kind] {
    match event {
        None => &[Kind::BookTicker, Kind::DepthSnapshot],
        Some("trade") => &[Kind::Trade],
        Some("aggTrade") => &[Kind::AggTrade],
        Some("blockTrade") => &[Kind::BlockTrade],
        Some("kline") => &[Kind::Kline],
        Some("24hrMiniTicker") => &[Kind::MiniTicker],
        Some("24hrTicker") => &[Kind::Ticker],
        Some("1hTicker" | "4hTicker" | "1dTicker") => &[Kind::RollingTicker],
        Some("bookTicker") => &[Kind::BookTicker],
        Some("avgPrice") => &[Kind::AvgPrice],
        Some("depthUpdate") => &[Kind::DepthUpdate, Kind::DepthSnapshot],
        Some("referencePrice") => &[Kind::ReferencePrice],
        Some("markPriceUpdate") => &[Kind::MarkPrice],
        Some("forceOrder") => &[Kind::Liquidation],
        Some(_) => &[],
    }
}

/// Whether the digits stand in the frame as a string.
fn stands_in(frame: &Object<'_>, digits: &str) -> bool {
    let quoted = format!("\"{digits}\"");
    frame.values().any(|value| value.get().contains(&quoted))
}

/// The frames of a text as `serde_json` reads them, up to its first error.
fn reference_frames(text: &str) -> Vec<Object<'_>> {
    let documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut frames = Vec::new();
    for document in documents.map_while(Result::ok) {
        let elements: Vec<&RawValue> = elements(document).unwrap_or_else(|| vec![document]);
        for element in elements {
            let Ok(object) = serde_json::from_str::<Object<'_>>(element.get()) else { return frames };
            frames.extend(payloads(object));
        }
    }
    frames
}

/// The payloads of a document: itself, or what a combined frame carries.
fn payloads(mut object: Object<'_>) -> Vec<Object<'_>> {
    let Some(data) = object.get("data") else { return vec![object] };
    if let Some(payloads) = elements(data) {
        return payloads.iter().map_while(|payload| serde_json::from_str(payload.get()).ok()).collect();
    }
    object.extend(serde_json::from_str::<Object<'_>>(data.get()).unwrap_or_default());
    vec![object]
}

fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}
