//! What is stored of a symbol, and what a batch makes of it.

use tapeline_lambda_wire::kinesis::Event;

use super::*;
use crate::batch::Batch;
use crate::config::Config;
use crate::testing::{self, event, record, trade};

/// A symbol's items, and the batches that work on them.
struct Bench {
    config: Config,
    items: Vec<Item>,
    report: Report,
}

impl Bench {
    fn new(items: Vec<Item>, variables: &[(&str, &str)]) -> Self {
        Self { config: testing::config(variables), items, report: Report::default() }
    }

    /// Loads what is stored and takes a batch of trades at these seconds under one partition key.
    fn advanced(&mut self, key: &str, trades: &[(u64, u64)]) -> Advanced {
        let keys = Keys::of(&self.config.plan);
        let rules = Rules::of(&self.config, &keys);
        let mut stored = Stored::from_items(rules, &self.items, &mut self.report);
        let records: Vec<_> =
            trades.iter().map(|(id, second)| record(key, trade("A", *id, *second))).collect();
        let event = event(&records);
        let (event, mut batch) = (Event::parse(&event).unwrap(), Batch::default());
        let lanes = batch.read(&event, rules.bars, &mut self.report);
        stored.advance(rules, &mut lanes[0], &mut self.report)
    }

    /// Stores what is to be written.
    fn save(&mut self, writes: &[Write]) {
        for write in writes {
            self.items.retain(|item| item.key != write.item.key);
            self.items.push(write.item.clone());
        }
    }
}

/// A trade in each of the minutes 0, 1 and 2: two bars of a minute are closed.
const THREE_MINUTES: [(u64, u64); 3] = [(1, 1), (2, 61), (3, 121)];

fn parts(writes: &[Write]) -> Vec<(&'static str, Condition)> {
    writes.iter().map(|write| (write.item.key.part.as_str(), write.condition)).collect()
}

fn opened(rows: &[Vec<u8>]) -> Vec<(String, u64)> {
    let row = |row: &Vec<u8>| {
        let row: serde_json::Value = serde_json::from_slice(row).unwrap();
        (row["open_time"].as_str().unwrap()[11..16].to_owned(), row["bars_seen"].as_u64().unwrap())
    };
    rows.iter().map(row).collect()
}

#[test]
fn series_are_written_before_the_watermark_moves() {
    let mut bench = Bench::new(Vec::new(), &[]);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    assert_eq!(parts(&advanced.writes), [("1m", Condition::NotBehind), ("hot", Condition::Absent)]);
    assert_eq!(opened(&advanced.rows), [("12:00".to_owned(), 1), ("12:01".to_owned(), 2)]);
    bench.save(&advanced.writes);
    let advanced = bench.advanced("k", &[(4, 301)]);
    let expected =
        [("1m", Condition::NotBehind), ("5m", Condition::NotBehind), ("hot", Condition::Unchanged(1))];
    assert_eq!(parts(&advanced.writes), expected);
    assert_eq!(advanced.writes[2].item.order, 2);
}

#[test]
fn what_changes_nothing_is_not_written() {
    let mut bench = Bench::new(Vec::new(), &[]);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    bench.save(&advanced.writes);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    assert_eq!((advanced.rows, parts(&advanced.writes)), (Vec::<Vec<u8>>::new(), vec![]));
    assert_eq!((advanced.tally.folded, advanced.tally.duplicates), (0, 3));
}

#[test]
fn a_series_ahead_of_its_watermark_gives_no_second_row() {
    let mut undisturbed = Bench::new(Vec::new(), &[]);
    let advanced = undisturbed.advanced("k", &THREE_MINUTES);
    undisturbed.save(&advanced.writes);
    // The same batch again after a crash between the two writes.
    let mut crashed = Bench::new(Vec::new(), &[]);
    crashed.save(&advanced.writes[..1]);
    let again = crashed.advanced("k", &THREE_MINUTES);
    assert_eq!(again.rows, Vec::<Vec<u8>>::new());
    assert_eq!(again.writes, advanced.writes[1..]);
    crashed.save(&again.writes);
    let next = |bench: &mut Bench| bench.advanced("k", &[(4, 181)]).rows;
    assert_eq!(next(&mut crashed), next(&mut undisturbed));
}

#[test]
fn another_configuration_begins_anew_behind_what_was_published() {
    let mut bench = Bench::new(Vec::new(), &[]);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    bench.save(&advanced.writes[..1]);
    let mut other = Bench::new(bench.items, &[("INDICATORS", "ema(2)")]);
    let advanced = other.advanced("k", &[(1, 1), (2, 61), (3, 121), (4, 181)]);
    assert_eq!(opened(&advanced.rows), [("12:02".to_owned(), 1)]);
    assert_eq!(other.report.states_reset, 1);
    let failure = other.report.last_failure.unwrap();
    assert!(failure.starts_with("spot|A 1m: "), "{failure}");
}

#[test]
fn a_watermark_that_cannot_be_read_begins_anew_under_its_version() {
    let mut bench = Bench::new(Vec::new(), &[]);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    bench.save(&advanced.writes);
    bench.items[1].state = vec![255];
    let advanced = bench.advanced("k", &[(4, 181)]);
    assert_eq!(bench.report.states_reset, 1);
    assert_eq!(parts(&advanced.writes), [("hot", Condition::Unchanged(1))]);
}

#[test]
fn an_interval_that_was_added_begins_anew_beside_the_others() {
    let mut bench = Bench::new(Vec::new(), &[("INTERVALS", "1m")]);
    let advanced = bench.advanced("k", &THREE_MINUTES);
    bench.save(&advanced.writes);
    let mut more = Bench::new(bench.items, &[("INTERVALS", "1m,3m")]);
    let advanced = more.advanced("k", &[(4, 181)]);
    assert_eq!(opened(&advanced.rows), [("12:02".to_owned(), 3)]);
    assert_eq!(more.report.states_reset, 0);
}

#[test]
fn a_symbol_under_another_key_than_before_is_counted() {
    let mut bench = Bench::new(Vec::new(), &[]);
    for (key, id, split_symbols) in [("a", 1, 0), ("a", 2, 0), ("b", 3, 1), ("b", 4, 1)] {
        let advanced = bench.advanced(key, &[(id, id)]);
        bench.save(&advanced.writes);
        assert_eq!(bench.report.split_symbols, split_symbols, "{id}");
    }
    assert_eq!(bench.report.split_symbol.as_deref(), Some("A"));
}
