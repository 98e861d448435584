//! Buckets in which nothing was traded.

use super::*;

fn flat(intervals: &str) -> BarSettings {
    BarSettings { fill: Fill::Flat, ..spot(intervals) }
}

const FIRST: &str = "1m 09:30 10 11 10 11 v2 n2";

fn frames(last: &Observation) -> [Observation; 3] {
    [trade(1, "09:30:05", "10", "1"), trade(2, "09:30:50", "11", "1"), *last]
}

#[test]
fn without_fills_there_is_no_bar() {
    check(&spot("1m"), &frames(&trade(3, "09:33", "12", "1")), &[&format!("{FIRST} trade partial")]);
}

#[test]
fn a_fill_stands_at_the_previous_close() {
    let expected = |closed_by: &str| {
        [
            format!("{FIRST} {closed_by} partial"),
            format!("1m 09:31 11 11 11 11 v0 n0 {closed_by} filled"),
            format!("1m 09:32 11 11 11 11 v0 n0 {closed_by} filled"),
        ]
    };
    for (last, closed_by) in [
        (trade(3, "09:33", "12", "1"), "trade"),
        (clock("09:33:02"), "event_time"),
        (kline("1m 09:32", None), "kline"),
    ] {
        assert_eq!(Run::of(&flat("1m"), &frames(&last)).closed(), expected(closed_by));
    }
}

#[test]
fn each_interval_is_filled() {
    let closed = [
        "3m 09:33 10 10 10 10 v1 n1 trade partial",
        "3m 09:36 10 10 10 10 v0 n0 trade filled",
        "3m 09:39 10 10 10 10 v0 n0 trade filled",
        "5m 09:30 10 10 10 10 v1 n1 trade partial",
        "5m 09:35 10 10 10 10 v0 n0 trade filled",
    ];
    check(&flat("3m 5m"), &[trade(1, "09:34", "10", "1"), trade(2, "09:42", "12", "1")], &closed);
}

#[test]
fn a_fill_has_zeros_where_the_market_has_volumes() {
    let filled = |market| {
        let settings = BarSettings { fill: Fill::Flat, ..settings(market, Source::Trade, "1m") };
        let run = Run::of(&settings, &[trade(1, "09:30:05", "10.50", "1"), clock("09:32:02")]);
        run.folded.closed[1]
    };
    let fill = filled(Market::Spot);
    assert_eq!((fill.bar.open_time, fill.bar.close_time), (at("09:31"), at("09:31:59.999999")));
    assert_eq!((fill.bar.quote_volume, fill.bar.taker_buy_volume), (Some(Decimal::ZERO), Decimal::ZERO));
    assert_eq!((fill.gap, fill.missing, fill.partial, fill.filled), (false, 0, false, true));
    assert_eq!(filled(Market::Usdm).bar.quote_volume, Some(Decimal::ZERO));
    assert_eq!(filled(Market::Coinm).bar.quote_volume, None);
}

#[test]
fn nothing_is_filled_before_the_first_trade() {
    check(&flat("1m"), &[clock("09:30:00"), clock("09:40:00"), trade(1, "09:50:05", "10", "1")], &[]);
    let mut run = Run::of(&flat("1m"), &[]);
    run.lane.begin_at(&run.settings, |_| Some(at("09:32")));
    run.go_on(&[trade(1, "09:50:05", "10", "1")]);
    assert!(run.closed().is_empty());
}

/// 1440 empty bars of one minute are a day, one more is an outage: none is made.
#[test]
fn a_longer_silence_than_a_day_of_minutes_is_not_filled() {
    let bars = |minutes: i64| {
        let time = Timestamp::from_micros(DAY_US + minutes * 60 * SECOND_US).unwrap();
        let last = Observation::Trade(execution(2, time, decimal("12"), decimal("1")));
        Run::of(&flat("1m"), &[trade(1, "00:00", "10", "1"), last]).folded.closed.len()
    };
    assert_eq!(bars(1441), 1 + 1440);
    assert_eq!(bars(1442), 1);
    // A time that is wrong by thousands of years.
    assert_eq!(bars(3_000_000_000), 1);
}

#[test]
fn a_late_trade_goes_into_the_bar_behind_the_fills() {
    let frames = [trade(1, "09:30:05", "10", "1"), clock("09:32:02"), trade(2, "09:31:05", "12", "1")];
    let run = Run::of(&flat("1m"), &frames);
    assert_eq!(run.folded.tally, Tally { folded: 2, late: 1, ..Tally::default() });
    assert_eq!(run.open(), ["1m 09:32 12 12 12 12 v1 n1"]);
}
