//! The bytes between two batches.

use super::*;

/// Two trades with a gap between them, and a kline that waits for trade 1005.
fn lane() -> Lane {
    let sell =
        Trade { taker_side: Side::Sell, ..execution(1002, at("09:31:30"), decimal("11"), decimal("1")) };
    let frames =
        [trade(1000, "09:31:00", "10.5", "2"), Observation::Trade(sell), kline("1m 09:31", Some(1005))];
    Lane { partition: Some(0x0102_0304_0506_0708), ..Run::of(&spot("1m 5m"), &frames).lane }
}

/// Integers are LEB128, seven bits a byte; signed ones are doubled first. 09:30 of that day is 1,795,253,400 seconds.
#[rustfmt::skip]
const BYTES: &[u8] = &[
    1, // version
    0, // market: spot
    0, // source: single trades
    7, // has a watermark, a price, a partition key
    0xea, 0x07, // watermark: 1002
    0xea, 0x07, // last trade id: 1002
    0, 22, // last price: scale 0, 11
    8, 7, 6, 5, 4, 3, 2, 1, // hash of the partition key
    1, // one waiting kline
        0x90, 0xca, 0x85, 0xd8, 0x06, // end: 09:32
        0xed, 0x07, // last trade id: 1005
    2, // two intervals
    1, // 1m
    3, // has closed bars, has an open bar
        0xd4, 0xc9, 0x85, 0xd8, 0x06, // closed until 09:31
        7, // gap, partial, has a quote volume
        0xd4, 0xc9, 0x85, 0xd8, 0x06, // open time: 09:31
        1, 0xd2, 0x01, // open: scale 1, 105
        0, 22, // high: 11
        1, 0xd2, 0x01, // low: 10.5
        0, 22, // close: 11
        0, 6, // volume: 3
        0, 4, // bought by takers: 2
        1, 0x80, 0x05, // quote volume: scale 1, 320
        2, // trades
        1, // missing
    3, // 5m
    3,
        0x98, 0xc9, 0x85, 0xd8, 0x06, // closed until 09:30
        7,
        0x98, 0xc9, 0x85, 0xd8, 0x06, // open time: 09:30
        1, 0xd2, 0x01, 0, 22, 1, 0xd2, 0x01, 0, 22,
        0, 6, 0, 4, 1, 0x80, 0x05,
        2, 1,
];

#[test]
fn the_bytes_are_those_of_version_1() {
    assert_eq!(lane().save(&spot("1m 5m")).unwrap(), BYTES);
    assert_eq!(Lane::restore(BYTES, &spot("1m 5m")), Ok(lane()));
}

fn check_refused(state: &[u8], settings: &BarSettings, message: &str) {
    assert_eq!(Lane::restore(state, settings).unwrap_err().to_string(), message);
}

#[test]
fn a_state_of_something_else_is_refused() {
    let of = |market, source| settings(market, source, "1m 5m");
    check_refused(&[&[2], &BYTES[1..]].concat(), &spot("1m 5m"), "expected a state of version 1, was 2");
    let other = "expected a state of the same configuration";
    check_refused(BYTES, &of(Market::Usdm, Source::Trade), other);
    check_refused(BYTES, &of(Market::Spot, Source::AggTrade), other);
    let longer = [BYTES, &[0]].concat();
    let at_its_end = format!("expected a whole state, was damaged at byte {}", BYTES.len());
    check_refused(&longer, &spot("1m 5m"), &at_its_end);
    check_refused(&[], &spot("1m 5m"), "expected a whole state, was damaged at byte 0");
}

#[test]
fn more_than_the_bounds_is_refused() {
    let nine_klines = [&BYTES[..18], &[9]].concat();
    check_refused(&nine_klines, &spot("1m 5m"), "expected a whole state, was damaged at byte 19");
    let eleven_intervals = [&BYTES[..18], &[0, 11]].concat();
    check_refused(&eleven_intervals, &spot("1m 5m"), "expected a whole state, was damaged at byte 20");
    let weeks = [&BYTES[..18], &[0, 1, 14]].concat();
    check_refused(&weeks, &spot("1m 5m"), "expected a whole state, was damaged at byte 21");
}

#[test]
fn a_lane_that_saw_nothing_has_no_state() {
    assert_eq!(Run::of(&spot("1m"), &[clock("09:30")]).lane.save(&spot("1m")), None);
}

/// An interval that is new begins in the middle of its bar; one that is gone takes its open bar with it.
#[test]
fn other_intervals_begin_anew() {
    let settings = spot("1m 1h");
    let mut run = Run::of(&settings, &[]);
    run.lane = Lane::restore(BYTES, &settings).unwrap();
    run.go_on(&[trade(1003, "09:32:00", "12", "1")]);
    assert_eq!(run.closed(), ["1m 09:31 10.5 11 10.5 11 v3 n2 trade gap partial missing=1"]);
    assert_eq!(run.open(), ["1m 09:32 12 12 12 12 v1 n1", "1h 09:00 12 12 12 12 v1 n1 partial"]);
}

/// A coin of five digits and one of 1e-5 that trades by the billion, each with all klines waiting that may.
#[test]
fn a_hot_item_of_five_intervals_stays_within_a_kibibyte() {
    let settings = spot("1m 5m 15m 1h 1d");
    for (name, price, quantity) in
        [("dear", "123456.78000000", "98765.43210000"), ("cheap", "0.00001234", "98765432101.23456789")]
    {
        let ids = 9_876_543_210..9_876_544_210_u64;
        let trades =
            ids.map(|id| Observation::Trade(execution(id, at("09:31"), decimal(price), decimal(quantity))));
        let klines = (31..39).map(|minute| kline(&format!("1m 09:{minute}"), Some(9_999_999_999)));
        let run = Run::of(&settings, &trades.chain(klines).collect::<Vec<_>>());
        let state = Lane { partition: Some(1), ..run.lane }.save(&settings).unwrap();
        println!("{name}: {} bytes at five intervals, eight klines waiting", state.len());
        assert!(state.len() <= 1024, "{}", state.len());
    }
}
