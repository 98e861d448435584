//! Bars made of the exchange's own.

use super::*;

fn of_klines(intervals: &str) -> BarSettings {
    settings(Market::Spot, Source::Kline, intervals)
}

/// The bar as it stands with so many trades.
fn update(bar: &str, trade_count: u64, price: &str) -> Observation {
    Observation::Kline(ExchangeBar { is_closed: false, ..exchange_bar(bar, trade_count, price) })
}

fn closed(bar: &str, trade_count: u64, price: &str) -> Observation {
    Observation::Kline(exchange_bar(bar, trade_count, price))
}

fn tally(frames: &[Observation]) -> Tally {
    Run::of(&of_klines("1m"), frames).folded.tally
}

#[test]
fn the_closed_kline_is_the_bar() {
    let frames = [update("1m 09:30", 1, "10"), update("1m 09:30", 3, "11"), closed("1m 09:30", 4, "12")];
    check(&of_klines("1m"), &frames, &["1m 09:30 12 12 12 12 v4 n4 kline"]);
    assert_eq!(tally(&frames), Tally { folded: 3, ..Tally::default() });
    check_open(&of_klines("1m"), &frames[..2], &["1m 09:30 11 11 11 11 v3 n3"]);
}

#[test]
fn each_interval_has_klines_of_its_own() {
    let frames = [
        closed("1m 09:34", 4, "12"),
        closed("3m 09:33", 4, "12"),
        closed("5m 09:30", 9, "12"),
        trade(1, "09:34", "10", "1"),
    ];
    let bars = ["1m 09:34 12 12 12 12 v4 n4 kline", "5m 09:30 12 12 12 12 v9 n9 kline"];
    check(&of_klines("1m 5m"), &frames, &bars);
}

#[test]
fn a_kline_that_comes_again_or_out_of_date_changes_nothing() {
    let frames = [
        update("1m 09:30", 3, "11"),
        update("1m 09:30", 2, "10"),
        closed("1m 09:30", 4, "12"),
        closed("1m 09:30", 4, "12"),
        update("1m 09:30", 3, "11"),
        update("1m 09:31", 1, "13"),
        closed("1m 09:30", 4, "12"),
    ];
    let run = Run::of(&of_klines("1m"), &frames);
    assert_eq!(run.closed(), ["1m 09:30 12 12 12 12 v4 n4 kline"]);
    assert_eq!(run.open(), ["1m 09:31 13 13 13 13 v1 n1"]);
    assert_eq!(run.folded.tally, Tally { folded: 3, duplicates: 4, ..Tally::default() });
}

/// Nothing was closed before it, so only the open bar tells that it is old.
#[test]
fn an_older_kline_does_not_replace_the_open_one() {
    let frames = [update("1m 09:31", 1, "13"), closed("1m 09:30", 4, "12")];
    let run = Run::of(&of_klines("1m"), &frames);
    assert!(run.closed().is_empty());
    assert_eq!(run.open(), ["1m 09:31 13 13 13 13 v1 n1"]);
}

#[test]
fn missing_bars_are_a_gap_of_the_later() {
    let frames = [closed("1m 09:30", 4, "12"), update("1m 09:33", 1, "13"), closed("1m 09:33", 2, "13")];
    let bars = ["1m 09:30 12 12 12 12 v4 n4 kline", "1m 09:33 13 13 13 13 v2 n2 kline gap missing=2"];
    check(&of_klines("1m"), &frames, &bars);
    assert_eq!(tally(&frames), Tally { folded: 3, gaps: 1, missing: 2, ..Tally::default() });
}

#[test]
fn a_lost_closed_kline_leaves_the_bar_as_it_was_last_seen() {
    let as_seen = "1m 09:30 11 11 11 11 v3 n3 event_time gap";
    let last = update("1m 09:30", 3, "11");
    check(&of_klines("1m"), &[last, update("1m 09:31", 1, "13")], &[as_seen]);
    check(&of_klines("1m"), &[last, clock("09:31:01.999999")], &[]);
    let frames = [last, clock("09:31:02"), closed("1m 09:30", 4, "12"), closed("1m 09:31", 1, "13")];
    check(&of_klines("1m"), &frames, &[as_seen, "1m 09:31 13 13 13 13 v1 n1 kline"]);
}

#[test]
fn the_event_time_of_a_kline_moves_the_other_intervals() {
    let late = ExchangeBar { event_time: Some(at("09:35:02")), ..exchange_bar("1m 09:34", 4, "12") };
    let frames = [update("5m 09:30", 3, "11"), Observation::Kline(late)];
    let bars = ["1m 09:34 12 12 12 12 v4 n4 kline", "5m 09:30 11 11 11 11 v3 n3 event_time gap"];
    check(&of_klines("1m 5m"), &frames, &bars);
}

/// A quiet market has klines without trades: the exchange fills by itself, and we do not.
#[test]
fn klines_without_trades_are_bars() {
    let settings = BarSettings { fill: Fill::Flat, ..of_klines("1m") };
    let frames = [closed("1m 09:30", 4, "12"), closed("1m 09:31", 0, "12"), closed("1m 09:33", 1, "13")];
    let bars = [
        "1m 09:30 12 12 12 12 v4 n4 kline",
        "1m 09:31 12 12 12 12 v0 n0 kline",
        "1m 09:33 13 13 13 13 v1 n1 kline gap missing=1",
    ];
    check(&settings, &frames, &bars);
}

#[test]
fn a_lane_of_klines_begins_behind_bars_from_elsewhere() {
    let mut run = Run::of(&of_klines("1m"), &[]);
    run.lane.begin_at(&run.settings, |_| Some(at("09:31")));
    run.go_on(&[closed("1m 09:30", 4, "12"), closed("1m 09:31", 1, "13")]);
    assert_eq!(run.closed(), ["1m 09:31 13 13 13 13 v1 n1 kline"]);
}

/// A connection that asked for milliseconds says 09:30:59.999.
#[test]
fn the_close_time_is_the_last_microsecond() {
    let mut kline = exchange_bar("1m 09:30", 4, "12");
    kline.bar.close_time = at("09:30:59.999000");
    let run = Run::of(&of_klines("1m"), &[Observation::Kline(kline)]);
    assert_eq!(run.folded.closed[0].bar.close_time, at("09:30:59.999999"));
}

#[test]
fn klines_that_no_market_has_are_refused() {
    let refused = |wrong: fn(&mut Bar)| {
        let mut kline = exchange_bar("1m 09:30", 4, "12");
        wrong(&mut kline.bar);
        tally(&[Observation::Kline(kline)])
    };
    let expected = Tally { refused: 1, ..Tally::default() };
    assert_eq!(refused(|bar| bar.high = decimal("11")), expected);
    assert_eq!(refused(|bar| bar.low = Decimal::ZERO), expected);
    assert_eq!(refused(|bar| bar.volume = decimal("-1")), expected);
    assert_eq!(refused(|bar| bar.taker_buy_volume = decimal("0.0000000000000000001")), expected);
    assert_eq!(refused(|bar| bar.open_time = at("09:30:01")), expected);
}
