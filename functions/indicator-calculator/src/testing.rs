//! What the tests of batches, lanes and the calculator share: frames of the exchange and events of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::config::Config;

/// 2026-01-05T12:00:00Z in milliseconds.
pub(crate) const NOON_MS: u64 = 1_767_614_400_000;

/// A configuration of two intervals and one indicator, changed by `variables`.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let others = [
        ("STATE_TABLE", "state"),
        ("OUTPUT_STREAM", "rows"),
        ("INTERVALS", "1m,5m"),
        ("INDICATORS", "sma(2)"),
    ];
    let found = |name: &str| variables.iter().chain(&others).find(|(found, _)| *found == name);
    Config::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

/// A trade `second` seconds after noon, sent in the same millisecond.
pub(crate) fn trade(symbol: &str, id: u64, second: u64) -> String {
    let time_ms = NOON_MS + second * 1000;
    format!(
        r#"{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{id},"p":"0.001","q":"100","T":{time_ms},"m":true,"M":true}}"#
    )
}

/// One record of an event.
#[derive(Debug, Clone)]
pub(crate) struct Record<'r> {
    pub(crate) partition_key: &'r str,
    pub(crate) data: Vec<u8>,
    pub(crate) arrival_ms: Option<u64>,
}

/// A record that arrived ten minutes after noon.
pub(crate) fn record(partition_key: &str, data: impl Into<Vec<u8>>) -> Record<'_> {
    Record { partition_key, data: data.into(), arrival_ms: Some(NOON_MS + 600_000) }
}

/// An event; the sequence number of a record is its place, from 1.
pub(crate) fn event(records: &[Record<'_>]) -> Vec<u8> {
    let records = records.iter().zip(1..).map(|(record, number)| {
        let arrival = record.arrival_ms.map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000));
        format!(
            r#"{{"kinesis":{{"partitionKey":"{}","sequenceNumber":"{number}","data":"{}","approximateArrivalTimestamp":{}}}}}"#,
            record.partition_key,
            BASE64_STANDARD.encode(&record.data),
            arrival.unwrap_or_else(|| "null".to_owned())
        )
    });
    format!(r#"{{"Records":[{}]}}"#, records.collect::<Vec<_>>().join(",")).into_bytes()
}
