//! The producer against a stream that refuses whatever it likes.

use proptest::prelude::*;
use tapeline_market::Timestamp;

use super::*;

fn record(key: &str, data: impl Into<Vec<u8>>) -> Record {
    let oldest = Timestamp::from_micros(0).unwrap();
    Record { partition_key: key.into(), data: data.into().into(), frames: 1, marks: Vec::new(), oldest }
}

fn producer(records: &[(&str, &str)], now: Instant) -> Producer {
    let mut producer = Producer::default();
    for (number, (key, data)) in (0..).zip(records) {
        producer.push(Queued { number, is_spooled: false, record: record(key, *data) }, now);
    }
    producer
}

fn data(call: &Call) -> Vec<String> {
    call.entries.iter().map(|entry| String::from_utf8(entry.data.to_vec()).unwrap()).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "one result beside `throttled`")]
fn taken() -> Result<SequenceNumber, EntryError> {
    Ok(SequenceNumber("1".to_owned()))
}

fn throttled() -> Result<SequenceNumber, EntryError> {
    let code = "ProvisionedThroughputExceededException".to_owned();
    Err(EntryError { code, message: "Rate exceeded".to_owned() })
}

fn out_of_reach() -> PutError {
    PutError("connection refused".into())
}

const NO_JITTER: u32 = 0;

#[test]
fn a_call_has_one_record_of_a_key() {
    let now = Instant::now();
    let mut producer = producer(&[("a", "a1"), ("a", "a2"), ("b", "b1")], now);
    let call = producer.next_call(now).unwrap();
    assert_eq!(data(&call), ["a1", "b1"]);
    assert_eq!(producer.next_call(now), None);
    let settled = producer.settle(call, Ok(vec![taken(), taken()]), (now, NO_JITTER));
    assert_eq!(settled.taken.len(), 2);
    assert_eq!(data(&producer.next_call(now).unwrap()), ["a2"]);
}

#[test]
fn a_refused_record_goes_again_before_the_next_of_its_key() {
    let now = Instant::now();
    let mut producer = producer(&[("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")], now);
    let call = producer.next_call(now).unwrap();
    let settled = producer.settle(call, Ok(vec![throttled(), taken()]), (now, NO_JITTER));
    assert_eq!((settled.taken.len(), settled.refused), (1, 1));
    let call = producer.next_call(now).unwrap();
    assert_eq!(data(&call), ["b2"]);
    producer.settle(call, Ok(vec![taken()]), (now, NO_JITTER));
    assert_eq!(producer.wake_at(), Some(now + Duration::from_millis(50)));
    assert_eq!(producer.next_call(now + Duration::from_millis(49)), None);
    assert_eq!(data(&producer.next_call(now + Duration::from_millis(50)).unwrap()), ["a1"]);
}

#[test]
fn a_result_that_is_missing_is_a_refusal() {
    let now = Instant::now();
    let mut producer = producer(&[("a", "a1"), ("b", "b1")], now);
    let call = producer.next_call(now).unwrap();
    assert_eq!(producer.settle(call, Ok(vec![taken()]), (now, NO_JITTER)).refused, 1);
    assert_eq!(producer.records(), 1);
}

#[test]
fn a_call_that_fails_goes_again_after_a_pause_that_grows() {
    let mut now = Instant::now();
    let mut producer = producer(&[("a", "a1"), ("b", "b1")], now);
    for millis in [50, 100, 200] {
        let call = producer.next_call(now).unwrap();
        assert_eq!(producer.settle(call, Err(out_of_reach()), (now, NO_JITTER)).refused, 2);
        assert_eq!(producer.next_call(now), None);
        now += Duration::from_millis(millis);
        assert!(producer.wake_at().is_some_and(|at| at <= now));
    }
    assert_eq!(data(&producer.next_call(now).unwrap()).len(), 2);
}

#[test]
fn one_call_at_a_time_asks_whether_the_stream_is_back() {
    let now = Instant::now();
    let mut producer = producer(&[("a", "a1")], now);
    let call = producer.next_call(now).unwrap();
    producer.settle(call, Err(out_of_reach()), (now, NO_JITTER));
    let later = now + Duration::from_secs(1);
    producer.push(Queued { number: 9, is_spooled: false, record: record("b", "b1") }, now);
    let call = producer.next_call(later).unwrap();
    producer.push(Queued { number: 10, is_spooled: false, record: record("c", "c1") }, now);
    assert_eq!(producer.next_call(later + WORTH_WAIT), None);
    producer.settle(call, Ok(vec![taken(), taken()]), (later, NO_JITTER));
    assert!(producer.next_call(later + WORTH_WAIT).is_some());
}

#[test]
fn no_call_is_larger_than_its_limits() {
    let now = Instant::now();
    let mut producer = Producer::default();
    for number in 0..1200 {
        let record = record(&number.to_string(), "x");
        producer.push(Queued { number, is_spooled: false, record }, now);
    }
    assert_eq!(producer.next_call(now).unwrap().entries.len(), 500);
    let mut producer = Producer::default();
    for number in 0..4 {
        let record = record(&number.to_string(), vec![0; 400_000]);
        producer.push(Queued { number, is_spooled: false, record }, now);
    }
    assert_eq!(producer.next_call(now).unwrap().entries.len(), 2);
}

#[test]
fn a_second_call_waits_until_it_is_worth_it() {
    let now = Instant::now();
    let mut producer = producer(&[("a", "a1")], now);
    producer.next_call(now).unwrap();
    producer.push(Queued { number: 2, is_spooled: false, record: record("b", "b1") }, now);
    assert_eq!(producer.next_call(now), None);
    assert_eq!(producer.wake_at(), Some(now + WORTH_WAIT));
    assert!(producer.next_call(now + WORTH_WAIT).is_some());
}

proptest! {
    /// The law: whatever fails, each key's records are taken in their order, each once.
    #[test]
    fn keys_keep_their_order_whatever_fails(
        keys in prop::collection::vec(0..5_usize, 1..80),
        faults in prop::collection::vec((0..4_u8, any::<u8>()), 0..60),
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let (mut producer, mut now) = (Producer::default(), Instant::now());
        for (number, key) in (0..).zip(&keys) {
            producer.push(Queued { number, is_spooled: false, record: record(names[*key], "x") }, now);
        }
        let (mut faults, mut in_flight, mut all) = (faults.into_iter(), VecDeque::new(), Vec::new());
        while producer.records() > 0 {
            now += Duration::from_millis(20);
            in_flight.extend(producer.next_call(now));
            let (kind, bits) = faults.next().unwrap_or((0, 0));
            // Sometimes an answer takes its time, and a later call is answered before.
            if kind == 3 {
                in_flight.rotate_left(usize::from(!in_flight.is_empty()));
                continue;
            }
            let Some(call) = in_flight.pop_front() else { continue };
            let results = (0..call.entries.len()).map(|at| match bits >> (at % 8) & 1 {
                1 if kind == 1 => throttled(),
                _ => taken(),
            });
            let answer = if kind == 2 { Err(out_of_reach()) } else { Ok(results.collect()) };
            all.extend(producer.settle(call, answer, (now, NO_JITTER)).taken);
        }
        for key in names {
            let of_key = all.iter().filter(|queued| &*queued.record.partition_key == key);
            let expected = (0_u64..).zip(&keys).filter(|(_, at)| names[**at] == key);
            prop_assert!(of_key.map(|queued| queued.number).eq(expected.map(|(number, _)| number)));
        }
        prop_assert_eq!((producer.lanes.len(), producer.bytes()), (0, 0));
    }
}
