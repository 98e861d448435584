//! What closes a bar, and what does not.

use super::*;

/// Two trades of 09:30; the first bar after a start is partial.
fn half_past() -> [Observation; 2] {
    [trade(1, "09:30:05", "10", "1"), trade(2, "09:30:50", "11", "2")]
}

const HALF_PAST: &str = "1m 09:30 10 11 10 11 v3 n2";

/// What the trades of 09:30 and more frames close.
fn check_behind(more: &[Observation], closed: &[&str]) {
    check(&spot("1m"), &[&half_past()[..], more].concat(), closed);
}

#[test]
fn a_bar_holds_what_was_traded_from_its_first_microsecond_to_its_last() {
    let trades = [
        trade(1, "09:30", "10", "1"),
        trade(2, "09:30:59.999999", "11", "1"),
        trade(3, "09:31:00.000000", "12", "1"),
    ];
    check(&spot("1m"), &trades, &["1m 09:30 10 11 10 11 v2 n2 trade partial"]);
    let folded = Run::of(&spot("1m"), &trades).folded;
    assert_eq!(folded.closed[0].bar.close_time, at("09:30:59.999999"));
}

#[test]
fn a_trade_of_a_later_bucket_closes_the_bar() {
    check_behind(&[trade(3, "09:30:59", "9", "1")], &[]);
    check_behind(&[trade(3, "09:31:00", "9", "1")], &[&format!("{HALF_PAST} trade partial")]);
    check_behind(&[trade(3, "17:00:00", "9", "1")], &[&format!("{HALF_PAST} trade partial")]);
}

#[test]
fn a_kline_closes_the_bar_whose_last_trade_was_seen() {
    check_behind(&[kline("1m 09:30", Some(2))], &[&format!("{HALF_PAST} kline partial")]);
}

#[test]
fn a_kline_waits_for_its_last_trade() {
    check_behind(&[kline("1m 09:30", Some(3))], &[]);
    check_behind(
        &[kline("1m 09:30", Some(3)), trade(3, "09:30:59", "12", "1")],
        &["1m 09:30 10 12 10 12 v4 n3 kline partial"],
    );
}

#[test]
fn a_kline_without_a_trade_closes_the_bars_before_it() {
    check_behind(&[kline("1m 09:31", None)], &[&format!("{HALF_PAST} kline partial")]);
}

#[test]
fn a_kline_without_a_trade_waits_for_those_before_it() {
    let klines = [kline("1m 09:30", Some(3)), kline("1m 09:31", None)];
    check_behind(&klines, &[]);
    let last = trade(3, "09:30:59", "12", "1");
    check_behind(&[&klines[..], &[last]].concat(), &["1m 09:30 10 12 10 12 v4 n3 kline partial"]);
}

#[test]
fn an_open_kline_closes_nothing() {
    let open = ExchangeBar { is_closed: false, last_trade_id: Some(2), ..exchange_bar("1m 09:30", 2, "1") };
    check_behind(&[Observation::Kline(open)], &[]);
}

#[test]
fn a_kline_of_another_interval_closes_the_bars_that_end_with_it() {
    let trades = [trade(1, "09:34:05", "10", "1")];
    let five_minutes = [&trades[..], &[kline("5m 09:30", Some(1))]].concat();
    let closed = ["1m 09:34 10 10 10 10 v1 n1 kline partial", "5m 09:30 10 10 10 10 v1 n1 kline partial"];
    check(&spot("1m 5m 1h"), &five_minutes, &closed);
    let one_minute = [&trades[..], &[kline("1m 09:34", Some(1))]].concat();
    check(&spot("1m 5m 1h"), &one_minute, &closed);
}

/// Weeks begin on Mondays, and a bucket of the exchange begins where ours do.
#[test]
fn klines_that_are_no_buckets_of_a_day_close_nothing() {
    check_behind(&[kline("1w 00:00", Some(2))], &[]);
    check_behind(&[kline("1m 09:30:30", Some(2))], &[]);
}

#[test]
fn klines_before_the_first_trade_close_nothing() {
    let frames = [&[kline("1m 09:30", Some(1))], &half_past()[..]].concat();
    check(&spot("1m"), &frames, &[]);
}

/// Eight may wait; a later one closes what the given-up one would have closed.
#[test]
fn of_too_many_waiting_klines_the_earliest_is_given_up() {
    let minutes = 30_u64..39;
    let mut frames = half_past().to_vec();
    frames.extend(minutes.map(|minute| kline(&format!("1m 09:{minute}"), Some(minute - 27))));
    // Again: it is given up again.
    frames.push(kline("1m 09:30", Some(3)));
    frames.push(trade(3, "09:30:59", "12", "1"));
    check(&spot("1m"), &frames, &[]);
    frames.push(trade(4, "09:31:10", "13", "1"));
    check(
        &spot("1m"),
        &frames,
        &["1m 09:30 10 12 10 12 v4 n3 trade partial", "1m 09:31 13 13 13 13 v1 n1 kline"],
    );
}

/// The default grace is two seconds.
#[test]
fn an_event_time_closes_a_grace_after_the_end() {
    check_behind(&[clock("09:31:01.999999")], &[]);
    check_behind(&[clock("09:31:02")], &[&format!("{HALF_PAST} event_time partial")]);
    let open = ExchangeBar {
        is_closed: false,
        event_time: Some(at("09:31:02")),
        ..exchange_bar("1m 09:31", 1, "1")
    };
    check_behind(&[Observation::Kline(open)], &[&format!("{HALF_PAST} event_time partial")]);
}

#[test]
fn the_grace_is_as_long_as_set() {
    let settings = BarSettings { grace_us: 0, ..spot("1m") };
    let frames = |time| [&half_past()[..], &[clock(time)]].concat();
    check(&settings, &frames("09:30:59.999999"), &[]);
    check(&settings, &frames("09:31"), &[&format!("{HALF_PAST} event_time partial")]);
}

/// Trades come in the order of their ids, so a trade's time says how far the trades are, and no grace is needed; when the
/// exchange sent it says less, and so a trade does not bring it.
#[test]
fn a_trade_closes_by_its_own_time_alone() {
    check_behind(&[trade(3, "09:31", "9", "1")], &[&format!("{HALF_PAST} trade partial")]);
    check_behind(&[trade(3, "09:30:59.999999", "9", "1")], &[]);
}

#[test]
fn a_bar_is_closed_once() {
    let frames = [
        clock("09:31:02"),
        kline("1m 09:30", Some(2)),
        clock("09:31:10"),
        trade(3, "09:31:20", "9", "1"),
        clock("09:31:30"),
    ];
    check_behind(&frames, &[&format!("{HALF_PAST} event_time partial")]);
}

#[test]
fn an_event_time_within_a_grace_of_the_epoch_closes_nothing() {
    let frames = [trade(1, "09:30:05", "10", "1"), Observation::Clock(Timestamp::from_micros(1).unwrap())];
    check(&spot("1m"), &frames, &[]);
}

#[test]
fn bars_closed_at_once_come_shortest_first() {
    let frames = [trade(1, "09:58:05", "10", "1"), trade(2, "10:01:00", "11", "1")];
    let closed = [
        "1m 09:58 10 10 10 10 v1 n1 trade partial",
        "5m 09:55 10 10 10 10 v1 n1 trade partial",
        "1h 09:00 10 10 10 10 v1 n1 trade partial",
    ];
    check(&spot("1h 5m 1m"), &frames, &closed);
}

#[test]
fn three_and_five_minutes_close_each_at_its_own_end() {
    let minutes = 29..=36;
    let frames: Vec<_> =
        minutes.zip(1..).map(|(minute, id)| trade(id, &format!("09:{minute}"), "10", "1")).collect();
    let closed = [
        "3m 09:27 10 10 10 10 v1 n1 trade partial",
        "5m 09:25 10 10 10 10 v1 n1 trade partial",
        "3m 09:30 10 10 10 10 v3 n3 trade",
        "5m 09:30 10 10 10 10 v5 n5 trade",
        "3m 09:33 10 10 10 10 v3 n3 trade",
    ];
    check(&spot("3m 5m"), &frames, &closed);
}

#[test]
fn days_end_at_midnight_utc() {
    let frames =
        [trade(1, "00:00", "10", "1"), trade(2, "23:59:59.999999", "12", "1"), trade(3, "24:00", "11", "1")];
    check(&spot("1d"), &frames, &["1d 00:00 10 12 10 12 v2 n2 trade partial"]);
}

#[test]
fn seconds_end_with_the_second() {
    let frames = [trade(1, "09:30:05.999999", "10", "1"), trade(2, "09:30:06", "12", "1")];
    check(&spot("1s"), &frames, &["1s 09:30:05 10 10 10 10 v1 n1 trade partial"]);
}
