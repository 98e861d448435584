//! The handler that one would write first: the types of the events crate, and a JSON value for each frame.

use std::collections::HashMap;

use aws_lambda_events::event::firehose::{
    KinesisFirehoseEvent, KinesisFirehoseResponse, KinesisFirehoseResponseRecord,
    KinesisFirehoseResponseRecordMetadata,
};
use serde_json::{Map, Value, json};

/// Answers one invocation.
pub(crate) fn handle(payload: &[u8]) -> Vec<u8> {
    let event: KinesisFirehoseEvent = serde_json::from_slice(payload).expect("an event");
    let mut response = KinesisFirehoseResponse::default();
    for record in event.records {
        let frame: Value = serde_json::from_slice(&record.data.0).expect("a frame");
        let arrival = iso(record.approximate_arrival_timestamp.0.timestamp_millis());
        let (row, keys) = row(&frame["data"], &arrival);
        let mut data = serde_json::to_vec(&row).expect("a row");
        data.push(b'\n');
        let mut answer = KinesisFirehoseResponseRecord::default();
        answer.record_id = record.record_id;
        answer.result = Some("Ok".to_owned());
        answer.data.0 = data;
        let mut metadata = KinesisFirehoseResponseRecordMetadata::default();
        metadata.partition_keys = keys;
        answer.metadata = metadata;
        response.records.push(answer);
    }
    serde_json::to_vec(&response).expect("an answer")
}

fn row(data: &Value, arrival: &str) -> (Map<String, Value>, HashMap<String, String>) {
    let symbol = data["s"].as_str().expect("a symbol");
    let event_time = data["E"].as_i64().map(iso);
    let (kind, id, mut row) = match data["e"].as_str() {
        Some("trade") => ("trade", format!("t|{}", data["t"]), trade(data)),
        Some("aggTrade") => ("agg_trade", format!("a|{}", data["a"]), agg_trade(data)),
        Some("kline") => ("kline", kline_id(&data["k"]), kline(&data["k"])),
        Some("depthUpdate") => ("depth_update", format!("d|{}", data["u"]), depth_update(data)),
        _ => ("book_ticker", format!("b|{}", data["u"]), book_ticker(data)),
    };
    row.insert("kind".into(), json!(kind));
    row.insert("id".into(), json!(format!("spot|{symbol}|{id}")));
    row.insert("market".into(), json!("spot"));
    row.insert("symbol".into(), json!(symbol));
    row.insert("arrival_time".into(), json!(arrival));
    if let Some(event_time) = &event_time {
        row.insert("event_time".into(), json!(event_time));
    }
    let day = event_time.as_deref().unwrap_or(arrival)[..10].to_owned();
    (row, HashMap::from([("kind".to_owned(), kind.to_owned()), ("date".to_owned(), day)]))
}

fn iso(millis: i64) -> String {
    format!("{:.6}", jiff::Timestamp::from_millisecond(millis).expect("a time"))
}

fn time(value: &Value) -> Value {
    json!(iso(value.as_i64().expect("a time")))
}

fn decimal(value: &Value) -> f64 {
    value.as_str().expect("a decimal").parse().expect("a decimal")
}

/// The fields named, each with the key in the frame and how it is read.
fn fields(data: &Value, read: impl Fn(&Value) -> Value, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().map(|(name, key)| ((*name).to_owned(), read(&data[key]))).collect()
}

fn number(value: &Value) -> Value {
    json!(decimal(value))
}

fn execution(data: &Value) -> Map<String, Value> {
    let mut row = fields(data, number, &[("price", "p"), ("quantity", "q")]);
    row.insert("quote_quantity".into(), json!(decimal(&data["p"]) * decimal(&data["q"])));
    row.insert("trade_time".into(), time(&data["T"]));
    row.insert("taker_side".into(), json!(if data["m"] == true { "sell" } else { "buy" }));
    row
}

fn trade(data: &Value) -> Map<String, Value> {
    let mut row = execution(data);
    row.extend(fields(data, Value::clone, &[("trade_id", "t")]));
    row
}

fn agg_trade(data: &Value) -> Map<String, Value> {
    let mut row = execution(data);
    let ids = [("agg_trade_id", "a"), ("first_trade_id", "f"), ("last_trade_id", "l")];
    row.extend(fields(data, Value::clone, &ids));
    row
}

fn kline_id(k: &Value) -> String {
    format!("k|{}|{}000", k["i"].as_str().expect("an interval"), k["t"])
}

fn kline(k: &Value) -> Map<String, Value> {
    let numbers = [
        ("open", "o"),
        ("high", "h"),
        ("low", "l"),
        ("close", "c"),
        ("base_volume", "v"),
        ("quote_volume", "q"),
        ("taker_buy_base_volume", "V"),
        ("taker_buy_quote_volume", "Q"),
    ];
    let others = [
        ("interval", "i"),
        ("trade_count", "n"),
        ("first_trade_id", "f"),
        ("last_trade_id", "L"),
        ("is_closed", "x"),
    ];
    let mut row = fields(k, number, &numbers);
    row.extend(fields(k, Value::clone, &others));
    row.extend(fields(k, time, &[("open_time", "t"), ("close_time", "T")]));
    row
}

fn depth_update(data: &Value) -> Map<String, Value> {
    let mut row = fields(data, Value::clone, &[("first_update_id", "U"), ("last_update_id", "u")]);
    row.extend(fields(data, levels, &[("bids", "b"), ("asks", "a")]));
    row
}

fn levels(value: &Value) -> Value {
    let levels = value.as_array().expect("levels").iter();
    levels.map(|level| json!({ "price": number(&level[0]), "quantity": number(&level[1]) })).collect()
}

fn book_ticker(data: &Value) -> Map<String, Value> {
    let numbers = [("bid_price", "b"), ("bid_quantity", "B"), ("ask_price", "a"), ("ask_quantity", "A")];
    let mut row = fields(data, number, &numbers);
    row.extend(fields(data, Value::clone, &[("update_id", "u")]));
    row
}
