//! What holds for any event at all.

#[cfg(test)]
#[path = "support/batches.rs"]
mod batches;
#[cfg(test)]
#[path = "support/events.rs"]
mod events;

#[cfg(test)]
mod laws {
    use std::hint::black_box;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use proptest::sample::Index;
    use record_transformer::{Report, TransformError, Transformed, Transformer};
    use serde_json::Value;

    use super::batches;
    use super::events::{self, Answered};

    /// What Lambda takes back, and what it hands over.
    const ANSWER_BYTES_MAX: usize = 6_291_556;
    const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;

    type Variables = &'static [(&'static str, &'static str)];

    fn variables() -> impl Strategy<Value = Variables> {
        prop::sample::select(&[
            &[] as Variables,
            &[("MARKET", "usdm"), ("KLINES", "all"), ("PARTITION_KEYS", "")],
            &[("MARKET", "coinm"), ("FORMAT", "csv"), ("PARTITION_KEYS", "symbol")],
            &[("FORMAT", "document"), ("KINDS", "trade,kline")],
        ] as &[Variables])
    }

    /// Every record of every sample invocation.
    static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let events = events::names().into_iter().filter(|name| !name.starts_with("invalid-"));
        let events = events.map(|name| serde_json::from_slice::<Value>(&events::payload(&name)).unwrap());
        events.flat_map(|event| event["records"].as_array().unwrap().clone()).collect()
    });

    /// A record as it may arrive: a sample, any bytes, or data that is any text.
    fn record() -> impl Strategy<Value = Value> {
        let bytes = prop::collection::vec(any::<u8>(), 0..80);
        prop_oneof![
            3 => any::<Index>().prop_map(|at| at.get(&SAMPLES).clone()),
            1 => ("[ -~]{0,12}", bytes).prop_map(|(id, data)| batches::record(&id, &data)),
            1 => (any::<String>(), any::<String>())
                .prop_map(|(id, text)| serde_json::json!({ "recordId": id, "data": text })),
        ]
    }

    fn records() -> impl Strategy<Value = Vec<Value>> {
        prop::collection::vec(record(), 1..12)
    }

    fn transformed(variables: Variables, records: &[Value]) -> Transformed {
        events::transformer(variables).transform(&batches::event(records)).unwrap()
    }

    fn answered(variables: Variables, records: &[Value]) -> Vec<Answered> {
        events::answered(&transformed(variables, records).answer)
    }

    fn ids(records: &[Value]) -> Vec<&str> {
        records.iter().map(|record| record["recordId"].as_str().unwrap()).collect()
    }

    /// The bytes that returning every record as failed takes.
    fn failed_bytes(records: &[Value]) -> usize {
        let error =
            Transformer::with_answer_limit(events::config(&[]), 0).transform(&batches::event(records));
        let Err(TransformError::Oversized(oversized)) = error else {
            panic!("expected no answer to fit, was {error:?}")
        };
        oversized.bytes
    }

    fn check_counts(report: &Report, answered: &[Answered]) -> Result<(), TestCaseError> {
        let count = |result: &str| answered.iter().filter(|record| record.result == result).count() as u64;
        let found = (report.records_ok, report.records_dropped, report.records_failed);
        prop_assert_eq!(found, (count("Ok"), count("Dropped"), count("ProcessingFailed")));
        prop_assert_eq!(report.refusals.iter().map(|refusal| refusal.records).sum::<u64>(), found.2);
        Ok(())
    }

    proptest! {
        #[test]
        fn ids_out_are_ids_in_and_every_record_is_counted(variables in variables(), records in records()) {
            let Transformed { answer, report } = transformed(variables, &records);
            let answered = events::answered(&answer);
            let found: Vec<_> = answered.iter().map(|record| record.record_id.as_str()).collect();
            prop_assert_eq!(found, ids(&records));
            check_counts(&report, &answered)?;
            for (record, answered) in records.iter().zip(&answered) {
                let (field, data) = &answered.data;
                if answered.result == "ProcessingFailed" && record[field].is_string() {
                    prop_assert_eq!(&record[field], data);
                }
            }
        }

        #[test]
        fn no_answer_exceeds_its_limit(variables in variables(), records in records(), spare in 0_usize..4000) {
            let limit = failed_bytes(&records) + spare;
            let mut transformer = Transformer::with_answer_limit(events::config(variables), limit);
            let Transformed { answer, report } = transformer.transform(&batches::event(&records)).unwrap();
            prop_assert!(answer.len() <= limit, "{} of {limit}", answer.len());
            let answered = events::answered(&answer);
            prop_assert_eq!(answered.iter().map(|record| record.record_id.as_str()).collect::<Vec<_>>(), ids(&records));
            check_counts(&report, &answered)?;
        }

        #[test]
        fn where_a_batch_is_cut_changes_no_record(variables in variables(), records in records(), at in any::<Index>()) {
            let (head, tail) = records.split_at(at.index(records.len()));
            let parts = [head, tail].into_iter().filter(|part| !part.is_empty());
            let parts: Vec<_> = parts.flat_map(|part| answered(variables, part)).collect();
            prop_assert_eq!(parts, answered(variables, &records));
        }

        #[test]
        fn what_came_before_changes_no_answer(variables in variables(), before in records(), records in records()) {
            let mut transformer = events::transformer(variables);
            transformer.transform(&batches::event(&before)).unwrap();
            let event = batches::event(&records);
            let first = transformer.transform(&event).unwrap();
            let again = transformer.transform(&event).unwrap();
            prop_assert_eq!(&first.answer, &again.answer);
            prop_assert_eq!(&first.report, &again.report);
            prop_assert_eq!(first.answer, transformed(variables, &records).answer);
        }

        #[test]
        fn a_bad_record_changes_no_other(variables in variables(), records in records(), bad in record(), at in any::<Index>()) {
            let at = at.index(records.len() + 1);
            let mut injected = records.clone();
            injected.insert(at, bad);
            let mut others = answered(variables, &injected);
            others.remove(at);
            prop_assert_eq!(others, answered(variables, &records));
        }

        #[test]
        fn any_payload_is_answered_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(events::transformer(&[]).transform(&payload).is_err(), "expected random bytes to be no event");
        }

        #[test]
        fn any_damage_to_an_event_is_answered_or_refused(records in records(), at in any::<Index>(), byte in any::<u8>(), is_cut in any::<bool>()) {
            let mut payload = batches::event(&records);
            let at = at.index(payload.len());
            if is_cut { payload.truncate(at) } else { payload[at] = byte }
            if let Ok(Transformed { answer, .. }) = events::transformer(&[]).transform(&payload) {
                prop_assert!(!events::answered(&answer).is_empty());
            }
        }
    }

    #[test]
    fn rows_that_lambda_would_not_take_back_are_failed_and_counted() {
        let payload = batches::oversized();
        assert!((EVENT_BYTES_MAX - 200_000..=EVENT_BYTES_MAX).contains(&payload.len()), "{}", payload.len());
        let Transformed { answer, report } = events::transformer(&[]).transform(&payload).unwrap();
        assert!(answer.len() <= ANSWER_BYTES_MAX, "{}", answer.len());
        // Another row and its keys take at most 600 bytes: no room is left unused.
        assert!(ANSWER_BYTES_MAX - answer.len() < 600, "{}", answer.len());
        let event: Value = serde_json::from_slice(&payload).unwrap();
        let records = event["records"].as_array().unwrap();
        let answered = events::answered(&answer);
        assert_eq!(answered.iter().map(|record| record.record_id.as_str()).collect::<Vec<_>>(), ids(records));
        for (record, answered) in records.iter().zip(&answered).filter(|(_, a)| a.result != "Ok") {
            assert_eq!(
                (answered.result.as_str(), &answered.data.1),
                ("ProcessingFailed", &record["data"].as_str().unwrap().to_owned())
            );
        }
        assert_eq!(report.refusals.len(), 1);
        assert_eq!(report.refusals[0].reason.as_str(), "response_too_large");
        assert!(
            report.records_ok > 0 && report.records_ok + report.refusals[0].records == records.len() as u64
        );
    }

    /// The reason for which the only record is refused; its result otherwise.
    fn outcome_of(data: &[u8]) -> String {
        let Transformed { answer, report } = transformed(&[], &[batches::record("1", data)]);
        let result = events::answered(&answer).remove(0).result;
        report.refusals.first().map_or(result, |refusal| refusal.reason.to_string())
    }

    #[test]
    fn frames_are_limited_however_they_are_packed() {
        const FRAMES_MAX: usize = 100_000;
        let shutdowns = |count: usize, between: &str| vec![r#"{"e":"serverShutdown"}"#; count].join(between);
        let array = |count| format!(r#"{{"stream":"!serverShutdown","data":[{}]}}"#, shutdowns(count, ","));
        let half = shutdowns(FRAMES_MAX / 2, "");
        let aggregate = |more: &str| {
            let parts = [half.as_bytes(), half.as_bytes(), more.as_bytes()].map(|part| ("key", part));
            tapeline_codec::framing::kpl::aggregate(&parts)
        };
        assert_eq!(outcome_of(shutdowns(FRAMES_MAX, "\n").as_bytes()), "Dropped");
        assert_eq!(outcome_of(shutdowns(FRAMES_MAX + 1, "\n").as_bytes()), "too_many_frames");
        assert_eq!(outcome_of(array(FRAMES_MAX).as_bytes()), "Dropped");
        assert_eq!(outcome_of(array(FRAMES_MAX + 1).as_bytes()), "too_many_frames");
        assert_eq!(outcome_of(&aggregate("")), "Dropped");
        assert_eq!(outcome_of(&aggregate("{}")), "too_many_frames");
    }

    // --- Allocations ---

    /// What an event may allocate of itself, however many records it has: its list of records, which doubles as it grows,
    /// its answer and its report.
    const ALLOCATIONS_OF_AN_EVENT_MAX: u64 = 24;

    fn allocations(transformer: &mut Transformer, payload: &[u8]) -> u64 {
        let counted = allocation_counter::measure(|| {
            let done = transformer.transform(black_box(payload)).unwrap();
            assert_eq!(done.report.records_failed, 0);
            black_box(done);
        });
        counted.count_total
    }

    /// Twice as many records may take one step more of the growing list, and nothing else.
    fn check(variables: &[(&str, &str)], frame: impl Fn(usize) -> String) {
        let mut transformer = events::transformer(variables);
        let payload = |records: usize| {
            let records: Vec<_> =
                (0..records).map(|at| batches::record("id", frame(at).as_bytes())).collect();
            batches::event(&records)
        };
        let events = [payload(1000), payload(2000)];
        // The buffers that are kept from event to event grow once.
        transformer.transform(&events[1]).unwrap();
        let [one, two] = events.map(|event| allocations(&mut transformer, &event));
        assert!(
            two <= one + 1 && two <= ALLOCATIONS_OF_AN_EVENT_MAX,
            "{one} for 1,000 records, {two} for 2,000"
        );
    }

    #[test]
    fn a_trade_allocates_nothing() {
        check(&[], batches::trade);
        check(&[("PARTITION_KEYS", "market,symbol,kind,date")], batches::trade);
        check(&[("FORMAT", "csv"), ("KINDS", "trade"), ("SYMBOLS", "BNBBTC")], batches::trade);
    }

    #[test]
    fn a_dropped_record_allocates_nothing() {
        check(&[("KINDS", "kline")], batches::trade);
        check(&[], |_| r#"{"result":null,"id":1}"#.to_owned());
    }

    #[test]
    fn a_book_allocates_nothing() {
        check(&[], |at| {
            format!(
                r#"{{"stream":"bnbbtc@depth","data":{{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":{at},"u":{at},"b":[["0.0024","10"]],"a":[["0.0026","100"]]}}}}"#
            )
        });
        check(&[], |at| {
            format!(
                r#"{{"u":{at},"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}"#
            )
        });
    }

    #[test]
    fn several_frames_in_a_record_allocate_nothing() {
        check(&[], |at| [batches::trade(at), batches::trade(at + 1)].join("\n"));
        check(&[], |at| format!("[{},{}]", batches::trade(at), batches::trade(at + 1)));
    }
}
