//! The handler that one would write first: the event types of `aws_lambda_events`, and a `serde_json::Value` for each
//! frame and each row.

#![expect(clippy::indexing_slicing, reason = "a `Value` gives null for what it does not have")]

use std::collections::HashMap;

use aws_lambda_events::event::firehose::{
    KinesisFirehoseEvent, KinesisFirehoseEventRecord, KinesisFirehoseResponse, KinesisFirehoseResponseRecord,
};
use chrono::{DateTime, SecondsFormat};
use lambda_runtime::Error;
use serde_json::{Map, Value, json};

/// Answers every record of an event.
pub fn transform(event: KinesisFirehoseEvent) -> KinesisFirehoseResponse {
    let mut response = KinesisFirehoseResponse::default();
    response.records = event.records.into_iter().map(answer).collect();
    response
}

fn answer(record: KinesisFirehoseEventRecord) -> KinesisFirehoseResponseRecord {
    let mut answer = KinesisFirehoseResponseRecord::default();
    let result = match row(&record) {
        Ok(Some((data, keys))) => {
            answer.data.0 = data;
            answer.metadata.partition_keys = keys;
            "Ok"
        }
        Ok(None) => "Dropped",
        Err(_) => {
            answer.data = record.data;
            "ProcessingFailed"
        }
    };
    answer.record_id = record.record_id;
    answer.result = Some(result.to_owned());
    answer
}

type Keys = HashMap<String, String>;

/// The row of a record and where it goes; `None` for what is left out on purpose.
fn row(record: &KinesisFirehoseEventRecord) -> Result<Option<(Vec<u8>, Keys)>, Error> {
    let frame: Value = serde_json::from_slice(&record.data.0)?;
    let data = &frame["data"];
    let symbol = data["s"].as_str().ok_or("expected a symbol")?;
    let arrival = record.approximate_arrival_timestamp.to_rfc3339_opts(SecondsFormat::Micros, true);
    let (kind, id, mut row) = match data["e"].as_str() {
        Some("trade") => ("trade", format!("t|{}", data["t"]), trade(data)?),
        Some("aggTrade") => ("agg_trade", format!("a|{}", data["a"]), agg_trade(data)?),
        Some("kline") if data["k"]["x"] == false => return Ok(None),
        Some("kline") => ("kline", kline_id(&data["k"])?, kline(&data["k"])?),
        Some("depthUpdate") => ("depth_update", format!("d|{}", data["u"]), depth_update(data)?),
        None => ("book_ticker", format!("b|{}", data["u"]), book_ticker(data)?),
        Some(_) => return Err("expected a known event".into()),
    };
    row.insert("kind".to_owned(), json!(kind));
    row.insert("id".to_owned(), json!(format!("spot|{symbol}|{id}")));
    row.insert("market".to_owned(), json!("spot"));
    row.insert("symbol".to_owned(), json!(symbol));
    let mut day = arrival.chars().take(10).collect();
    row.insert("arrival_time".to_owned(), json!(arrival));
    if !data["E"].is_null() {
        let event_time = iso(&data["E"])?;
        day = event_time.chars().take(10).collect();
        row.insert("event_time".to_owned(), json!(event_time));
    }
    let mut text = serde_json::to_vec(&row)?;
    text.push(b'\n');
    Ok(Some((text, HashMap::from([("kind".to_owned(), kind.to_owned()), ("date".to_owned(), day)]))))
}

fn iso(value: &Value) -> Result<String, Error> {
    let time = value.as_i64().and_then(DateTime::from_timestamp_millis).ok_or("expected a time")?;
    Ok(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn time(value: &Value) -> Result<Value, Error> {
    iso(value).map(Value::from)
}

fn decimal(value: &Value) -> Result<f64, Error> {
    Ok(value.as_str().ok_or("expected a decimal")?.parse()?)
}

fn number(value: &Value) -> Result<Value, Error> {
    decimal(value).map(Value::from)
}

fn copied(value: &Value) -> Result<Value, Error> {
    if value.is_null() { Err("expected a value".into()) } else { Ok(value.clone()) }
}

/// The fields named, each with its key in the frame, read in one way.
fn fields(
    data: &Value,
    read: impl Fn(&Value) -> Result<Value, Error>,
    names: &[(&str, &str)],
) -> Result<Map<String, Value>, Error> {
    names.iter().map(|(name, key)| Ok(((*name).to_owned(), read(&data[key])?))).collect()
}

fn execution(data: &Value) -> Result<Map<String, Value>, Error> {
    let mut row = fields(data, number, &[("price", "p"), ("quantity", "q")])?;
    row.insert("quote_quantity".to_owned(), json!(decimal(&data["p"])? * decimal(&data["q"])?));
    row.insert("trade_time".to_owned(), time(&data["T"])?);
    row.insert("taker_side".to_owned(), json!(if data["m"] == true { "sell" } else { "buy" }));
    Ok(row)
}

fn trade(data: &Value) -> Result<Map<String, Value>, Error> {
    let mut row = execution(data)?;
    row.extend(fields(data, copied, &[("trade_id", "t")])?);
    Ok(row)
}

fn agg_trade(data: &Value) -> Result<Map<String, Value>, Error> {
    let mut row = execution(data)?;
    let ids = [("agg_trade_id", "a"), ("first_trade_id", "f"), ("last_trade_id", "l")];
    row.extend(fields(data, copied, &ids)?);
    Ok(row)
}

fn kline_id(k: &Value) -> Result<String, Error> {
    Ok(format!("k|{}|{}000", k["i"].as_str().ok_or("expected an interval")?, k["t"]))
}

fn kline(k: &Value) -> Result<Map<String, Value>, Error> {
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
    let mut row = fields(k, number, &numbers)?;
    row.extend(fields(k, copied, &others)?);
    row.extend(fields(k, time, &[("open_time", "t"), ("close_time", "T")])?);
    Ok(row)
}

fn depth_update(data: &Value) -> Result<Map<String, Value>, Error> {
    let mut row = fields(data, copied, &[("first_update_id", "U"), ("last_update_id", "u")])?;
    row.extend(fields(data, levels, &[("bids", "b"), ("asks", "a")])?);
    Ok(row)
}

fn levels(value: &Value) -> Result<Value, Error> {
    let levels = value.as_array().ok_or("expected levels")?.iter();
    levels.map(|level| Ok(json!({ "price": number(&level[0])?, "quantity": number(&level[1])? }))).collect()
}

fn book_ticker(data: &Value) -> Result<Map<String, Value>, Error> {
    let numbers = [("bid_price", "b"), ("bid_quantity", "B"), ("ask_price", "a"), ("ask_quantity", "A")];
    let mut row = fields(data, number, &numbers)?;
    row.extend(fields(data, copied, &[("update_id", "u")])?);
    Ok(row)
}
