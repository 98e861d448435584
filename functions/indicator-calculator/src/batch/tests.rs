//! What the records of a batch tell, by symbol.

use tapeline_codec::framing::kpl;
use tapeline_market::Interval;

use super::*;
use crate::testing::{self, NOON_MS, event, record, trade};

fn read(records: &[testing::Record<'_>], variables: &[(&str, &str)]) -> (Vec<LaneFrames>, Report) {
    let (payload, mut report) = (event(records), Report::default());
    let event = Event::parse(&payload).unwrap();
    let lanes = Batch::default().read(&event, &testing::config(variables).bars, &mut report).to_vec();
    (lanes, report)
}

fn millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap()).unwrap()
}

/// What the only symbol of the frames tells; nothing may be refused.
fn told(frame: &str, variables: &[(&str, &str)]) -> Vec<Observation> {
    let (mut lanes, report) = read(&[record("key", frame)], variables);
    assert_eq!(report.refusals, []);
    assert!(lanes.len() <= 1, "{lanes:?}");
    lanes.pop().map(|lane| lane.observations).unwrap_or_default()
}

fn check_clock(frame: &str, variables: &[(&str, &str)], event_ms: u64) {
    assert_eq!(told(frame, variables), [Observation::Clock(millis(event_ms))], "{frame}");
}

fn told_trade(frame: &str, variables: &[(&str, &str)]) -> Trade {
    match told(frame, variables)[..] {
        [Observation::Trade(trade)] => trade,
        ref other => panic!("expected a trade, was {other:?}"),
    }
}

// The documented example of the aggregate trade stream.
const AGG_TRADE: &str = r#"{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}"#;
// The documented example of the kline stream.
const KLINE: &str = r#"{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}"#;

#[test]
fn lanes_are_in_the_order_of_their_first_frames() {
    let two = format!("{}\n{}\n", trade("B", 1, 1), trade("B", 2, 2));
    let batch =
        [record("k", "{}"), record("b", two), record("a", trade("A", 1, 1)), record("b", trade("B", 3, 3))];
    let (lanes, report) = read(&batch, &[]);
    let found: Vec<_> =
        lanes.iter().map(|lane| (lane.symbol.as_str(), lane.first_record, lane.observations.len())).collect();
    assert_eq!(found, [("B", 1, 3), ("A", 2, 1)]);
    assert_eq!((report.records, report.frames, report.event_time_max), (4, 5, Some(millis(NOON_MS + 3000))));
}

#[test]
fn a_symbol_whose_trades_come_under_two_keys_is_split() {
    let keys = |records: &[testing::Record<'_>]| {
        let (lanes, _) = read(records, &[]);
        (lanes[0].partition_key.clone(), lanes[0].is_split)
    };
    let (first, second) = (record("a", trade("A", 1, 1)), record("b", trade("A", 2, 2)));
    assert_eq!(keys(&[first.clone(), first.clone()]), (Some("a".to_owned()), false));
    assert_eq!(keys(&[first, second]), (Some("b".to_owned()), true));
}

#[test]
fn frames_that_only_tell_the_time_may_come_under_any_key() {
    // As those of an array of all symbols do.
    let clock =
        trade("A", 1, 1).replace("\"trade\"", "\"aggTrade\"").replace("\"t\":", "\"f\":1,\"l\":1,\"a\":");
    let (lanes, _) = read(&[record("a", trade("A", 1, 1)), record("b", clock)], &[]);
    assert!(matches!(lanes[0].observations[..], [Observation::Trade(_), Observation::Clock(_)]));
    assert_eq!((lanes[0].partition_key.as_deref(), lanes[0].is_split), (Some("a"), false));
}

#[test]
fn the_key_of_an_aggregated_record_is_not_that_of_its_frames() {
    let frames = [trade("A", 2, 2), trade("B", 1, 3)];
    let aggregate = kpl::aggregate(&[("a", frames[0].as_bytes()), ("b", frames[1].as_bytes())]);
    let (lanes, _) = read(&[record("a", trade("A", 1, 1)), record("b", aggregate)], &[]);
    let keys: Vec<_> = lanes.iter().map(|lane| (lane.partition_key.as_deref(), lane.is_split)).collect();
    assert_eq!(keys, [(Some("a"), false), (None, false)]);
}

fn check_ahead(frame: &str, arrival_ms: Option<u64>, is_refused: bool) {
    let (lanes, report) = read(&[testing::Record { arrival_ms, ..record("a", frame) }], &[]);
    assert_eq!(lanes.is_empty(), is_refused, "{frame}");
    let reasons: Vec<_> = report.refusals.iter().map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, if is_refused { vec![Reason::BadTime] } else { vec![] }, "{frame}");
}

#[test]
fn a_frame_more_than_an_hour_ahead_of_its_arrival_is_refused() {
    let hour_ms = 3_600_000;
    let own = trade("A", 1, 0);
    check_ahead(&own, Some(NOON_MS - hour_ms), false);
    check_ahead(&own, Some(NOON_MS - hour_ms - 1), true);
    check_ahead(&own, None, false);
    // Either time counts.
    check_ahead(&own.replace("\"E\":17", "\"E\":20"), Some(NOON_MS), true);
    check_ahead(&own.replace("\"T\":17", "\"T\":20"), Some(NOON_MS), true);
    check_ahead(&KLINE.replace("\"t\":16", "\"t\":20").replace("\"T\":16", "\"T\":20"), Some(NOON_MS), true);
}

#[test]
fn frames_of_other_kinds_tell_the_time() {
    let day = r#"{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}"#;
    check_clock(day, &[], 1_672_515_782_136);
    check_clock(AGG_TRADE, &[], 1_672_515_782_136);
    check_clock(&trade("A", 1, 7), &[("BAR_SOURCE", "agg_trade")], NOON_MS + 7000);
    check_clock(&trade("A", 1, 7), &[("BAR_SOURCE", "kline")], NOON_MS + 7000);
    let heartbeat =
        r#"{"stream":"bnbbtc@heartbeat","data":{"e":"heartbeat","E":1672515782136,"s":"BNBBTC"}}"#;
    check_clock(heartbeat, &[], 1_672_515_782_136);
}

#[test]
fn klines_of_days_that_begin_at_another_hour_only_tell_the_time() {
    let combined = |stream: &str| format!(r#"{{"stream":"bnbbtc@{stream}","data":{KLINE}}}"#);
    check_clock(&combined("kline_1m@+08:00"), &[], 1_672_515_782_136);
    assert!(matches!(told(&combined("kline_1m"), &[])[..], [Observation::Kline(_)]));
}

#[test]
fn frames_without_a_time_tell_nothing() {
    let best = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    assert_eq!(told(best, &[]), []);
}

#[test]
fn a_trade_that_was_taken_back_only_tells_the_time() {
    let frame = AGG_TRADE.replace("\"0.001\"", "\"0\"").replace("\"100\"", "\"0\"");
    let frame = frame.replace("\"f\":100,\"l\":105", "\"f\":-1,\"l\":-1");
    let (lanes, report) = read(&[record("a", frame)], &[("BAR_SOURCE", "agg_trade")]);
    assert_eq!(lanes[0].observations, [Observation::Clock(millis(1_672_515_782_136))]);
    assert_eq!((report.drops, report.refusals), (vec![(DropReason::Invalidated, 1)], vec![]));
}

#[test]
fn control_messages_are_of_no_symbol() {
    let (lanes, report) = read(&[record("a", r#"{"result":null,"id":1}"#)], &[]);
    assert_eq!((lanes, report.drops), (vec![], vec![(DropReason::Control, 1)]));
}

#[test]
fn a_trade_is_read_with_its_side_and_its_product() {
    let expected = Trade {
        first_id: 7,
        last_id: 7,
        last_trade_id: 7,
        count: 1,
        price: "0.001".parse().unwrap(),
        quantity: "100".parse().unwrap(),
        quote_quantity: Some("0.100".parse().unwrap()),
        time: millis(NOON_MS + 7000),
        // The buyer was the maker.
        taker_side: tapeline_market::Side::Sell,
    };
    assert_eq!(told_trade(&trade("A", 7, 7), &[]), expected);
}

fn check_agg_ids(market: &str, expected: [u64; 4]) {
    let trade = told_trade(AGG_TRADE, &[("MARKET", market), ("BAR_SOURCE", "agg_trade")]);
    assert_eq!([trade.first_id, trade.last_id, trade.last_trade_id, trade.count], expected, "{market}");
}

#[test]
fn aggregates_are_told_apart_by_the_ids_without_holes() {
    check_agg_ids("spot", [100, 105, 105, 6]);
    check_agg_ids("usdm", [12345, 12345, 105, 6]);
    check_agg_ids("coinm", [12345, 12345, 105, 6]);
}

#[test]
fn an_aggregate_whose_ids_are_in_no_order_is_refused() {
    let frame = AGG_TRADE.replace("\"f\":100", "\"f\":106");
    let (lanes, report) = read(&[record("a", frame)], &[("BAR_SOURCE", "agg_trade")]);
    assert_eq!((lanes, report.refusals[0].reason), (vec![], Reason::BadNumber));
}

#[test]
fn a_kline_ends_with_the_last_microsecond_of_its_bar() {
    for (open, close) in [("1672515780000", "1672515839999"), ("1672515780000000", "1672515839999999")] {
        let frame = KLINE.replace("1672515780000", open).replace("1672515839999", close);
        let observations = told(&frame, &[]);
        let [Observation::Kline(kline)] = observations[..] else { panic!("{observations:?}") };
        assert_eq!(kline.bar.interval, Interval::Minute1);
        assert_eq!(kline.bar.open_time.micros(), 1_672_515_780_000_000);
        assert_eq!(kline.bar.close_time.micros(), 1_672_515_839_999_999);
        assert_eq!((kline.is_closed, kline.last_trade_id, kline.bar.trade_count), (false, Some(200), 100));
    }
}

#[test]
fn klines_of_coin_margined_futures_count_contracts() {
    let observations = told(KLINE, &[("MARKET", "coinm")]);
    let [Observation::Kline(kline)] = observations[..] else { panic!("{observations:?}") };
    let volumes = [kline.bar.volume, kline.bar.taker_buy_volume].map(|volume| volume.to_string());
    assert_eq!((volumes, kline.bar.quote_volume), (["1000", "500"].map(str::to_owned), None));
}

fn check_skipped(data: &[u8], reason: Reason, trades: usize) {
    let records = [record("a", trade("A", 1, 1)), record("a", data), record("a", trade("A", 9, 9))];
    let (lanes, report) = read(&records, &[]);
    assert_eq!(lanes[0].observations.len(), 2 + trades);
    let refusals: Vec<_> = report
        .refusals
        .iter()
        .map(|refusal| (refusal.reason, refusal.count, refusal.sequence_number.as_str()))
        .collect();
    assert_eq!(refusals, [(reason, 1, "2")]);
}

#[test]
fn what_cannot_be_read_is_skipped_and_its_neighbours_are_not() {
    let (two, three) = (trade("A", 2, 2), trade("A", 3, 3));
    let bad = two.replace("0.001", "1e-3");
    check_skipped(format!("{two}\n{bad}\n{three}").as_bytes(), Reason::BadDecimal, 2);
    // Behind what is no JSON nobody can tell where a frame begins.
    check_skipped(format!("{two}\n{{\n{three}").as_bytes(), Reason::BadJson, 1);
    check_skipped(b"\x1f\x8b\x08", Reason::BadGzip, 0);
    check_skipped(two.replace("\"s\":\"A\",", "").as_bytes(), Reason::NoSymbol, 0);
}

#[test]
fn data_that_is_no_base64_is_skipped() {
    let event = br#"{"Records":[{"kinesis":{"sequenceNumber":"7","data":"%"}},{},7]}"#;
    let mut report = Report::default();
    let event = Event::parse(event).unwrap();
    assert_eq!(Batch::default().read(&event, &BarSettings::default(), &mut report), []);
    assert_eq!(
        (report.records, report.refusals[0].reason, report.refusals[0].count),
        (3, Reason::BadBase64, 3)
    );
}

#[test]
fn frames_of_a_record_are_limited() {
    let many = vec![trade("A", 1, 1); FRAMES_MAX + 1].join("");
    let (lanes, report) = read(&[record("a", many)], &[]);
    assert_eq!(lanes[0].observations.len(), FRAMES_MAX);
    assert_eq!(report.refusals[0].reason, Reason::TooManyFrames);
}

#[test]
fn nothing_of_a_batch_is_left_in_the_next() {
    let (mut batch, bars) = (Batch::default(), BarSettings::default());
    let mut read = |records: &[testing::Record<'_>]| {
        let payload = event(records);
        batch.read(&Event::parse(&payload).unwrap(), &bars, &mut Report::default()).to_vec()
    };
    let first = [record("a", trade("A", 1, 1)), record("b", trade("B", 1, 1)), record("c", trade("B", 2, 2))];
    let second = [record("b", trade("B", 3, 3))];
    let (before, again, fresh) = (read(&first), read(&second), self::read(&second, &[]).0);
    assert_eq!((before.len(), again), (2, fresh));
    assert_eq!(read(&first), before);
}

#[test]
fn a_batch_of_many_frames_is_not_held_on_to() {
    let (mut batch, bars) = (Batch::default(), BarSettings::default());
    let mut read = |records: &[testing::Record<'_>]| {
        let payload = event(records);
        batch.read(&Event::parse(&payload).unwrap(), &bars, &mut Report::default());
        batch.lanes.iter().map(|lane| lane.observations.capacity()).sum::<usize>()
    };
    let many = vec![trade("A", 1, 1); OBSERVATIONS_KEPT_MAX + 1].join("");
    assert!(read(&[record("a", many)]) > OBSERVATIONS_KEPT_MAX);
    assert!(read(&[record("b", trade("B", 1, 1))]) <= OBSERVATIONS_KEPT_MAX);
}
