//! Time per record, end to end without HTTP: the bytes of an invocation to the bytes of its answer.
//!
//! Beside the transformer runs the handler that one would write first: the event types of `aws_lambda_events` and a
//! `serde_json::Value` for each frame. Both do the same job: the bench compares their rows before it measures.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench stops where something is not as it set it up"
)]

mod idiomatic;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lambda_events::event::firehose::KinesisFirehoseResponse;
use base64::Engine as _;
use record_transformer::{Config, Transformer};
use serde_json::{Map, Value, json};

const RECORDS: usize = 5000;
const ROUNDS: usize = 60;

fn main() {
    let event = event();
    let mut transformer = Transformer::new(Config::from_variables(|_| None).expect("the defaults"));
    let ours = transformer.transform(&event).expect("an answer").answer;
    let theirs = idiomatic::handle(&event);
    compare(&ours, &theirs);
    println!("{RECORDS} records, {} bytes of event, {} bytes of answer", event.len(), ours.len());
    println!("{:<28}{:>10}{:>10}{:>10}  µs per record, {ROUNDS} rounds", "", "median", "min", "max");
    let [ours, theirs] = interleaved(
        || black_box(transformer.transform(black_box(&event)).expect("an answer").answer),
        || black_box(idiomatic::handle(black_box(&event))),
    );
    report("transformer", &ours);
    report("idiomatic handler", &theirs);
    println!("ratio of medians: {:.1}", median(&theirs) / median(&ours));
}

/// Both take turns, so that whatever else the machine does falls on both.
fn interleaved(mut first: impl FnMut() -> Vec<u8>, mut second: impl FnMut() -> Vec<u8>) -> [Vec<f64>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(per_record(&mut first));
        times[1].push(per_record(&mut second));
    }
    for series in &mut times {
        series.sort_by(f64::total_cmp);
    }
    times
}

fn per_record(run: &mut impl FnMut() -> Vec<u8>) -> f64 {
    let start = Instant::now();
    let answer = run();
    let elapsed: Duration = start.elapsed();
    drop(answer);
    elapsed.as_secs_f64() * 1e6 / RECORDS as f64
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn report(name: &str, sorted: &[f64]) {
    println!("{name:<28}{:>10.3}{:>10.3}{:>10.3}", median(sorted), sorted[0], sorted[sorted.len() - 1]);
}

/// An event as a delivery stream with a Kinesis source sends it, with the five most frequent streams in about the
/// proportion of a live feed: half best bid and ask, a third trades, some klines and book differences.
fn event() -> Vec<u8> {
    let records: Vec<_> = (0..RECORDS)
        .map(|at| {
            let sequence = format!("4954698668313554428650745793632162567570019247115678{at:04}");
            json!({
                "recordId": format!("{sequence}000000"),
                "approximateArrivalTimestamp": 1_767_614_400_500_u64 + at as u64,
                "data": base64::engine::general_purpose::STANDARD.encode(frame(at)),
                "kinesisRecordMetadata": {
                    "shardId": "shardId-000000000000", "partitionKey": "spot|BTCUSDT", "sequenceNumber": sequence,
                    "subsequenceNumber": 0, "approximateArrivalTimestamp": 1_767_614_400_500_u64 + at as u64,
                },
            })
        })
        .collect();
    let event = json!({
        "invocationId": "2b4d1ad9-24f8-4b9d-a088-76e9947c317a",
        "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/archive",
        "sourceKinesisStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/market",
        "region": "us-east-1",
        "records": records,
    });
    event.to_string().into_bytes()
}

fn frame(at: usize) -> String {
    let (id, time, cents) = (5_000_000_000 + at, 1_767_614_400_000_u64 + at as u64, at % 100);
    match at % 10 {
        0 | 5 => format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{time},"s":"BTCUSDT","t":{id},"p":"65000.{cents:02}000000","q":"0.01{cents:02}0000","T":{time},"m":true,"M":true}}}}"#
        ),
        1 => format!(
            r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{time},"s":"BTCUSDT","a":{id},"p":"65000.{cents:02}000000","q":"0.01{cents:02}0000","f":{id},"l":{id},"T":{time},"m":false,"M":true}}}}"#
        ),
        2 | 4 | 6 | 7 | 9 => format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{id},"s":"BTCUSDT","b":"65000.{cents:02}000000","B":"1.02000000","a":"65001.{cents:02}000000","A":"0.40000000"}}}}"#
        ),
        3 => format!(
            r#"{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":{time},"s":"BTCUSDT","k":{{"t":1767614400000,"T":1767614459999,"s":"BTCUSDT","i":"1m","f":{id},"L":{id},"o":"65000.01000000","c":"65000.{cents:02}000000","h":"65020.00000000","l":"64990.00000000","v":"12.30000000","n":345,"x":true,"q":"799500.12340000","V":"6.10000000","Q":"396500.00000000","B":"0"}}}}}}"#
        ),
        _ => format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{time},"s":"BTCUSDT","U":{id},"u":{id},"b":[["65000.{cents:02}000000","0.50000000"],["64999.00000000","0.00000000"]],"a":[["65001.{cents:02}000000","1.20000000"]]}}}}"#
        ),
    }
}

/// Both answers hold the same rows under the same keys. Products may differ in the last bit of a float, and the arrival
/// time is left out: the events crate reads it one millisecond off for half of all values.
fn compare(ours: &[u8], theirs: &[u8]) {
    let [ours, theirs]: [KinesisFirehoseResponse; 2] =
        [ours, theirs].map(|answer| serde_json::from_slice(answer).expect("an answer"));
    assert_eq!(ours.records.len(), theirs.records.len());
    for (ours, theirs) in ours.records.iter().zip(&theirs.records) {
        assert_eq!((&ours.record_id, &ours.result), (&theirs.record_id, &theirs.result));
        assert_eq!(ours.metadata.partition_keys, theirs.metadata.partition_keys);
        let [mut ours, mut theirs]: [Map<String, Value>; 2] =
            [&ours.data, &theirs.data].map(|data| serde_json::from_slice(&data.0).expect("a row"));
        let products =
            [&mut ours, &mut theirs].map(|row| row.remove("quote_quantity").and_then(|v| v.as_f64()));
        if let [Some(ours), Some(theirs)] = products {
            assert!((ours - theirs).abs() <= 1e-9 * theirs.abs());
        }
        ours.remove("arrival_time");
        theirs.remove("arrival_time");
        let floats = |row: Map<String, Value>| -> Value {
            row.into_iter()
                .map(|(key, value)| (key, value.as_f64().map_or(value, Value::from)))
                .collect::<Map<_, _>>()
                .into()
        };
        assert_eq!(floats(ours), floats(theirs));
    }
}
