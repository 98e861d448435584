//! What a run must do, one behaviour each.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::rows;
use crate::run::{Outcome, Workshop, gzip, recorded};

/// The trade of the exchange's documentation, with this id and this many seconds later.
fn trade(id: u64, seconds: u64) -> String {
    let time = 1_672_515_782_136 + seconds * 1000;
    format!(
        r#"{{"stream":"bnbbtc@trade","data":{{"e":"trade","E":{time},"s":"BNBBTC","t":{id},"p":"0.001","q":"100","T":{time},"m":true,"M":true}}}}"#
    )
}

pub(crate) fn trades(count: u64) -> String {
    (1..=count).map(|id| trade(id, id) + "\n").collect()
}

/// What the archive did.
fn archive(summary: &Value) -> &Value {
    &summary["delivery_streams"]["tapeline-archive"]
}

fn count(summary: &Value, outcome: &str) -> u64 {
    archive(summary)["records"][outcome].as_u64().unwrap()
}

/// Asserts that a summary accounts for so many frames and that the bucket agrees; hands back the rows by kind.
fn accounted(outcome: &Outcome, frames: u64) -> BTreeMap<String, u64> {
    let summary = outcome.summary();
    assert_eq!(summary["frames"], frames);
    let ends = ["ok", "dropped", "processing_failed", "invocation_failed"];
    assert_eq!(ends.iter().map(|end| count(&summary, end)).sum::<u64>(), frames, "{summary}");
    let kept = |what: &str| outcome.documents(what).len() as u64;
    assert_eq!(
        kept("processing-failed"),
        count(&summary, "processing_failed") + count(&summary, "invocation_failed")
    );
    assert_eq!(kept("partitioning-failed"), count(&summary, "partitioning_failed"));
    assert_eq!(kept("format-conversion-failed"), count(&summary, "conversion_failed"));
    let kinds = outcome.kinds();
    assert_eq!(archive(&summary)["rows"], json!(kinds));
    kinds
}

fn sums(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn every_frame_of_a_session_is_accounted_for() {
    let workshop = Workshop::new();
    let (_, frames) = workshop.sample("session.ndjson");
    let outcome = workshop.replay(&["session.ndjson"]);
    let summary = outcome.succeeded();
    accounted(&outcome, frames);
    assert_eq!(summary["finished"], true);
    assert_eq!((count(&summary, "partitioning_failed"), count(&summary, "conversion_failed")), (0, 0));
    assert_eq!(sums(&archive(&summary)["refusals"]), count(&summary, "processing_failed"));
    // In a session every record is one frame, so dropped frames are dropped records, but for those of !miniTicker@arr.
    assert_eq!(sums(&archive(&summary)["drops"]), count(&summary, "dropped"));
    assert!(count(&summary, "ok") > 1000 && count(&summary, "dropped") > 0, "{summary}");
    assert!(count(&summary, "processing_failed") > 0, "{summary}");
}

/// A summary without what is measured anew in every run.
pub(crate) fn without_measurements(mut summary: Value) -> Value {
    summary["elapsed_ms"] = json!(0);
    for delivery in summary["delivery_streams"].as_object_mut().unwrap().values_mut() {
        delivery["invocations"]["peak_memory_bytes"] = json!(0);
    }
    for mapping in summary["mappings"].as_object_mut().unwrap().values_mut() {
        mapping["peak_memory_bytes"] = json!(0);
    }
    summary
}

#[test]
fn two_runs_write_the_same_bytes() {
    let workshop = Workshop::new();
    workshop.sample("session.ndjson");
    let mut runs = (0..2).map(|_| {
        let outcome = workshop.replay(&["session.ndjson"]);
        (outcome.objects(), without_measurements(outcome.succeeded()))
    });
    let (first, second) = (runs.next().unwrap(), runs.next().unwrap());
    assert!(first.0.len() > 10);
    assert_eq!(first.1, second.1);
    assert!(first.0 == second.0, "the objects differ");
}

#[test]
fn the_summary_is_printed_as_a_table() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(3));
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.succeeded();
    let table = outcome.text();
    let line =
        |name: &str| table.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert!(line("frames in").contains(" 3 "), "{table}");
    assert!(line("rows").ends_with("trade 3") || line("rows").contains("trade 3 "), "{table}");
}

#[test]
fn recordings_are_replayed_one_after_another_and_may_be_compressed() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trade(1, 1));
    workshop.file("b.ndjson.gz", gzip(trade(2, 2).as_bytes()));
    let outcome = workshop.replay(&["a.ndjson", "b.ndjson.gz"]);
    outcome.succeeded();
    assert_eq!(accounted(&outcome, 2), BTreeMap::from([("trade".to_owned(), 2)]));
}

#[test]
fn an_empty_recording_gives_an_empty_bucket() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", "");
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.succeeded();
    assert_eq!(accounted(&outcome, 0), BTreeMap::new());
}

#[test]
fn a_knob_in_the_environment_overrides_the_template() {
    let closed = Workshop::new();
    closed.sample("session.ndjson");
    let closed = closed.replay(&["session.ndjson"]);
    let all = Workshop::new().variable("KLINES", "all");
    all.sample("session.ndjson");
    let all = all.replay(&["session.ndjson"]);
    let open = archive(&closed.succeeded())["drops"]["open_kline"].as_u64().unwrap();
    assert!(open > 0);
    assert_eq!(archive(&all.succeeded())["drops"]["open_kline"], Value::Null);
    assert_eq!(all.kinds()["kline"], closed.kinds()["kline"] + open);
}

#[test]
fn a_bad_knob_is_named() {
    let workshop = Workshop::new().variable("KLINES", "open");
    workshop.file("a.ndjson", trades(1));
    let outcome = workshop.replay(&["a.ndjson"]);
    assert_eq!(outcome.code(), 1);
    let error = outcome.error();
    assert!(error.starts_with("error: the function tapeline-record-transformer does not start: "), "{error}");
    assert!(error.contains("KLINES") && error.contains("expected `closed` or `all`"), "{error}");
}

#[test]
fn the_market_is_an_option() {
    let workshop = Workshop::new().option("--market").option("usdm");
    // "Individual Symbol Book Ticker Streams" of the futures' documentation.
    let frame = r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    workshop.file("a.ndjson", frame);
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.succeeded();
    let rows = outcome.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows::text(&rows[0].1, "market"), "usdm");
    assert!(rows::text(&rows[0].1, "id").starts_with("usdm|BNBUSDT|"), "{:?}", rows[0].1);
}

#[test]
fn a_parameter_reaches_the_function() {
    let workshop = Workshop::new().option("--parameter").option("Kinds=trade");
    let (_, frames) = workshop.sample("session.ndjson");
    let outcome = workshop.replay(&["session.ndjson"]);
    let summary = outcome.succeeded();
    let kinds = accounted(&outcome, frames);
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["trade"]);
    assert!(archive(&summary)["drops"]["filtered"].as_u64().unwrap() > 0);
}

#[test]
fn an_unknown_parameter_is_refused() {
    let workshop = Workshop::new().option("--parameter").option("Kind=trade");
    workshop.file("a.ndjson", trades(1));
    workshop.replay(&["a.ndjson"]).failed("parameter Kind must be ");
}

#[test]
fn a_part_of_the_template_can_be_run_alone() {
    let workshop = Workshop::new().option("--only").option("IndicatorCalculatorFrames");
    workshop.file("a.ndjson", trades(3));
    let summary = workshop.replay(&["a.ndjson"]).succeeded();
    assert_eq!(summary["delivery_streams"], json!({}));
    assert_eq!(summary["mappings"].as_object().unwrap().len(), 1);
    let workshop = Workshop::new().option("--only").option("Nothing");
    workshop.file("a.ndjson", "");
    workshop
        .replay(&["a.ndjson"])
        .failed("--only must name a delivery stream or a mapping of the template, was \"Nothing\"");
}

#[test]
fn a_recording_that_is_not_there_is_named() {
    let workshop = Workshop::new();
    workshop.replay(&["nowhere.ndjson"]).failed("cannot read nowhere.ndjson: ");
}

#[test]
fn frames_before_a_recording_that_is_not_there_are_accounted_for() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(3));
    let outcome = workshop.replay(&["a.ndjson", "nowhere.ndjson"]);
    outcome.failed("cannot read nowhere.ndjson: ");
    assert_eq!(outcome.summary()["finished"], false);
    assert_eq!(accounted(&outcome, 3), BTreeMap::from([("trade".to_owned(), 3)]));
}

#[test]
fn frames_before_a_line_that_no_record_holds_are_accounted_for() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", format!("{}{}\n{}", trades(3), "x".repeat(1024 * 1024 + 1), trade(4, 4)));
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.failed("line 4 of a.ndjson must have at most 1048576 bytes");
    assert_eq!(accounted(&outcome, 3), BTreeMap::from([("trade".to_owned(), 3)]));
}

#[test]
fn frames_before_the_end_of_a_truncated_recording_are_accounted_for() {
    let workshop = Workshop::new();
    let content = gzip(trades(5000).as_bytes());
    workshop.file("a.ndjson.gz", &content[..content.len() / 2]);
    let outcome = workshop.replay(&["a.ndjson.gz"]);
    outcome.failed("cannot read a.ndjson.gz behind line ");
    let frames = outcome.summary()["frames"].as_u64().unwrap();
    assert!(frames > 100 && frames < 5000, "{frames}");
    assert!(outcome.error().contains(&format!("behind line {frames}: ")), "{}", outcome.error());
    accounted(&outcome, frames);
}

#[test]
fn a_template_that_is_not_there_is_named() {
    let workshop = Workshop::new().option("--template").option("nowhere.yaml");
    workshop.file("a.ndjson", trades(1));
    workshop.replay(&["a.ndjson"]).failed("cannot read the template nowhere.yaml: ");
}

#[test]
fn a_template_that_is_no_yaml_is_refused_with_its_line() {
    let workshop = Workshop::new().option("--template").option("broken.yaml");
    workshop.file("a.ndjson", trades(1));
    workshop.file("broken.yaml", "Resources:\n  A: [1, 2\n  B: }\n");
    workshop.replay(&["a.ndjson"]).failed("broken.yaml:3: ");
}

#[test]
fn a_function_that_is_not_built_is_named() {
    let workshop = Workshop::new().option("--functions").option("functions");
    workshop.file("a.ndjson", trades(1));
    fs::create_dir(workshop.path("functions")).unwrap();
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.failed("functions must hold the binary indicator-calculator or indicator-calculator/bootstrap");
    assert!(outcome.error().contains("cargo build --release -p indicator-calculator"));
}

#[test]
fn a_folder_with_foreign_files_is_left_alone() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(1));
    let foreign = workshop.file("out/thesis.tex", "");
    workshop.replay(&["a.ndjson"]).failed("out must be empty, new, or of an earlier run");
    assert!(foreign.exists());
}

#[test]
fn a_folder_with_the_summary_of_something_else_is_left_alone() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(1));
    let summary = workshop.file("out/summary.json", r#"{"patients":12}"#);
    let study = workshop.file("out/study/data.csv", "1,2\n");
    workshop.replay(&["a.ndjson"]).failed("out must be empty, new, or of an earlier run");
    assert!(summary.exists() && study.exists());
}

#[test]
fn a_file_put_beside_an_earlier_run_is_left_alone() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(1));
    workshop.replay(&["a.ndjson"]).succeeded();
    let notes = workshop.file("out/notes.txt", "read me");
    workshop.replay(&["a.ndjson"]).failed("out must be empty, new, or of an earlier run");
    assert!(notes.exists());
}

#[test]
fn a_run_that_cannot_begin_leaves_the_earlier_one_alone() {
    let workshop = Workshop::new();
    workshop.file("a.ndjson", trades(1));
    let earlier = workshop.replay(&["a.ndjson"]);
    let summary = earlier.succeeded();
    workshop.replay(&["nowhere.ndjson"]).failed("cannot read nowhere.ndjson");
    // One of rows, one of bars.
    assert_eq!((earlier.summary(), earlier.objects().len()), (summary.clone(), 2));
    let workshop = workshop.option("--functions").option("nowhere");
    workshop.replay(&["a.ndjson"]).failed("nowhere must hold the binary");
    assert_eq!((earlier.summary(), earlier.objects().len()), (summary, 2));
}

#[test]
fn a_misspelt_partition_key_keeps_every_record_as_a_document() {
    let workshop = Workshop::new().template(&[("partitionKeyFromLambda:kind", "partitionKeyFromLambda:knd")]);
    workshop.file("a.ndjson", trades(3));
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.failed(
        "tapeline-archive: 3 records could not be delivered, see their partitioning-failed documents",
    );
    assert_eq!(accounted(&outcome, 3), BTreeMap::new());
    let documents = outcome.documents("partitioning-failed");
    assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.MissingPartitionKey");
    assert_eq!(documents[0]["errorMessage"], "the prefix names the key knd, the record has none");
    assert_eq!(documents[0]["rawData"], STANDARD.encode(trade(1, 1)));
}

#[test]
fn a_format_that_does_not_convert_keeps_every_record_as_a_document() {
    let workshop = Workshop::new().variable("FORMAT", "csv");
    workshop.file("a.ndjson", trades(2));
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.failed(
        "tapeline-archive: 2 records could not be delivered, see their format-conversion-failed documents",
    );
    assert_eq!(accounted(&outcome, 2), BTreeMap::new());
}

#[test]
fn standard_input_gives_what_the_file_gives() {
    let workshop = Workshop::new();
    // Without a time of its own the first record arrives when the recording begins.
    let text = format!("{}\n{}", r#"{"result":null,"id":1}"#, trades(20));
    workshop.file("a.ndjson", &text);
    let from_file = workshop.replay(&["a.ndjson"]);
    from_file.succeeded();
    let expected = from_file.objects();
    let from_input = workshop.replay_with(&["-"], text.as_bytes());
    from_input.succeeded();
    let found = from_input.objects();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected, "the objects differ");
}

#[test]
fn recorded_frames_are_accounted_for() {
    for (name, market, frames) in [
        ("binance-us-spot-frames.ndjson", "spot", 480),
        ("binance-usdm-frames.ndjson", "usdm", 1535),
        ("xrpeth-spot-aggtrades-2019-10-11.ndjson", "spot", 5929),
    ] {
        let Some(path) = recorded(name) else { continue };
        let workshop = Workshop::new().option("--market").option(market);
        let outcome = workshop.replay(&[path.to_str().unwrap()]);
        let summary = outcome.succeeded();
        let kinds = accounted(&outcome, frames);
        assert_eq!(
            (count(&summary, "invocation_failed"), count(&summary, "processing_failed")),
            (0, 0),
            "{name}"
        );
        rows::equal_the_documents(&outcome, &fs::read_to_string(&path).unwrap(), market);
        rows::have_the_digits(&outcome, &fs::read_to_string(&path).unwrap());
        if frames == 5929 {
            assert_eq!(kinds, BTreeMap::from([("agg_trade".to_owned(), 5929)]));
        }
    }
}

#[test]
fn the_rows_of_a_session_equal_the_documents_of_the_function() {
    let workshop = Workshop::new();
    let (text, _) = workshop.sample("session.ndjson");
    let outcome = workshop.replay(&["session.ndjson"]);
    outcome.succeeded();
    rows::equal_the_documents(&outcome, &text, "spot");
    rows::have_the_digits(&outcome, &text);
}

#[cfg(unix)]
mod misbehaviour {
    use super::*;
    use crate::stand_in::{Act, misbehaving};

    /// One invocation for two records of the recordings here.
    const SMALL_BATCHES: [(&str, &str); 1] =
        [("BufferIntervalInSeconds, ParameterValue: '60'", "BufferIntervalInSeconds, ParameterValue: '2'")];

    /// The answer that drops every record of an event.
    fn drop_all(event: &[u8]) -> Act {
        let event: Value = serde_json::from_slice(event).unwrap();
        let records = event["records"].as_array().unwrap().iter();
        let answers =
            records.map(|record| json!({"recordId": record["recordId"], "result": "Dropped", "data": ""}));
        Act::Answer(json!({"records": answers.collect::<Vec<_>>()}).to_string())
    }

    #[test]
    fn a_crash_is_retried_on_a_fresh_process_and_reported() {
        let (workshop, _client) =
            misbehaving(
                &SMALL_BATCHES,
                |number, event| if number == 2 { Act::Crash } else { drop_all(event) },
            );
        workshop.file("a.ndjson", trades(6));
        let outcome = workshop.replay(&["a.ndjson"]);
        let error = outcome.error();
        assert_eq!(outcome.code(), 1, "{error}");
        assert!(
            error.starts_with(
                "error: tapeline-archive: 1 of 4 invocations failed, the last: Lambda.FunctionError: "
            ),
            "{error}"
        );
        assert!(
            error.contains("it ended with exit status: 7 instead") && error.contains("out of luck"),
            "{error}"
        );
        let summary = outcome.summary();
        accounted(&outcome, 6);
        assert_eq!(count(&summary, "dropped"), 6);
        let cold_starts = &archive(&summary)["invocations"]["cold_starts"];
        assert_eq!((cold_starts, &summary["finished"]), (&json!(2), &json!(true)));
    }

    #[test]
    fn a_function_that_crashes_on_every_event_keeps_every_record_as_a_document() {
        let (workshop, _client) = misbehaving(&[], |_, _| Act::Crash);
        workshop.file("a.ndjson", trades(3));
        let outcome = workshop.replay(&["a.ndjson"]);
        assert_eq!(outcome.code(), 1);
        assert!(
            outcome.error().starts_with("error: tapeline-archive: 4 of 4 invocations failed"),
            "{}",
            outcome.error()
        );
        all_failed(&outcome, "Lambda.FunctionError", 4);
    }

    #[test]
    fn a_function_that_hangs_keeps_every_record_as_a_document() {
        let hasty = [
            ("Timeout: 60", "Timeout: 1"),
            ("NumberOfRetries, ParameterValue: '3'", "NumberOfRetries, ParameterValue: '1'"),
        ];
        let (workshop, _client) = misbehaving(&hasty, |_, _| Act::Hang);
        workshop.file("a.ndjson", trades(3));
        let outcome = workshop.replay(&["a.ndjson"]);
        outcome.failed("tapeline-archive: 2 of 2 invocations failed, the last: Lambda.FunctionTimedOut: the function must answer within 1 s");
        all_failed(&outcome, "Lambda.FunctionTimedOut", 2);
    }

    #[test]
    fn a_function_that_answers_garbage_keeps_every_record_as_a_document() {
        let (workshop, _client) = misbehaving(&[], |_, _| Act::Answer("garbage".to_owned()));
        workshop.file("a.ndjson", trades(3));
        let outcome = workshop.replay(&["a.ndjson"]);
        outcome
            .failed("tapeline-archive: 1 of 1 invocation failed, the last: Lambda.JsonProcessingException: ");
        all_failed(&outcome, "Lambda.JsonProcessingException", 1);
    }

    #[test]
    fn a_lost_batch_does_not_stop_the_others() {
        let (workshop, _client) = misbehaving(&SMALL_BATCHES, |number, event| {
            if number == 1 { Act::Answer("{}".to_owned()) } else { drop_all(event) }
        });
        workshop.file("a.ndjson", trades(6));
        let outcome = workshop.replay(&["a.ndjson"]);
        outcome.failed("tapeline-archive: 1 of 3 invocations failed");
        accounted(&outcome, 6);
        let summary = outcome.summary();
        assert_eq!((count(&summary, "invocation_failed"), count(&summary, "dropped")), (2, 4));
    }

    /// All three trades are kept as documents under this code.
    fn all_failed(outcome: &Outcome, code: &str, attempts: u32) {
        assert_eq!(accounted(outcome, 3), BTreeMap::new());
        assert_eq!(count(&outcome.summary(), "invocation_failed"), 3);
        let documents = outcome.documents("processing-failed");
        for (id, document) in (1..).zip(&documents) {
            assert_eq!((&document["errorCode"], &document["attemptsMade"]), (&json!(code), &json!(attempts)));
            assert_eq!(document["rawData"], STANDARD.encode(trade(id, id)));
        }
    }
}
