//! Every sample invocation of `events/kinesis` against rows that were calculated by hand from its frames.

#[cfg(test)]
#[path = "support/environment.rs"]
mod environment;
#[cfg(test)]
#[path = "support/events.rs"]
mod events;
#[cfg(test)]
#[path = "support/function.rs"]
mod function;

#[cfg(test)]
mod golden {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use indicator_calculator::Report;
    use indicator_calculator::fault::Fault;
    use indicator_calculator::publish::MemoryStream;
    use indicator_calculator::state::{MemoryStore, Part, StoreCall};
    use serde_json::Value;

    use super::environment::Environment;
    use super::{events, function};

    type Variables = &'static [(&'static str, &'static str)];

    /// The variables under which an event is shown; the defaults for all others.
    const SETTINGS: &[(&str, Variables)] = &[
        ("futures", &[("MARKET", "usdm"), ("BAR_SOURCE", "agg_trade")]),
        ("klines", &[("BAR_SOURCE", "kline")]),
    ];

    /// Few enough to calculate by hand.
    const INDICATORS: (&str, &str) = ("INDICATORS", "sma(2) ema(2)");

    fn settings(name: &str) -> Vec<(&'static str, &'static str)> {
        let settings = SETTINGS.iter().find(|(found, _)| *found == name).map_or(&[] as Variables, |(_, v)| v);
        [settings, &[INDICATORS]].concat()
    }

    /// A deployment with one environment.
    struct Deployment {
        environment: Environment,
        store: MemoryStore,
        stream: MemoryStream,
    }

    impl Deployment {
        fn of(name: &str) -> Self {
            let (store, stream) = (MemoryStore::default(), MemoryStream::default());
            Self {
                environment: Environment::start(function::config(&settings(name)), &store, &stream),
                store,
                stream,
            }
        }

        /// Invokes the function, which must answer that the batch is done.
        fn done(&mut self, name: &str) -> Report {
            let calculated = self.environment.invoke(&events::payload(name)).unwrap();
            assert_eq!(calculated.answer, br#"{"batchItemFailures":[]}"#, "{name}");
            calculated.report
        }

        /// What was published, by symbol.
        fn rows(&self) -> Vec<String> {
            let mut rows: Vec<_> = self.stream.records().iter().map(|record| told(&record.data)).collect();
            // Between symbols there is no order.
            rows.sort_by_key(|row| row.split(' ').next().map(str::to_owned));
            rows
        }
    }

    /// A row to be read by people: numbers by their value, flags only where they are set.
    fn told(row: &[u8]) -> String {
        let row: Value = serde_json::from_slice(row).unwrap();
        let text = |name: &str| row[name].as_str().unwrap();
        let number = |name: &str| row[name].as_f64().unwrap();
        let prices = ["open", "high", "low", "close"].map(|name| number(name).to_string()).join(" ");
        let volumes = ["base_volume", "quote_volume", "taker_buy_base_volume"].map(number);
        let [volume, quote, taker_buy] = volumes;
        let mut told = format!(
            "{} {} {} | {prices} | {volume} {quote} {taker_buy} in {} | {}",
            text("symbol"),
            text("interval"),
            &text("open_time")[11..16],
            row["trade_count"],
            text("closed_by"),
        );
        for flag in ["gap", "partial", "filled"].into_iter().filter(|flag| row[*flag].as_bool().unwrap()) {
            write!(told, " {flag}").unwrap();
        }
        if row["missing"] != 0 {
            write!(told, " missing {}", row["missing"]).unwrap();
        }
        for (name, short) in [("sma_2", "sma"), ("ema_2", "ema")] {
            if row.get(name).is_some() {
                write!(told, " {short} {:.6}", number(name)).unwrap();
            }
        }
        told
    }

    // ema = previous ema + 2/3 of the distance to the close; the first is the sma.
    const BTC: [&str; 4] = [
        "BTCUSDT 1m 12:00 | 65000.1 65010 65000.1 65005.5 | 0.85 55253.1 0.6 in 3 | trade partial",
        "BTCUSDT 1m 12:01 | 65006 65006 64990 64990 | 3 194986 1 in 2 | trade sma 64997.750000 ema 64997.750000",
        "BTCUSDT 1m 12:02 | 65001 65001 65001 65001 | 0.4 26000.4 0.4 in 1 | trade sma 64995.500000 ema 64999.916667",
        "BTCUSDT 5m 12:00 | 65000.1 65010 64990 65001 | 4.25 276239.5 2 in 6 | trade partial",
    ];
    const ETH: [&str; 3] = [
        "ETHUSDT 1m 12:00 | 3200 3204 3200 3204 | 3 9608 1 in 2 | event_time partial",
        "ETHUSDT 1m 12:01 | 3203.5 3203.5 3203.5 3203.5 | 0.5 1601.75 0.5 in 1 | trade sma 3203.750000 ema 3203.750000",
        "ETHUSDT 5m 12:00 | 3200 3204 3200 3203.5 | 3.5 11209.75 1.5 in 3 | trade partial",
    ];

    #[test]
    fn trades_become_bars_and_indicators() {
        let mut deployment = Deployment::of("one-shard");
        let report = deployment.done("one-shard");
        assert_eq!(deployment.rows(), [BTC.as_slice(), &ETH].concat());
        assert_eq!((report.records, report.frames, report.lanes, report.tally.folded), (12, 12, 2, 11));
        let bars: Vec<_> = report.bars_closed.iter().map(|(i, count)| (i.as_str(), *count)).collect();
        assert_eq!(bars, [("1m", 5), ("5m", 2)]);
    }

    #[test]
    fn a_row_has_the_exchange_s_digits() {
        let mut deployment = Deployment::of("one-shard");
        deployment.done("one-shard");
        let record = &deployment.stream.records()[0];
        assert_eq!(record.partition_key, "spot|BTCUSDT");
        assert_eq!(
            String::from_utf8_lossy(&record.data),
            "{\"kind\":\"indicators\",\"id\":\"spot|BTCUSDT|1m|1767614400000000\",\"market\":\"spot\",\"symbol\":\"BTCUSDT\",\
             \"event_time\":\"2026-01-05T12:00:59.999999Z\",\"interval\":\"1m\",\"open_time\":\"2026-01-05T12:00:00.000000Z\",\
             \"close_time\":\"2026-01-05T12:00:59.999999Z\",\"open\":65000.10000000,\"high\":65010.00000000,\
             \"low\":65000.10000000,\"close\":65005.50000000,\"base_volume\":0.85000000,\
             \"quote_volume\":55253.1000000000000000,\"trade_count\":3,\"taker_buy_base_volume\":0.60000000,\"gap\":false,\
             \"missing\":0,\"partial\":true,\"filled\":false,\"closed_by\":\"trade\",\"bars_seen\":1,\"bars_since_gap\":1}\n"
        );
    }

    #[test]
    fn what_comes_again_changes_nothing() {
        let mut deployment = Deployment::of("duplicates");
        deployment.done("one-shard");
        deployment.done("one-shard");
        let report = deployment.done("duplicates");
        let more = "BTCUSDT 1m 12:05 | 65020 65020 65015 65015 | 0.5 32509 0.3 in 2 | trade sma 65008.000000 ema 65009.972222";
        let mut rows = deployment.rows();
        rows.sort();
        let mut expected = [BTC.as_slice(), &ETH, &[more]].concat();
        expected.sort_unstable();
        assert_eq!(rows, expected);
        assert_eq!((report.tally.folded, report.tally.duplicates), (2, 7));
    }

    #[test]
    fn packing_changes_no_row() {
        let mut deployment = Deployment::of("aggregated");
        let report = deployment.done("aggregated");
        assert_eq!(deployment.rows(), [BTC.as_slice(), &ETH].concat());
        assert_eq!((report.records, report.frames, report.split_symbols), (5, 12, 0));
    }

    #[test]
    fn poison_is_counted_and_changes_no_row() {
        let mut deployment = Deployment::of("poison-in-the-middle");
        let report = deployment.done("poison-in-the-middle");
        assert_eq!(deployment.rows(), [BTC.as_slice(), &ETH].concat());
        let refusals: Vec<_> = report
            .refusals
            .iter()
            .map(|refusal| (refusal.reason.as_str(), refusal.count, &refusal.sequence_number[50..]))
            .collect();
        let expected = [
            ("bad_base64", 1, "785160"),
            ("bad_json", 1, "785161"),
            ("unknown_event", 1, "785162"),
            ("bad_gzip", 1, "785163"),
            ("bad_decimal", 1, "785164"),
            ("bad_time", 1, "785165"),
        ];
        assert_eq!(refusals, expected);
        assert_eq!(
            report.drops.iter().map(|(r, count)| (r.as_str(), *count)).collect::<Vec<_>>(),
            [("control", 1)]
        );
    }

    #[test]
    fn a_closed_kline_closes_the_bar_once_its_trades_are_there() {
        let mut deployment = Deployment::of("open-kline");
        deployment.done("open-kline");
        // What the kline says of its bar.
        let bar = "BNBBTC 1m 12:00 | 0.001 0.0025 0.0009 0.002 | 43 0.0805 18 in 4 | kline partial";
        assert_eq!(deployment.rows(), [bar]);
    }

    #[test]
    fn klines_become_bars_as_they_are() {
        let mut deployment = Deployment::of("klines");
        let report = deployment.done("klines");
        let bars = [
            "BNBBTC 1m 12:00 | 0.001 0.0025 0.0009 0.002 | 43 0.0805 18 in 4 | kline",
            "BNBBTC 1m 12:01 | 0.0021 0.0021 0.0021 0.0021 | 3 0.0063 1 in 2 | kline sma 0.002050 ema 0.002050",
            "BNBBTC 1m 12:03 | 0.0021 0.0021 0.0021 0.0021 | 0 0 0 in 0 | kline gap missing 1 sma 0.002100 ema 0.002083",
        ];
        assert_eq!(deployment.rows(), bars);
        assert_eq!((report.tally.gaps, report.tally.missing), (1, 1));
    }

    #[test]
    fn gaps_of_futures_are_told_by_the_ids_of_aggregates() {
        let mut deployment = Deployment::of("futures");
        let report = deployment.done("futures");
        let bars = [
            "BTCUSDT 1m 12:00 | 65000.1 65010 65000.1 65010 | 0.75 48752.55 0.5 in 7 | trade gap partial",
            "BTCUSDT 1m 12:01 | 65005.5 65005.5 65005.5 65005.5 | 0.1 6500.55 0.1 in 2 | trade gap missing 2 \
             sma 65007.750000 ema 65007.750000",
        ];
        assert_eq!(deployment.rows(), bars);
        assert_eq!((report.tally.gaps, report.tally.missing), (1, 2));
    }

    #[test]
    fn the_answer_names_where_the_failed_symbol_begins() {
        let mut deployment = Deployment::of("partial-failure");
        deployment.store.inject(|call| match call {
            StoreCall::Save(write) if write.item.key.lane == "spot|ETHUSDT" => Some(Fault::Before),
            _ => None,
        });
        let calculated = deployment.environment.invoke(&events::payload("partial-failure")).unwrap();
        let second = "49546986683135544286507457936321625675700192471156785155";
        assert_eq!(function::named(&calculated.answer).as_deref(), Some(second));
        assert_eq!((calculated.report.lanes, calculated.report.lanes_failed), (3, 1));
        // Rows are published before anything is remembered.
        let rows = [
            "BNBBTC 1m 12:00 | 0.001 0.001 0.001 0.001 | 10 0.01 10 in 1 | trade partial",
            "BTCUSDT 1m 12:00 | 65000.1 65000.1 65000.1 65000.1 | 0.5 32500.05 0.5 in 1 | trade partial",
            "ETHUSDT 1m 12:00 | 3200 3200 3200 3200 | 1 3200 1 in 1 | trade partial",
        ];
        assert_eq!(deployment.rows(), rows);
        deployment.store.heal();
        let hot = deployment.store.items().into_iter().filter(|item| item.key.part == Part::Hot);
        assert_eq!(hot.map(|item| item.key.lane).collect::<Vec<_>>(), ["spot|BNBBTC", "spot|BTCUSDT"]);
        // All from the named one on come again: one row is published twice, in the same bytes.
        deployment.done("partial-failure");
        assert_eq!(deployment.rows(), [rows[0], rows[1], rows[2], rows[2]]);
        let records = deployment.stream.records();
        let distinct: BTreeSet<_> = records.iter().map(|record| &record.data).collect();
        assert_eq!((records.len(), distinct.len()), (4, 3));
    }

    #[test]
    fn the_readme_names_every_event_and_its_settings() {
        let readme = std::fs::read_to_string(events::folder().join("../README.md")).unwrap();
        let files = std::fs::read_dir(events::folder()).unwrap().map(|entry| entry.unwrap().path());
        let names: BTreeSet<_> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let rows: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("| `kinesis/")).collect();
        let found = rows.iter().map(|row| row.split('`').next().unwrap().to_owned());
        assert_eq!(found.collect::<BTreeSet<_>>(), names);
        for (name, variables) in SETTINGS {
            let row = rows.iter().find(|row| row.starts_with(name)).unwrap();
            for (variable, value) in *variables {
                assert!(row.contains(&format!("`{variable}={value}`")), "{row}");
            }
        }
    }
}
