//! What holds for any delivery of any session: at least once, in any batches, by whichever environment, with any failure.

#[cfg(test)]
#[path = "support/environment.rs"]
mod environment;
#[cfg(test)]
#[path = "support/function.rs"]
mod function;
#[cfg(test)]
#[path = "support/mapping.rs"]
mod mapping;
#[cfg(test)]
#[path = "support/session.rs"]
mod session;

#[cfg(test)]
mod laws {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, LazyLock, Mutex};

    use indicator_calculator::Config;
    use indicator_calculator::fault::Fault;
    use indicator_calculator::publish::{MemoryStream, OutputRecord};
    use indicator_calculator::state::{ItemKey, MemoryStore, Part, StoreCall};
    use proptest::prelude::*;

    use super::environment::Environment;
    use super::function;
    use super::mapping::{Dice, Mapping};
    use super::session::{self, Record, SYMBOLS};

    type Variables = &'static [(&'static str, &'static str)];

    /// Windows, recursions, sums since the beginning, and one that starts anew with the day.
    const INDICATORS: (&str, &str) =
        ("INDICATORS", "sma(3) ema(3) rsi(2) macd(2,3,2) obv vwap sar atr(2) cvd");
    const SETTINGS: [Variables; 3] = [
        &[("INTERVALS", "1m,5m"), INDICATORS],
        &[("INTERVALS", "1s,1m,1h"), ("FILL", "flat"), INDICATORS],
        &[("INTERVALS", "1m"), ("ON_GAP", "reset"), ("GRACE_MS", "0"), INDICATORS],
    ];
    static CONFIGS: LazyLock<[Config; 3]> = LazyLock::new(|| SETTINGS.map(function::config));

    fn configs() -> impl Strategy<Value = &'static Config> {
        (0..SETTINGS.len()).prop_map(|at| &CONFIGS[at])
    }

    /// Row by id, with its partition key. A row that is published again must be the same again.
    fn distinct(records: &[OutputRecord]) -> BTreeMap<String, &OutputRecord> {
        let mut distinct = BTreeMap::new();
        for record in records {
            let row: serde_json::Value = serde_json::from_slice(&record.data).unwrap();
            let first = distinct.entry(row["id"].as_str().unwrap().to_owned()).or_insert(record);
            assert_eq!(*first, record, "the same row twice");
        }
        distinct
    }

    /// The stored states; versions count writes, of which there may be more.
    fn states(store: &MemoryStore) -> BTreeMap<ItemKey, Vec<u8>> {
        store.items().into_iter().map(|item| (item.key, item.state)).collect()
    }

    /// One environment, one batch, no failure.
    fn undisturbed(config: &Config, session: &[Record]) -> (MemoryStore, MemoryStream) {
        let (store, stream) = (MemoryStore::default(), MemoryStream::default());
        let mut environment = Environment::start(config.clone(), &store, &stream);
        let calculated = environment.invoke(&session::event(session.iter().enumerate())).unwrap();
        assert_eq!(function::named(&calculated.answer), None);
        (store, stream)
    }

    fn check_same(
        (store, stream): &(MemoryStore, MemoryStream),
        expected: &(MemoryStore, MemoryStream),
    ) -> Result<(), TestCaseError> {
        let (rows, expected_rows) = (stream.records(), expected.1.records());
        prop_assert_eq!(distinct(&rows), distinct(&expected_rows));
        prop_assert_eq!(states(store), states(&expected.0));
        Ok(())
    }

    /// Symbols by the bits of a number.
    fn symbols_of(bits: u8) -> BTreeSet<&'static str> {
        let chosen = SYMBOLS.into_iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, symbol)| symbol).collect()
    }

    fn symbol_of(lane: &str) -> &str {
        lane.strip_prefix("spot|").unwrap()
    }

    /// A trade of each symbol in each of some minutes.
    fn minutes(first_id: u64, minutes: std::ops::Range<u64>) -> Vec<Record> {
        let trade = |(symbol, minute): (usize, u64)| {
            let time_ms = 1_767_614_400_000 + minute * 60_000 + symbol as u64;
            let frame =
                session::trade_frame(SYMBOLS[symbol], first_id + minute, (time_ms, time_ms), (100, 100));
            Record { symbol, data: frame.into_bytes(), arrival_ms: time_ms }
        };
        minutes.flat_map(|minute| (0..SYMBOLS.len()).map(move |symbol| (symbol, minute))).map(trade).collect()
    }

    /// What a call has to do with.
    fn keys_of(call: StoreCall<'_>) -> Vec<ItemKey> {
        match call {
            StoreCall::Load(keys) => keys.to_vec(),
            StoreCall::Save(write) => vec![write.item.key.clone()],
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_delivery_gives_the_rows_and_states_of_one_undisturbed_batch(
            config in configs(),
            session in session::sessions(),
            shards in 1..=4_usize,
            seed in any::<u64>(),
        ) {
            let disturbed = Mapping::new(config, &session, shards, Dice(seed)).run();
            check_same(&disturbed, &undisturbed(config, &session))?;
        }

        #[test]
        fn the_order_of_trades_in_a_batch_changes_nothing(
            config in configs(),
            (session, shuffled) in session::sessions_of_trades().prop_flat_map(|session| {
                (Just(session.clone()), Just(session).prop_shuffle())
            }),
        ) {
            check_same(&undisturbed(config, &shuffled), &undisturbed(config, &session))?;
        }

        #[test]
        fn the_answer_names_where_the_first_failed_symbol_begins(failing in 1..16_u8, stage in 0..3, after in any::<bool>(), seed in any::<u64>()) {
            let failing = symbols_of(failing);
            let (store, stream) = (MemoryStore::default(), MemoryStream::default());
            let mut environment = Environment::start(CONFIGS[0].clone(), &store, &stream);
            let fault = if after { Fault::After } else { Fault::Before };
            let fails = failing.clone();
            match stage {
                0 => stream.inject(move |record| fails.contains(symbol_of(&record.partition_key)).then_some(fault)),
                _ => store.inject(move |call| {
                    let StoreCall::Save(write) = call else { return None };
                    let is_hot = write.item.key.part == Part::Hot;
                    ((stage == 1) == is_hot && fails.contains(symbol_of(&write.item.key.lane))).then_some(fault)
                }),
            }
            // Some symbols begin later than others.
            let mut dice = Dice(seed);
            let mut records = minutes(1, 0..5);
            let begin = SYMBOLS.map(|_| usize::try_from(dice.below(8)).unwrap());
            let mut at = 0;
            records.retain(|record| {
                at += 1;
                at > begin[record.symbol]
            });
            let calculated = environment.invoke(&session::event(records.iter().enumerate())).unwrap();
            let first = records.iter().position(|record| failing.contains(SYMBOLS[record.symbol]));
            prop_assert_eq!(function::named(&calculated.answer), first.map(session::sequence_number));
            prop_assert_eq!(calculated.report.lanes_failed, failing.len() as u64);
        }

        #[test]
        fn only_what_changed_is_written_and_a_warm_environment_reads_one_item_each(trading in 0..16_u8, closing in 0..16_u8) {
            let (store, stream) = (MemoryStore::default(), MemoryStream::default());
            let mut environment = Environment::start(CONFIGS[0].clone(), &store, &stream);
            let first = minutes(1, 0..2);
            environment.invoke(&session::event(first.iter().enumerate())).unwrap();
            let calls = Arc::new(Mutex::new((Vec::new(), BTreeSet::new())));
            let heard = Arc::clone(&calls);
            store.inject(move |call| {
                let (loads, saves) = &mut *heard.lock().unwrap();
                match call {
                    StoreCall::Load(_) => loads.push(keys_of(call)),
                    StoreCall::Save(_) => saves.extend(keys_of(call)),
                }
                None
            });
            let (trading, closing) = (symbols_of(trading), symbols_of(closing));
            // Everything comes again, with a trade in the open minute for some symbols and one behind it for others.
            let is_in = |symbols: &BTreeSet<&str>, record: &Record| symbols.contains(SYMBOLS[record.symbol]);
            let open = minutes(2, 1..2).into_iter().filter(|record| is_in(&trading, record));
            let behind = minutes(10, 2..3).into_iter().filter(|record| is_in(&closing, record));
            let batch: Vec<_> = first.iter().cloned().chain(open).chain(behind).collect();
            let calculated = environment.invoke(&session::event(batch.iter().enumerate())).unwrap();
            let (loads, saves) = &*calls.lock().unwrap();
            let lane = |symbol: &str| format!("spot|{symbol}");
            let hot = |symbol: &&str| ItemKey { lane: lane(symbol), part: Part::Hot };
            let minute = |symbol: &&str| ItemKey { lane: lane(symbol), part: Part::parse("1m").unwrap() };
            prop_assert_eq!(loads.len(), 1);
            prop_assert_eq!(loads[0].iter().cloned().collect::<BTreeSet<_>>(), SYMBOLS.iter().map(hot).collect());
            prop_assert_eq!(calculated.report.items_read, 4);
            let expected: BTreeSet<_> =
                trading.union(&closing).map(hot).chain(closing.iter().map(minute)).collect();
            prop_assert_eq!(saves, &expected);
            prop_assert_eq!(calculated.report.items_written, expected.len() as u64);
        }
    }
}
