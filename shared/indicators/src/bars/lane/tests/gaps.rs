//! Ids that are missing.

use super::*;

/// Trades of two minutes with ids 5 and 9 around the change.
fn frames() -> [Observation; 4] {
    [
        trade(4, "09:30:05", "10", "1"),
        trade(5, "09:30:50", "11", "1"),
        trade(9, "09:31:10", "12", "1"),
        trade(10, "09:32:00", "13", "1"),
    ]
}

fn check_source(market: Market, source: Source, tally: Tally) {
    assert_eq!(Run::of(&settings(market, source, "1m 5m"), &frames()).folded.tally, tally);
}

#[test]
fn missing_ids_are_counted_where_ids_are_consecutive() {
    let gap = Tally { folded: 4, gaps: 1, missing: 3, ..Tally::default() };
    check_source(Market::Spot, Source::Trade, gap);
    check_source(Market::Spot, Source::AggTrade, gap);
    check_source(Market::Usdm, Source::AggTrade, gap);
    check_source(Market::Coinm, Source::AggTrade, gap);
}

/// Ids of single futures trades have holes of their own.
#[test]
fn holes_in_the_ids_of_single_futures_trades_are_no_gaps() {
    let whole = Tally { folded: 4, ..Tally::default() };
    check_source(Market::Usdm, Source::Trade, whole);
    check_source(Market::Coinm, Source::Trade, whole);
}

#[test]
fn both_bars_around_a_gap_are_marked_and_the_later_counts() {
    let closed =
        ["1m 09:30 10 11 10 11 v2 n2 trade gap partial", "1m 09:31 12 12 12 12 v1 n1 trade gap missing=3"];
    check(&spot("1m"), &frames(), &closed);
    check_open(
        &spot("1m 5m"),
        &frames(),
        &["1m 09:32 13 13 13 13 v1 n1", "5m 09:30 10 13 10 13 v4 n4 gap partial missing=3"],
    );
}

#[test]
fn a_gap_within_a_bar_marks_that_bar_alone() {
    let frames = [
        trade(1, "09:29:05", "10", "1"),
        trade(2, "09:30:05", "10", "1"),
        trade(4, "09:30:06", "11", "1"),
        trade(6, "09:30:07", "11", "1"),
        trade(7, "09:31:00", "12", "1"),
        trade(8, "09:32:00", "12", "1"),
    ];
    let closed = [
        "1m 09:29 10 10 10 10 v1 n1 trade partial",
        "1m 09:30 10 11 10 11 v3 n3 trade gap missing=2",
        "1m 09:31 12 12 12 12 v1 n1 trade",
    ];
    check(&spot("1m"), &frames, &closed);
}

#[test]
fn a_bar_that_was_closed_before_the_gap_was_seen_stays_unmarked() {
    let frames = [trade(1, "09:30:05", "10", "1"), clock("09:31:02"), trade(3, "09:31:05", "11", "1")];
    let run = Run::of(&spot("1m"), &frames);
    assert_eq!(run.closed(), ["1m 09:30 10 10 10 10 v1 n1 event_time partial"]);
    assert_eq!(run.open(), ["1m 09:31 11 11 11 11 v1 n1 gap missing=1"]);
}

/// The next id tells of ids 12 to 14, behind those of the aggregate.
#[test]
fn an_aggregate_reaches_to_its_last_id() {
    let aggregate = Trade {
        last_id: 11,
        last_trade_id: 11,
        count: 2,
        ..execution(10, at("09:30:05"), decimal("10"), decimal("1"))
    };
    let frames = [Observation::Trade(aggregate), trade(15, "09:30:06", "11", "1")];
    let settings = settings(Market::Spot, Source::AggTrade, "1m");
    check_open(&settings, &frames, &["1m 09:30 10 11 10 11 v2 n3 gap partial missing=3"]);
}

/// Futures aggregates have ids of their own, while klines count by trade ids.
#[test]
fn klines_wait_for_the_trade_ids_of_aggregates() {
    let aggregate = |id, last_trade_id, time: &str| {
        let trade = execution(id, at(time), decimal("10"), decimal("1"));
        Observation::Trade(Trade { last_trade_id, ..trade })
    };
    let frames = [aggregate(7, 1000, "09:30:05"), kline("1m 09:30", Some(1003))];
    let settings = settings(Market::Usdm, Source::AggTrade, "1m");
    check(&settings, &frames, &[]);
    let frames = [&frames[..], &[aggregate(8, 1003, "09:30:06")]].concat();
    check(&settings, &frames, &["1m 09:30 10 10 10 10 v2 n2 kline partial"]);
}

#[test]
fn a_refused_trade_is_missing() {
    let frames =
        [trade(1, "09:30:05", "10", "1"), trade(2, "09:30:06", "0", "1"), trade(3, "09:30:07", "10", "1")];
    check_open(&spot("1m"), &frames, &["1m 09:30 10 10 10 10 v2 n2 gap partial missing=1"]);
}
