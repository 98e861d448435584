//! The deployed template, with the functions that are deployed.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::process::until;
use crate::run::Workshop;

/// A minute, in seconds.
const MINUTE: u64 = 60;

/// A trade of the exchange's documentation at so many seconds behind 2023-01-01T00:00:00Z, with the key of its stream.
pub(crate) fn trade(id: u64, seconds: u64) -> (&'static str, String) {
    let time = 1_672_531_200_000 + seconds * 1000;
    let data = format!(
        r#"{{"stream":"bnbbtc@trade","data":{{"e":"trade","E":{time},"s":"BNBBTC","t":{id},"p":"0.001","q":"100","T":{time},"m":true,"M":true}}}}"#
    );
    ("spot|BNBBTC", data)
}

/// Waits for rows in the stream of indicators.
pub(crate) fn bars(aws: &Aws) -> Vec<Value> {
    let rows = until("a bar", || Some(aws.records("tapeline-indicators")).filter(|rows| !rows.is_empty()));
    let lines: Vec<_> = rows.iter().flat_map(|row| row.lines()).collect();
    lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn trades_become_rows_bars_and_state() {
    let up = Workshop::new().up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1), trade(2, 2), trade(3, MINUTE + 1)]);
    // The third trade closes the bar of the first minute.
    let bars = bars(&up.aws);
    assert_eq!(bars.len(), 1, "{bars:#?}");
    let [bar] = &bars[..] else { unreachable!() };
    assert_eq!((&bar["symbol"], &bar["interval"]), (&json!("BNBBTC"), &json!("1m")));
    assert_eq!((&bar["trade_count"], bar["base_volume"].as_f64()), (&json!(2), Some(200.0)));
    let tables = up.aws.dynamodb("ListTables", &json!({}));
    let state = up.aws.dynamodb("Scan", &json!({"TableName": tables["TableNames"][0]}));
    let lanes: Vec<_> = state["Items"].as_array().unwrap().iter().map(|item| &item["lane"]["S"]).collect();
    assert!(!lanes.is_empty() && lanes.iter().all(|lane| *lane == "spot|BNBBTC"), "{lanes:?}");
    // What is put right before the end is processed and delivered as well.
    up.aws.put_records("tapeline-frames", &[trade(4, 2 * MINUTE + 1)]);
    let ended = up.end();
    let trades = ended.rows("tapeline-archivebucket/market/kind=trade/date=2023-01-01/");
    assert_eq!(trades.len(), 4, "{:?}", ended.keys());
    let rows = ended.rows("tapeline-archivebucket/indicators/date=");
    let counts: Vec<_> = rows.iter().map(|row| row["trade_count"].as_str().unwrap()).collect();
    assert_eq!(counts, ["2", "1"], "{:?}", ended.keys());
    assert!(!ended.keys().iter().any(|key| key.contains("/errors/")), "{:?}", ended.keys());
}

#[test]
fn the_state_is_kept_from_run_to_run() {
    let up = Workshop::new().up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1), trade(2, 2)]);
    let up = up.end().workshop.up();
    up.aws.put_records("tapeline-frames", &[trade(3, MINUTE + 1)]);
    let bars = bars(&up.aws);
    // Both trades are of the run before.
    assert_eq!((&bars[0]["trade_count"], &bars[0]["gap"]), (&json!(2), &json!(false)));
}

#[test]
fn what_is_run_is_said_before_the_way_in() {
    let up = Workshop::new().up();
    let has = |words: &str| {
        let found = up
            .opening
            .iter()
            .any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(words));
        assert!(found, "no {words:?} in {:#?}", up.opening);
    };
    has("stream tapeline-frames 4 shards");
    has("function tapeline-record-transformer 256 MB, 60 s");
    has("mapping IndicatorCalculatorFrames FrameStream -> tapeline-indicator-calculator");
    has("delivery stream tapeline-archive tapeline-frames -> s3://tapeline-archivebucket/market/");
    has("not run here AWS::IAM::Role");
}

#[test]
fn standard_output_is_documents_with_the_status_of_everything() {
    let up = Workshop::new().up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1)]);
    up.aws.status_with("/mappings/IndicatorCalculatorFrames/invocations", 1);
    let answered = up.aws.status();
    let lines: Vec<Value> = up.end().out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["log"]["function"] == "tapeline-indicator-calculator"),
        "{lines:#?}"
    );
    let shown = lines.iter().find(|line| !line["status"].is_null()).unwrap();
    let names = [
        ("streams", vec!["tapeline-frames", "tapeline-indicators"]),
        ("delivery_streams", vec!["tapeline-archive", "tapeline-indicator-archive"]),
        ("mappings", vec!["IndicatorCalculatorFrames"]),
        ("functions", vec!["tapeline-indicator-calculator", "tapeline-record-transformer"]),
    ];
    for (map, expected) in names {
        for status in [&answered, &shown["status"]] {
            let found: Vec<_> = status[map].as_object().unwrap().keys().collect();
            assert_eq!(found, expected, "{map}");
        }
    }
}
