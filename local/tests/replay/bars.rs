//! What comes out of the calculator of template.yaml: the bars of a session.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::rows;
use crate::run::{Outcome, Workshop};

/// Quantities of a session's trades by the id of their bar of one minute, each trade once. Written down by hand from what
/// a bar is: all trades of a symbol in a minute of their trade time.
fn quantities(session: &str) -> BTreeMap<String, f64> {
    let (mut quantities, mut seen) = (BTreeMap::<String, f64>::new(), BTreeSet::new());
    for frame in session.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let data = frame.get("data").unwrap_or(&frame);
        let quantity = data["q"].as_str().and_then(|text| text.parse::<f64>().ok());
        let price = data["p"].as_str().and_then(|text| text.parse::<f64>().ok());
        let (Some(quantity), Some(_), "trade") = (quantity, price, data["e"].as_str().unwrap_or_default())
        else {
            continue;
        };
        let (symbol, id) = (data["s"].as_str().unwrap(), data["t"].as_u64().unwrap());
        let minute_ms = data["T"].as_i64().unwrap() / 60_000 * 60_000;
        if seen.insert((symbol.to_owned(), id)) {
            *quantities.entry(format!("spot|{symbol}|1m|{minute_ms}")).or_default() += quantity;
        }
    }
    quantities
}

/// Ids and volumes of the bars of one minute, with the open time in milliseconds.
fn volumes(outcome: &Outcome) -> BTreeMap<String, f64> {
    let of_a_minute = outcome.bars().into_values().filter(|row| rows::text(row, "interval") == "1m");
    let named = of_a_minute.map(|row| {
        let open_ms = rows::time_ms(&row, "open_time");
        let id = format!("{}|{}|1m|{open_ms}", rows::text(&row, "market"), rows::text(&row, "symbol"));
        (id, rows::number(&row, "base_volume"))
    });
    named.collect()
}

#[test]
fn the_trades_of_every_symbol_and_minute_are_one_bar() {
    let workshop = Workshop::new();
    let (session, _) = workshop.sample("session.ndjson");
    let outcome = workshop.replay(&["session.ndjson"]);
    outcome.succeeded();
    let (expected, found) = (quantities(&session), volumes(&outcome));
    assert!(!expected.is_empty());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (id, volume) in &found {
        assert!(
            (volume - expected[id]).abs() < 1e-9 * expected[id],
            "{id}: {volume}, expected {}",
            expected[id]
        );
    }
}

#[test]
fn shards_change_no_bar() {
    let mut runs = ["1", "4"].map(|shards| {
        let workshop = Workshop::new().option("--shards").option(shards);
        workshop.sample("session.ndjson");
        let outcome = workshop.replay(&["session.ndjson"]);
        outcome.succeeded();
        outcome.bars()
    });
    let [one, four] = &mut runs;
    assert!(!one.is_empty());
    assert!(one == four, "{one:?}\n{four:?}");
}

#[test]
fn what_a_table_remembers_is_not_published_again() {
    let workshop = Workshop::new().option("--state").option("state.db");
    workshop.sample("session.ndjson");
    let first = workshop.replay(&["session.ndjson"]);
    first.succeeded();
    assert!(!first.bars().is_empty());
    let second = workshop.replay(&["session.ndjson"]);
    let summary = second.succeeded();
    assert_eq!(second.bars().len(), 0);
    assert_eq!(summary["mappings"]["IndicatorCalculatorFrames"]["metrics"]["TradesFolded"], 0);
}
