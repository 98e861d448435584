//! What goes into a bar: sums, repetitions, order of times, and where a lane begins.

use super::*;

fn refused(wrong: impl FnOnce(&mut Trade)) -> Tally {
    let mut trade = execution(2, at("09:30:10"), decimal("10"), decimal("1"));
    wrong(&mut trade);
    Run::of(&spot("1m"), &[super::trade(1, "09:30:05", "10", "1"), Observation::Trade(trade)]).folded.tally
}

#[test]
fn a_bar_adds_up_its_trades() {
    let buy = execution(1, at("09:30:05"), decimal("10.50"), decimal("2"));
    let sell =
        Trade { taker_side: Side::Sell, ..execution(2, at("09:30:06"), decimal("9.5"), decimal("0.125")) };
    let last = execution(3, at("09:30:07"), decimal("10"), decimal("1"));
    let end = trade(4, "09:31", "10", "1");
    let run = Run::of(&spot("1m"), &[buy, sell, last].map(Observation::Trade));
    assert_eq!(run.open(), ["1m 09:30 10.50 10.50 9.5 10 v3.125 n3 partial"]);
    let mut run = run;
    run.go_on(&[end]);
    let bar = run.folded.closed[0].bar;
    assert_eq!(bar.taker_buy_volume, decimal("3"));
    // 10.50 * 2 + 9.5 * 0.125 + 10 * 1.
    assert_eq!(bar.quote_volume, Some(decimal("32.1875")));
    assert_eq!(run.folded.tally, Tally { folded: 4, ..Tally::default() });
}

#[test]
fn contracts_have_no_quote_volume() {
    let settings = settings(Market::Coinm, Source::Trade, "1m");
    let contract =
        Trade { quote_quantity: None, ..execution(1, at("09:30:05"), decimal("65000"), decimal("3")) };
    let run = Run::of(&settings, &[Observation::Trade(contract), clock("09:31:02")]);
    assert_eq!(run.folded.closed[0].bar.quote_volume, None);
    assert_eq!(run.folded.closed[0].bar.volume, decimal("3"));
}

#[test]
fn an_aggregate_trade_counts_its_executions() {
    let aggregate = Trade {
        last_id: 12,
        last_trade_id: 12,
        count: 3,
        ..execution(10, at("09:30:05"), decimal("10"), decimal("1"))
    };
    let frames = [Observation::Trade(aggregate), trade(13, "09:30:06", "11", "1")];
    let settings = settings(Market::Spot, Source::AggTrade, "1m");
    check_open(&settings, &frames, &["1m 09:30 10 11 10 11 v2 n4 partial"]);
}

#[test]
fn a_trade_counts_once_by_its_id() {
    let frames = [
        trade(1, "09:30:05", "10", "1"),
        trade(2, "09:30:06", "11", "1"),
        trade(2, "09:30:06", "11", "1"),
        trade(1, "09:30:05", "10", "1"),
    ];
    let run = Run::of(&spot("1m"), &frames);
    assert_eq!(run.open(), ["1m 09:30 10 11 10 11 v2 n2 partial"]);
    assert_eq!(run.folded.tally, Tally { folded: 2, duplicates: 2, ..Tally::default() });
}

#[test]
fn equal_prices_and_quantities_in_a_row_are_two_trades() {
    let frames = [trade(1, "09:30:05", "10", "1"), trade(2, "09:30:05", "10", "1")];
    check_open(&spot("1m"), &frames, &["1m 09:30 10 10 10 10 v2 n2 partial"]);
}

#[test]
fn a_newer_id_with_an_older_time_goes_into_the_open_bar() {
    let frames = [
        trade(1, "09:29:50", "10", "1"),
        trade(2, "09:30:05", "11", "1"),
        trade(3, "09:29:59.999999", "12", "1"),
    ];
    let run = Run::of(&spot("1m 5m"), &frames);
    assert_eq!(run.open(), ["1m 09:30 11 12 11 12 v2 n2", "5m 09:30 11 12 11 12 v2 n2"]);
    assert_eq!(run.folded.tally, Tally { folded: 3, time_regress: 1, ..Tally::default() });
}

#[test]
fn an_older_time_within_the_open_bar_is_nothing_special() {
    let frames = [trade(1, "09:30:05", "10", "1"), trade(2, "09:30:00", "11", "1")];
    let run = Run::of(&spot("1m"), &frames);
    assert_eq!(run.open(), ["1m 09:30 10 11 10 11 v2 n2 partial"]);
    assert_eq!(run.folded.tally, Tally { folded: 2, ..Tally::default() });
}

#[test]
fn a_late_trade_goes_into_the_next_bar() {
    let frames = [
        trade(1, "09:29:50", "10", "1"),
        clock("09:30:02"),
        trade(2, "09:29:59", "12", "1"),
        trade(3, "09:30:05", "11", "1"),
    ];
    let run = Run::of(&spot("1m 1h"), &frames);
    assert_eq!(run.closed(), ["1m 09:29 10 10 10 10 v1 n1 event_time partial"]);
    assert_eq!(run.open(), ["1m 09:30 12 12 11 11 v2 n2", "1h 09:00 10 12 10 11 v3 n3 partial"]);
    assert_eq!(run.folded.tally, Tally { folded: 3, late: 1, ..Tally::default() });
}

/// The bar of five minutes is closed, that of three is open: each trade goes into one of both all the same.
#[test]
fn a_trade_is_late_when_the_bar_of_any_interval_is_closed() {
    let frames = [trade(1, "09:34:00", "10", "1"), clock("09:35:02"), trade(2, "09:34:59", "12", "1")];
    let run = Run::of(&spot("3m 5m"), &frames);
    assert_eq!(run.closed(), ["5m 09:30 10 10 10 10 v1 n1 event_time partial"]);
    assert_eq!(run.open(), ["3m 09:33 10 12 10 12 v2 n2 partial", "5m 09:35 12 12 12 12 v1 n1"]);
    assert_eq!(run.folded.tally, Tally { folded: 2, late: 1, ..Tally::default() });
}

#[test]
fn numbers_that_no_market_has_are_refused() {
    let expected = Tally { folded: 1, refused: 1, ..Tally::default() };
    assert_eq!(refused(|trade| trade.price = Decimal::ZERO), expected);
    assert_eq!(refused(|trade| trade.price = decimal("-1")), expected);
    assert_eq!(refused(|trade| trade.price = decimal("1000000000000000000")), expected);
    assert_eq!(refused(|trade| trade.price = decimal("0.0000000000000000001")), expected);
    assert_eq!(refused(|trade| trade.quantity = decimal("-1")), expected);
    assert_eq!(refused(|trade| trade.quantity = decimal("0.0000000000000000001")), expected);
    assert_eq!(refused(|trade| trade.last_id = 1), expected);
    let sound = |trade: &mut Trade| {
        trade.price = decimal("0.000000000000000001");
        trade.quantity = Decimal::ZERO;
    };
    assert_eq!(refused(sound), Tally { folded: 2, ..Tally::default() });
}

#[test]
fn a_sum_past_what_decimals_hold_stays_what_it_was() {
    let most = decimal("99999999999999999999999999999999999999");
    let frames =
        [trade(1, "09:30:05", "1", "99999999999999999999999999999999999999"), trade(2, "09:30:05", "1", "1")];
    let run = Run::of(&spot("1m"), &frames);
    assert_eq!(run.lane.slots[0].open.unwrap().bar.volume, most);
}

#[test]
fn only_the_first_bar_of_each_interval_is_partial() {
    let frames =
        [trade(1, "09:34:05", "10", "1"), trade(2, "09:35:00", "11", "1"), trade(3, "09:36:00", "12", "1")];
    let closed = [
        "1m 09:34 10 10 10 10 v1 n1 trade partial",
        "5m 09:30 10 10 10 10 v1 n1 trade partial",
        "1m 09:35 11 11 11 11 v1 n1 trade",
    ];
    check(&spot("1m 5m"), &frames, &closed);
}

/// Bars from elsewhere end at 09:32.
fn begun(frames: &[Observation]) -> Run {
    let mut run = Run::of(&spot("1m 5m"), &[]);
    run.lane.begin_at(&run.settings, |_| Some(at("09:32")));
    run.go_on(frames);
    run
}

#[test]
fn a_lane_begins_behind_bars_from_elsewhere() {
    let run = begun(&[
        trade(1, "09:31:59.999999", "10", "1"),
        trade(2, "09:32:00", "11", "1"),
        trade(3, "09:33:00", "12", "1"),
    ]);
    assert_eq!(run.closed(), ["1m 09:32 11 11 11 11 v1 n1 trade partial"]);
    assert_eq!(run.open(), ["1m 09:33 12 12 12 12 v1 n1", "5m 09:30 11 12 11 12 v2 n2 partial"]);
    assert_eq!(run.folded.tally, Tally { folded: 2, duplicates: 1, ..Tally::default() });
}

/// Nobody knows what was traded in the minutes between.
#[test]
fn a_lane_that_begins_apart_from_bars_from_elsewhere_has_a_gap() {
    let run = begun(&[trade(1, "09:34:10", "11", "1")]);
    assert_eq!(run.open(), ["1m 09:34 11 11 11 11 v1 n1 gap partial", "5m 09:30 11 11 11 11 v1 n1 partial"]);
}

#[test]
fn bars_from_elsewhere_end_for_each_interval_where_they_do() {
    let mut run = Run::of(&spot("1m 5m 15m"), &[]);
    let end = |interval| match interval {
        Interval::Minute1 => Some(at("09:32")),
        Interval::Minute5 => Some(at("09:25")),
        _ => None,
    };
    run.lane.begin_at(&run.settings, end);
    run.go_on(&[trade(1, "09:31:59", "10", "1"), trade(2, "09:32:00", "11", "1")]);
    let open = ["1m 09:32 11 11 11 11 v1 n1 partial", "5m 09:30 11 11 11 11 v1 n1 gap partial"];
    assert_eq!(run.open()[..2], open);
    assert_eq!(run.open()[2], "15m 09:30 11 11 11 11 v1 n1 partial");
}

#[test]
fn a_lane_tells_where_its_closed_bars_end() {
    let run = begun(&[trade(1, "09:33:00", "11", "1")]);
    let until = |interval| run.lane.closed_until(&run.settings, interval);
    assert_eq!(until(Interval::Minute1), Some(at("09:33")));
    assert_eq!(until(Interval::Minute5), Some(at("09:30")));
    assert_eq!(until(Interval::Hour1), Some(at("09:33")));
    assert_eq!(Lane::new(&run.settings).closed_until(&run.settings, Interval::Minute1), None);
}

/// Event times before the first trade close nothing that it could be late for.
#[test]
fn a_lane_that_begins_behind_others_loses_no_trade_to_a_clock() {
    let run = begun(&[clock("09:40"), trade(1, "09:32:00", "11", "1")]);
    assert_eq!(run.open(), ["1m 09:32 11 11 11 11 v1 n1 partial", "5m 09:30 11 11 11 11 v1 n1 partial"]);
    assert_eq!(run.folded.tally, Tally { folded: 1, ..Tally::default() });
}

#[test]
fn a_lane_that_has_begun_does_not_begin_again() {
    let mut run = begun(&[trade(1, "09:32:00", "11", "1")]);
    let before = run.lane.clone();
    run.lane.begin_at(&run.settings, |_| Some(at("09:50")));
    assert_eq!(run.lane, before);
}
