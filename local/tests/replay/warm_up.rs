//! What `tapeline warm-up` leaves for a replay.

use std::collections::BTreeMap;
use std::fs;

use parquet::record::{Field, Row};
use serde_json::Value;

use crate::cases::trades;
use crate::rows;
use crate::run::{Outcome, Workshop, recorded};

/// The minute in which the trades of the exchange's documentation begin: 2022-12-31T19:43:00Z.
const MINUTE_MS: u64 = 1_672_515_780_000;

fn workshop() -> Workshop {
    Workshop::new().option("--state").option("state.db")
}

/// Klines of so many minutes up to the trades, all at one price.
fn klines(minutes: u64) -> String {
    let line =
        |open_ms: u64| format!("{open_ms},0.002,0.002,0.002,0.002,5,{},0.01,1,5,0.01,0\n", open_ms + 59_999);
    (1..=minutes).rev().map(|minute| line(MINUTE_MS - minute * 60_000)).collect()
}

/// What a command that ended well has printed.
fn printed(outcome: &Outcome) -> String {
    assert_eq!((outcome.code(), outcome.error().as_str()), (0, ""));
    outcome.text()
}

#[test]
fn the_first_bar_of_a_stream_has_its_indicators() {
    let workshop = workshop();
    workshop.file("BNBBTC-1m-2022-12-31.csv", klines(30));
    workshop.file("a.ndjson", trades(120));
    let table = printed(&workshop.warm_up(&["BNBBTC-1m-2022-12-31.csv"]));
    let of_a_minute = table.lines().find(|line| line.contains("| 1m ")).unwrap();
    for cell in ["| BNBBTC ", " 30 | ", "| 2022-12-31T19:42:00 |", "| written "] {
        assert!(of_a_minute.contains(cell), "{table}");
    }
    let outcome = workshop.replay(&["a.ndjson"]);
    outcome.succeeded();
    let bars = outcome.bars();
    let first = &bars[&format!("spot|BNBBTC|1m|{}", MINUTE_MS * 1000)];
    // Nineteen closes of 0.002 and one of 0.001.
    assert!((rows::number(first, "sma_20") - 0.001_95).abs() < 1e-15);
    let again = printed(&workshop.warm_up(&["BNBBTC-1m-2022-12-31.csv"]));
    assert!(again.contains("the stream is further"), "{again}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let workshop = workshop();
    workshop.file("BNBBTC-1m.csv", klines(2).replace("0.002,5,", "0.002,five,"));
    workshop.warm_up(&["BNBBTC-1m.csv"]).failed("BNBBTC-1m.csv, line 1: expected `volume` to be a decimal");
    workshop.warm_up(&["klines.csv"]).failed("klines.csv must be named as BTCUSDT-1m-2024-01.csv");
    workshop.warm_up(&["BNBBTC-1m-2022-12.zip"]).failed("BNBBTC-1m-2022-12.zip must be unpacked");
    workshop.warm_up(&["BNBBTC-1m-2022-12.csv"]).failed("cannot read BNBBTC-1m-2022-12.csv");
}

/// A row by its columns, but those that a start in the middle of the day changes: it is partial, behind a minute without a
/// trade nobody knows that nothing is missing, and the short layout does not tell sides and quote volumes.
fn comparable(row: &Row) -> BTreeMap<&str, &Field> {
    let changed = ["partial", "gap", "bars_since_gap", "cvd", "vwap"];
    let columns = row.get_column_iter().filter(|(name, _)| !changed.contains(&name.as_str()));
    columns.map(|(name, value)| (name.as_str(), value)).collect()
}

/// The exchange's own klines up to noon, its trades from there on, against its trades of the whole day.
#[test]
fn a_recorded_day_continues_behind_its_klines() {
    const NOON_MS: u64 = 1_570_752_000_000 + 12 * 3_600_000;
    let files = ["xrpeth-spot-1m-klines-2019-10-11.csv", "xrpeth-spot-aggtrades-2019-10-11.ndjson"];
    let [Some(klines), Some(trades)] = files.map(recorded) else { return };
    let workshop = workshop().variable("BAR_SOURCE", "agg_trade");
    let trade_ms = |line: &&str| serde_json::from_str::<Value>(line).unwrap()["data"]["T"].as_u64().unwrap();
    let open_ms = |line: &&str| line.split(',').next().unwrap().parse().unwrap_or(0);
    let (klines, trades) = (fs::read_to_string(klines).unwrap(), fs::read_to_string(trades).unwrap());
    let text = |lines: Vec<&str>| lines.join("\n");
    workshop.file("all.ndjson", &trades);
    workshop.file("late.ndjson", text(trades.lines().filter(|line| trade_ms(line) >= NOON_MS).collect()));
    workshop.file("XRPETH-1m.csv", text(klines.lines().filter(|line| open_ms(line) < NOON_MS).collect()));
    let _ = printed(&workshop.warm_up(&["XRPETH-1m.csv"]));
    let late = workshop.replay(&["late.ndjson"]);
    late.succeeded();
    let late = late.bars();
    fs::remove_file(workshop.path("state.db")).unwrap();
    let whole = workshop.replay(&["all.ndjson"]);
    whole.succeeded();
    let whole = whole.bars();
    assert!(late.len() > 600, "{}", late.len());
    for (id, row) in &late {
        assert_eq!(comparable(row), comparable(&whole[id]), "{id}");
    }
}
