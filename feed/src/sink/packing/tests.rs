//! Packing: what ends up together, and what is read back from it.

use proptest::prelude::*;
use tapeline_codec::binance::Kind;
use tapeline_codec::framing::{FramingError, kpl, texts};
use tapeline_market::Market;

use super::*;
use crate::frame::Ids;

/// 2026-11-21T23:59:59Z.
const BEFORE_MIDNIGHT_US: i64 = 1_795_305_599_000_000;

fn trade(symbol: &str, id: u64) -> Frame {
    let event_time = Timestamp::from_micros(BEFORE_MIDNIGHT_US).unwrap();
    Frame {
        text: format!("{{\"e\":\"trade\",\"t\":{id}}}").into(),
        route: Route { market: Market::Spot, symbol: Some(symbol.into()), kind: Some(Kind::Trade) },
        ids: Some(Ids { first: id, last: id }),
        event_time: Some(event_time),
        received: event_time,
    }
}

fn packer(packing: Packing, record_bytes_max: usize) -> Packer {
    Packer::new(packing, Limits { record_bytes_max, linger: Duration::from_millis(100) })
}

/// Packs frames that come at once, and closes what is open.
fn packed(packing: Packing, record_bytes_max: usize, frames: &[Frame]) -> Vec<Record> {
    let (mut packer, mut closed, now) = (packer(packing, record_bytes_max), Vec::new(), Instant::now());
    for frame in frames {
        packer.add(frame.clone(), now, &mut closed).unwrap();
    }
    packer.flush(&mut closed);
    assert_eq!((packer.open.len(), packer.open_bytes, packer.due.len()), (0, 0, 0));
    closed
}

/// The texts of a record, as the functions read them.
fn unpacked(record: &Record) -> String {
    let mut found = Vec::new();
    texts(&record.data, &mut |text: &str| {
        found.push(text.trim_end().to_owned());
        Ok::<_, FramingError>(())
    })
    .unwrap();
    found.join("\n")
}

/// Each record as key, frames, last ids, and texts.
fn check(packing: Packing, frames: &[Frame], expected: &[(&str, u32, &[u64], &str)]) {
    let records = packed(packing, 10_000, frames);
    let found: Vec<_> = records
        .iter()
        .map(|record| {
            let ids: Vec<_> = record.marks.iter().map(|mark| mark.last_id).collect();
            (record.partition_key.to_string(), record.frames, ids, unpacked(record))
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(key, frames, ids, texts)| ((*key).to_owned(), *frames, ids.to_vec(), (*texts).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

const FIRST: &str = r#"{"e":"trade","t":1}"#;
const BOTH: &str = "{\"e\":\"trade\",\"t\":1}\n{\"e\":\"trade\",\"t\":2}";

#[test]
fn single_frames_are_records_as_they_stand() {
    let frames = [trade("A", 1), trade("A", 2)];
    check(
        Packing::Single,
        &frames,
        &[("spot|A", 1, &[1], FIRST), ("spot|A", 1, &[2], r#"{"e":"trade","t":2}"#)],
    );
}

#[test]
fn lines_hold_the_frames_of_one_symbol_and_kind() {
    let quote = Frame {
        text: "{\"u\":1}".into(),
        route: Route { kind: Some(Kind::BookTicker), ..trade("A", 1).route },
        ids: None,
        ..trade("A", 1)
    };
    let frames = [trade("A", 1), trade("B", 1), quote, trade("A", 2)];
    check(
        Packing::Lines,
        &frames,
        &[("spot|A", 2, &[2], BOTH), ("spot|B", 1, &[1], FIRST), ("spot|A", 1, &[], "{\"u\":1}")],
    );
}

#[test]
fn lines_do_not_cross_midnight() {
    let late = Timestamp::from_micros(BEFORE_MIDNIGHT_US + 1_000_000).unwrap();
    let without_event_time = Frame { event_time: None, received: late, ..trade("A", 3) };
    let frames = [trade("A", 1), trade("A", 2), Frame { event_time: Some(late), ..trade("A", 3) }];
    let counts = |packing, frames: &[Frame]| {
        packed(packing, 10_000, frames).iter().map(|record| record.frames).collect::<Vec<_>>()
    };
    assert_eq!(counts(Packing::Lines, &frames), [2, 1]);
    assert_eq!(counts(Packing::Lines, &[trade("A", 1), without_event_time]), [1, 1]);
    assert_eq!(counts(Packing::Kpl, &frames), [3]);
}

#[test]
fn aggregates_hold_every_kind_of_a_symbol() {
    let mut other = trade("A", 2);
    other.route.kind = Some(Kind::AggTrade);
    check(Packing::Kpl, &[trade("A", 1), other], &[("spot|A", 2, &[1, 2], BOTH)]);
}

#[test]
fn an_aggregate_is_read_back_by_its_key() {
    let [record] = packed(Packing::Kpl, 10_000, &[trade("A", 1), trade("A", 2)]).try_into().unwrap();
    let records: Vec<_> = kpl::records(&record.data).unwrap().map(Result::unwrap).collect();
    assert!(records.iter().all(|record| record.partition_key == b"spot|A"));
    assert_eq!(records[0].data, FIRST.as_bytes());
}

#[test]
fn an_aggregate_of_one_frame_is_the_frame() {
    let [record] = packed(Packing::Kpl, 10_000, &[trade("A", 1)]).try_into().unwrap();
    assert_eq!(record.data, FIRST);
}

#[test]
fn what_no_decoder_knows_stands_alone() {
    let mut garbage = trade("A", 1);
    garbage.route = Route { symbol: None, kind: None, ..garbage.route };
    garbage.text = Bytes::from_static(b"\xff{");
    garbage.ids = None;
    for packing in [Packing::Lines, Packing::Kpl] {
        let records = packed(packing, 10_000, &[trade("A", 1), garbage.clone(), trade("A", 2)]);
        assert_eq!(records[0].data, Bytes::from_static(b"\xff{"));
        assert_eq!((&*records[0].partition_key, records[1].frames), ("spot|!", 2));
    }
}

#[test]
fn a_record_is_closed_when_its_first_frame_has_waited_long_enough() {
    let (mut packer, mut closed, start) = (packer(Packing::Lines, 10_000), Vec::new(), Instant::now());
    let after = |millis| start + Duration::from_millis(millis);
    packer.add(trade("A", 1), start, &mut closed).unwrap();
    packer.add(trade("B", 1), after(40), &mut closed).unwrap();
    packer.add(trade("A", 2), after(99), &mut closed).unwrap();
    packer.close_due(after(99), |_| false, &mut closed);
    assert!(closed.is_empty());
    assert_eq!(packer.due_at(), Some(after(100)));
    packer.close_due(after(100), |_| false, &mut closed);
    assert_eq!(closed.iter().map(unpacked).collect::<Vec<_>>(), [BOTH]);
    assert_eq!(packer.due_at(), Some(after(140)));
}

#[test]
fn a_record_grows_while_an_earlier_one_of_its_key_is_on_its_way() {
    let (mut packer, mut closed, start) = (packer(Packing::Lines, 60), Vec::new(), Instant::now());
    let after = |millis| start + Duration::from_millis(millis);
    packer.add(trade("A", 1), start, &mut closed).unwrap();
    packer.add(trade("B", 1), start, &mut closed).unwrap();
    packer.close_due(after(100), |key| key == "spot|A", &mut closed);
    assert_eq!(closed.iter().map(|record| &*record.partition_key).collect::<Vec<_>>(), ["spot|B"]);
    assert_eq!(packer.due_at(), Some(after(120)));
    packer.add(trade("A", 2), after(110), &mut closed).unwrap();
    assert_eq!(closed.len(), 1);
    packer.add(trade("A", 3), after(110), &mut closed).unwrap();
    assert_eq!(unpacked(&closed[1]), BOTH);
    packer.close_due(after(210), |_| false, &mut closed);
    assert_eq!(closed[2].marks[0].last_id, 3);
}

#[test]
fn a_frame_longer_than_a_packed_record_goes_alone_in_its_place() {
    let mut long = trade("A", 2);
    long.text = vec![b' '; 2_000].into();
    let records = packed(Packing::Lines, 1_500, &[trade("A", 1), long, trade("A", 3)]);
    assert_eq!(records.iter().map(|record| record.marks[0].last_id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_frame_that_no_record_holds_is_told() {
    let mut huge = trade("A", 2);
    huge.text = vec![b' '; RECORD_BYTES_MAX].into();
    let error = packer(Packing::Single, 1_500).add(huge, Instant::now(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, TooLarge { bytes: 1_000_000 });
}

proptest! {
    #[test]
    fn every_frame_comes_out_once_in_order_within_the_limit(
        lengths in prop::collection::vec((0..3_usize, 1..900_usize), 1..60),
        packing in prop::sample::select(vec![Packing::Single, Packing::Lines, Packing::Kpl]),
        limit in 300..1_200_usize,
    ) {
        let frames: Vec<_> = lengths.iter().enumerate().map(|(id, (symbol, length))| {
            let mut frame = trade(["A", "B", "C"][*symbol], id as u64);
            frame.text = format!("{{\"t\":{id},\"x\":\"{}\"}}", "x".repeat(*length)).into();
            frame
        }).collect();
        let records = packed(packing, limit, &frames);
        for symbol in ["A", "B", "C"] {
            let key = format!("spot|{symbol}");
            let of_key = records.iter().filter(|record| *record.partition_key == *key);
            let found: Vec<_> = of_key.flat_map(|record| {
                unpacked(record).lines().map(str::to_owned).collect::<Vec<_>>()
            }).collect();
            let of_symbol = frames.iter().filter(|frame| frame.route.symbol.as_deref() == Some(symbol));
            let expected: Vec<_> = of_symbol.map(|frame| String::from_utf8(frame.text.to_vec()).unwrap()).collect();
            prop_assert_eq!(found, expected);
        }
        for record in &records {
            prop_assert!(record.bytes() <= limit || record.frames == 1);
        }
    }
}
