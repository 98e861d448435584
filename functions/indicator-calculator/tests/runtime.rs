//! The built function in front of a Lambda Runtime API, a table and a stream: what it posts, publishes and logs.

#[cfg(test)]
#[path = "support/events.rs"]
mod events;
#[cfg(test)]
#[path = "support/function.rs"]
mod function;
#[cfg(test)]
#[path = "support/runtime_api.rs"]
mod runtime_api;

#[cfg(test)]
mod runtime {
    use std::collections::BTreeSet;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use indicator_calculator::Calculator;
    use indicator_calculator::publish::MemoryStream;
    use indicator_calculator::state::MemoryStore;
    use serde_json::Value;

    use super::runtime_api::{Function, command};
    use super::{events, function};

    /// One deployment takes one event after another.
    const EVENTS: [&str; 6] =
        ["one-shard", "duplicates", "poison-in-the-middle", "open-kline", "aggregated", "partial-failure"];

    fn json(text: impl AsRef<[u8]>) -> Value {
        serde_json::from_slice(text.as_ref()).unwrap()
    }

    #[tokio::test]
    async fn every_sample_is_answered_and_published_as_the_library_does() {
        let (store, stream) = (MemoryStore::default(), MemoryStream::default());
        let mut library = Calculator::new(function::config(&[]), store, stream.clone());
        let mut function = Function::start(&[]).await;
        for name in EVENTS {
            let outcome = function.invoke(events::payload(name)).await;
            let expected = library.calculate(&events::payload(name)).await.unwrap();
            assert_eq!((outcome.verdict.as_str(), outcome.body), ("response", expected.answer), "{name}");
        }
        let expected: Vec<_> = stream.records().into_iter().map(|record| record.data).collect();
        assert!(expected.len() > 8);
        assert_eq!(function.rows().await, expected);
    }

    #[tokio::test]
    async fn an_event_that_cannot_be_answered_fails_and_the_next_is_answered() {
        let mut function = Function::start(&[]).await;
        let outcome = function.invoke(br#"{"records":[]}"#.to_vec()).await;
        assert_eq!(outcome.verdict, "error");
        assert_eq!(json(outcome.body)["errorType"], "Tapeline.InvalidEvent");
        let outcome = function.invoke(events::payload("one-shard")).await;
        assert_eq!((outcome.verdict.as_str(), function::named(&outcome.body)), ("response", None));
        let errors = lines_of(&function.log(), "ERROR");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(
            errors[0]["error"],
            "expected the event of a Kinesis stream: expected a Kinesis event with `Records`"
        );
    }

    #[tokio::test]
    async fn a_stream_that_is_not_there_names_the_first_record() {
        let mut function = Function::start(&[]).await;
        function.remove_stream().await;
        let outcome = function.invoke(events::payload("one-shard")).await;
        let first = "49546986683135544286507457936321625675700192471156785154";
        assert_eq!(
            (outcome.verdict.as_str(), function::named(&outcome.body).as_deref()),
            ("response", Some(first))
        );
    }

    #[test]
    fn bad_configuration_ends_the_start_and_names_every_variable() {
        let output = command(&[("MARKET", "x"), ("INTERVALS", "1m"), ("INDICATORS", "y")]).output().unwrap();
        assert!(!output.status.success());
        let log = String::from_utf8(output.stdout).unwrap();
        let lines = lines_of(&log.lines().map(str::to_owned).collect::<Vec<_>>(), "ERROR");
        let variables: BTreeSet<_> = lines.iter().map(|line| line["variable"].as_str().unwrap()).collect();
        let expected = [
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "INDICATORS",
            "MARKET",
            "OUTPUT_STREAM",
            "STATE_TABLE",
        ];
        assert_eq!(variables, BTreeSet::from(expected));
        assert!(lines.iter().all(|line| line["error"].as_str().unwrap().starts_with("expected ")), "{log}");
    }

    #[tokio::test]
    async fn a_request_to_end_ends_it_between_invocations() {
        let mut function = Function::start(&[]).await;
        function.invoke(events::payload("one-shard")).await;
        function.terminate();
        assert_eq!(lines_of(&function.log(), "ERROR"), Vec::<Value>::new());
    }

    // --- Memory ---

    /// Invocations after which everything that is kept has its size.
    const SETTLED: u64 = 100;
    /// What the allocator may lay out otherwise later on. A kilobyte that is lost with each invocation would be as much.
    const GROWTH_MAX_KIB: u64 = 900;

    /// A batch of one trade of each of two symbols in a minute of its own: it closes the bars of the minute before.
    fn minute(at: u64) -> Vec<u8> {
        let time_ms = 1_767_614_400_000 + at * 60_000;
        let record = |symbol: &str| {
            let frame = format!(
                r#"{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{},"p":"65000.{:02}","q":"0.5","T":{time_ms},"m":true,"M":true}}"#,
                at + 1,
                at * 37 % 100
            );
            let data = BASE64_STANDARD.encode(frame);
            format!(
                r#"{{"kinesis":{{"partitionKey":"spot|{symbol}","sequenceNumber":"{at}","data":"{data}"}}}}"#
            )
        };
        format!(r#"{{"Records":[{},{}]}}"#, record("BTCUSDT"), record("ETHUSDT")).into_bytes()
    }

    #[tokio::test]
    #[cfg_attr(not(target_os = "linux"), ignore = "the memory of another process is read from /proc")]
    async fn memory_stays_flat_over_a_thousand_invocations() {
        let mut function = Function::start(&[("INTERVALS", "1m"), ("INDICATORS", "minimal")]).await;
        let mut settled_kib = 0;
        for at in 0..1000 {
            let outcome = function.invoke(minute(at)).await;
            assert_eq!((outcome.verdict.as_str(), function::named(&outcome.body)), ("response", None));
            if at == SETTLED {
                settled_kib = function.resident_kib();
            }
        }
        let grown_kib = function.resident_kib().saturating_sub(settled_kib);
        assert!(grown_kib < GROWTH_MAX_KIB, "{settled_kib} KiB after {SETTLED}, then {grown_kib} KiB more");
        assert_eq!(function.rows().await.len(), 2 * 999);
    }

    // --- Logs and metrics ---

    /// The log lines of one level; every line of the log must be JSON.
    fn lines_of(log: &[String], level: &str) -> Vec<Value> {
        log.iter().map(json).filter(|line| line["level"] == level).collect()
    }

    /// The log of one invocation.
    async fn log_of(name: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let mut function = Function::start(variables).await;
        function.invoke(events::payload(name)).await;
        function.log()
    }

    #[tokio::test]
    async fn a_batch_is_one_info_line_and_one_warning_a_reason() {
        let log = log_of("poison-in-the-middle", &[]).await;
        let infos = lines_of(&log, "INFO");
        assert_eq!(infos.len(), 1, "{infos:?}");
        let counts = ["records", "lanes", "folded", "bars_closed", "items_read", "items_written"];
        // Two symbols, of each the watermark and two series.
        assert_eq!(counts.map(|name| infos[0][name].as_u64().unwrap()), [18, 2, 11, 7, 0, 6]);
        let warnings = lines_of(&log, "WARN");
        let reasons: Vec<_> = warnings.iter().map(|line| line["reason"].as_str().unwrap()).collect();
        let expected = ["bad_base64", "bad_json", "unknown_event", "bad_gzip", "bad_decimal", "bad_time"];
        assert_eq!(reasons, expected);
        assert!(warnings.iter().all(|line| line["count"] == 1 && line["sequence_number"].is_string()));
    }

    #[tokio::test]
    async fn metrics_count_what_happened() {
        let log = log_of("poison-in-the-middle", &[]).await;
        let documents: Vec<_> = log.iter().map(json).filter(|line| line.get("_aws").is_some()).collect();
        let metric = |name: &str, dimension: Option<(&str, &str)>| {
            let is_of = |document: &&Value| {
                document.get(name).is_some() && dimension.is_none_or(|(key, value)| document[key] == value)
            };
            documents.iter().find(is_of).unwrap_or_else(|| panic!("expected a metric {name}"))[name]
                .as_u64()
                .unwrap()
        };
        assert_eq!((metric("TradesFolded", None), metric("LanesFailed", None)), (11, 0));
        assert_eq!(metric("BarsClosed", Some(("Interval", "1m"))), 5);
        assert_eq!(metric("BarsClosed", Some(("Interval", "5m"))), 2);
        assert_eq!(metric("Refusals", Some(("Reason", "bad_gzip"))), 1);
        assert_eq!(metric("Drops", Some(("Reason", "control"))), 1);
        // The session is of the past.
        assert!(metric("PublishLag", None) > 0);
    }

    #[tokio::test]
    async fn no_payload_is_logged() {
        for line in log_of("one-shard", &[("LOG_LEVEL", "trace")]).await {
            for payload in ["BTCUSDT", "eyJ", "65000.1"] {
                assert!(!line.contains(payload), "{line}");
            }
        }
    }
}
