//! Holds the rows of Parquet files against what they were made of.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parquet::record::{Field, Row};
use record_transformer::{Config, Transformer};
use serde_json::Value;
use serde_json::value::RawValue;
use tapeline_codec::encode::COLUMNS;

use crate::run::Outcome;

/// A text column of a row.
pub(crate) fn text<'r>(row: &'r Row, name: &str) -> &'r str {
    match column(row, name) {
        Field::Str(text) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// A time of a row, in milliseconds since the epoch.
pub(crate) fn time_ms(row: &Row, name: &str) -> i64 {
    match column(row, name) {
        Field::TimestampMillis(millis) => *millis,
        other => panic!("{name} is {other:?}"),
    }
}

/// A number of a row.
pub(crate) fn number(row: &Row, name: &str) -> f64 {
    match column(row, name) {
        Field::Double(number) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

fn column<'r>(row: &'r Row, name: &str) -> &'r Field {
    row.get_column_iter().find(|(found, _)| *found == name).unwrap().1
}

/// Asserts that the rows are the documents that the function's library makes of the frames: each value of each, digits
/// included. The arrival is the stream's; it is held against the event time instead.
pub(crate) fn equal_the_documents(outcome: &Outcome, frames: &str, market: &str) {
    let mut expected: Vec<_> = documents(frames, market).iter().map(|line| of_document(line)).collect();
    let rows = outcome.rows();
    let mut found: Vec<_> = rows.iter().map(|(kind, row)| of_row(kind, row)).collect();
    expected.sort();
    found.sort();
    assert!(!found.is_empty());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    for (_, row) in &rows {
        if let Field::TimestampMillis(event) = column(row, "event_time") {
            assert!(
                matches!(column(row, "arrival_time"), Field::TimestampMillis(arrival) if arrival >= event)
            );
        }
    }
}

/// The Ok documents of frames that are one record each.
fn documents(frames: &str, market: &str) -> Vec<String> {
    let config = Config::from_variables(|name| (name == "MARKET").then(|| market.to_owned())).unwrap();
    let mut transformer = Transformer::new(config);
    let mut lines = Vec::new();
    for frame in frames.lines() {
        let data = STANDARD.encode(frame);
        let event =
            format!(r#"{{"records":[{{"recordId":"1","approximateArrivalTimestamp":0,"data":"{data}"}}]}}"#);
        let answer: Value =
            serde_json::from_slice(&transformer.transform(event.as_bytes()).unwrap().answer).unwrap();
        let record = &answer["records"][0];
        if record["result"] == "Ok" {
            let text = String::from_utf8(STANDARD.decode(record["data"].as_str().unwrap()).unwrap()).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

/// A row as texts that are equal only when the values are.
type Texts = BTreeMap<String, String>;

fn of_document(line: &str) -> Texts {
    let document: BTreeMap<String, &RawValue> = serde_json::from_str(line).unwrap();
    let present = document.into_iter().filter(|(name, _)| name != "arrival_time");
    present.map(|(name, value)| (name.clone(), of_value(hive_type(&name), value.get()))).collect()
}

fn hive_type(name: &str) -> &'static str {
    if name == "kind" {
        return "string";
    }
    COLUMNS.iter().find(|column| column.name == name).unwrap().hive_type
}

fn of_value(hive_type: &str, json: &str) -> String {
    match hive_type {
        "string" => serde_json::from_str(json).unwrap(),
        "timestamp" => {
            let time: String = serde_json::from_str(json).unwrap();
            time.parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string()
        }
        "double" => double(json.parse().unwrap()),
        "bigint" | "boolean" => json.to_owned(),
        _ => {
            let levels: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(json).unwrap();
            let level = |level: BTreeMap<String, &RawValue>| {
                format!(
                    "{}x{}",
                    of_value("double", level["price"].get()),
                    of_value("double", level["quantity"].get())
                )
            };
            levels.into_iter().map(level).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The shortest digits that read back as this double.
fn double(value: f64) -> String {
    format!("{value:?}")
}

fn of_row(kind: &str, row: &Row) -> Texts {
    let present =
        row.get_column_iter().filter(|(name, value)| *name != "arrival_time" && **value != Field::Null);
    let mut texts: Texts = present.map(|(name, value)| (name.clone(), of_field(value))).collect();
    texts.insert("kind".to_owned(), kind.to_owned());
    texts
}

fn of_field(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        Field::TimestampMillis(millis) => millis.to_string(),
        Field::Double(value) => double(*value),
        Field::Long(value) => value.to_string(),
        Field::Bool(value) => value.to_string(),
        Field::ListInternal(list) => {
            let level = |level: &Field| match level {
                Field::Group(level) => {
                    format!("{}x{}", of_field(column(level, "price")), of_field(column(level, "quantity")))
                }
                other => panic!("a level is {other:?}"),
            };
            list.elements().iter().map(level).collect::<Vec<_>>().join(" ")
        }
        other => panic!("no column has {other:?}"),
    }
}

/// Where the frames of a kind have the digits of a column: event type, kind, the field that tells the row, and pairs of
/// field and column. Written from the exchange's documentation, not from the decoder.
type Digits =
    (&'static str, &'static str, (&'static str, &'static str), &'static [(&'static str, &'static str)]);

const DIGITS: [Digits; 3] = [
    ("trade", "trade", ("/t", "trade_id"), &[("/p", "price"), ("/q", "quantity")]),
    ("aggTrade", "agg_trade", ("/a", "agg_trade_id"), &[("/p", "price"), ("/q", "quantity")]),
    (
        "bookTicker",
        "book_ticker",
        ("/u", "update_id"),
        &[("/b", "bid_price"), ("/B", "bid_quantity"), ("/a", "ask_price"), ("/A", "ask_quantity")],
    ),
];

/// Asserts that prices and quantities are those of the frames, walked without the decoder.
pub(crate) fn have_the_digits(outcome: &Outcome, frames: &str) {
    let rows = outcome.rows();
    let by_id: HashMap<(&str, &str, i64), &Row> =
        rows.iter().filter_map(|(kind, row)| Some((key_of(kind, row)?, row))).collect();
    let mut compared = 0;
    for frame in frames.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (stream, data) = (&frame["stream"], frame.get("data").unwrap_or(&frame));
        let event = data["e"].as_str().or(stream.as_str().and_then(|name| name.split('@').nth(1)));
        let Some((_, kind, (field, _), columns)) = DIGITS.iter().find(|digits| event == Some(digits.0))
        else {
            continue;
        };
        let (Some(symbol), Some(id)) = (data["s"].as_str(), data.pointer(field).and_then(Value::as_i64))
        else {
            continue;
        };
        // Refused and dropped frames have no row; that there are rows enough is asserted elsewhere.
        let Some(row) = by_id.get(&(*kind, symbol, id)) else { continue };
        for (field, name) in *columns {
            let Some(digits) = data.pointer(field).and_then(Value::as_str) else { continue };
            let Ok(expected) = digits.parse::<f64>() else { continue };
            assert!(
                matches!(column(row, name), Field::Double(found) if found.to_bits() == expected.to_bits()),
                "{frame} {name}"
            );
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

fn key_of<'r>(kind: &'r str, row: &'r Row) -> Option<(&'r str, &'r str, i64)> {
    let (_, _, (_, name), _) = DIGITS.iter().find(|digits| digits.1 == kind)?;
    match column(row, name) {
        Field::Long(id) => Some((kind, text(row, "symbol"), *id)),
        other => panic!("{name} is {other:?}"),
    }
}
