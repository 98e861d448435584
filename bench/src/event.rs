//! The event of the transformer: what a delivery stream with a Kinesis source sends.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// 2026-01-05T12:00:00Z in milliseconds.
const NOON_MS: u64 = 1_767_614_400_000;

/// Every so manieth record holds a kline of a minute that still runs, which is dropped.
const OPEN_KLINE_EVERY: u64 = 100;

/// Every so manieth record is cut short and answered as failed.
const TRUNCATED_EVERY: u64 = 500;

/// An event of so many records. Of twenty frames eleven are best bid and ask, seven trades, one a kline and one a book
/// difference, 170 bytes on average.
pub fn event(records: u64) -> Vec<u8> {
    let records: Vec<_> = (0..records)
        .map(|at| {
            let sequence = format!("495469866831355442865074579363216256757001924711567{at:05}");
            json!({
                "recordId": format!("{sequence}000000"),
                "approximateArrivalTimestamp": NOON_MS + 500 + at,
                "data": BASE64_STANDARD.encode(frame(at)),
                "kinesisRecordMetadata": {
                    "shardId": "shardId-000000000000", "partitionKey": "spot|BTCUSDT", "sequenceNumber": sequence,
                    "subsequenceNumber": 0, "approximateArrivalTimestamp": NOON_MS + 500 + at,
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

/// The frame of a record.
pub fn frame(at: u64) -> String {
    let (id, time, cents) = (5_000_000_000 + at, NOON_MS + at, at % 100);
    let mut frame = match at % 20 {
        0 | 5 | 10 | 15 => format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{time},"s":"BTCUSDT","t":{id},"p":"65000.{cents:02}000000","q":"0.01{cents:02}0000","T":{time},"m":true,"M":true}}}}"#
        ),
        1 | 7 | 13 => format!(
            r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{time},"s":"BTCUSDT","a":{id},"p":"65000.{cents:02}000000","q":"0.01{cents:02}0000","f":{id},"l":{id},"T":{time},"m":false,"M":true}}}}"#
        ),
        3 => kline(at),
        19 => format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{time},"s":"BTCUSDT","U":{id},"u":{id},"b":[["65000.{cents:02}000000","0.50000000"],["64999.00000000","0.00000000"]],"a":[["65001.{cents:02}000000","1.20000000"]]}}}}"#
        ),
        _ => format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{id},"s":"BTCUSDT","b":"65000.{cents:02}000000","B":"1.02000000","a":"65001.{cents:02}000000","A":"0.40000000"}}}}"#
        ),
    };
    if at % TRUNCATED_EVERY == TRUNCATED_EVERY - 1 {
        frame.truncate(frame.len() / 2);
    }
    frame
}

fn kline(at: u64) -> String {
    let (id, time, cents) = (5_000_000_000 + at, NOON_MS + at, at % 100);
    let is_closed = at % OPEN_KLINE_EVERY != 3;
    format!(
        r#"{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":{time},"s":"BTCUSDT","k":{{"t":1767614400000,"T":1767614459999,"s":"BTCUSDT","i":"1m","f":{id},"L":{id},"o":"65000.01000000","c":"65000.{cents:02}000000","h":"65020.00000000","l":"64990.00000000","v":"12.30000000","n":345,"x":{is_closed},"q":"799500.12340000","V":"6.10000000","Q":"396500.00000000","B":"0"}}}}}}"#
    )
}
