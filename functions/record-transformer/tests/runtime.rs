//! The built function in front of a Lambda Runtime API: what it posts, what it logs, what it holds.

#[cfg(test)]
#[path = "support/batches.rs"]
mod batches;
#[cfg(test)]
#[path = "support/events.rs"]
mod events;
#[cfg(test)]
#[path = "support/runtime_api.rs"]
mod runtime_api;

#[cfg(test)]
mod runtime {
    use std::collections::BTreeSet;
    use std::io::Write as _;

    use record_transformer::Transformed;
    use serde_json::Value;

    use super::runtime_api::{Function, Outcome, command};
    use super::{batches, events};

    fn json(text: impl AsRef<[u8]>) -> Value {
        serde_json::from_slice(text.as_ref()).unwrap()
    }

    #[test]
    fn every_sample_is_answered_as_the_library_answers_it() {
        let function = Function::start(&[]);
        let mut transformer = events::transformer(&[]);
        for name in events::names() {
            let Outcome { verdict, body } = function.invoke(events::payload(&name));
            match transformer.transform(&events::payload(&name)) {
                Ok(Transformed { answer, .. }) => {
                    assert_eq!((verdict.as_str(), body), ("response", answer), "{name}");
                }
                Err(error) => {
                    assert_eq!(verdict, "error", "{name}");
                    assert_eq!(json(body)["errorType"], error.error_type(), "{name}");
                }
            }
        }
    }

    #[test]
    fn an_event_that_cannot_be_answered_fails_and_the_next_is_answered() {
        let function = Function::start(&[]);
        for name in ["invalid-no-record-id", "invalid-kinesis-event"] {
            let outcome = function.invoke(events::payload(name));
            assert_eq!(outcome.verdict, "error");
            assert_eq!(json(outcome.body)["errorType"], "Tapeline.InvalidEvent");
        }
        let outcome = function.invoke(events::payload("good"));
        assert_eq!(outcome.verdict, "response");
        assert!(events::answered(&outcome.body).iter().all(|record| record.result == "Ok"));
    }

    #[test]
    fn a_failed_invocation_is_logged_once() {
        let errors = lines_of(log_of("invalid-no-record-id", &[]), "ERROR");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0]["error_type"], "Tapeline.InvalidEvent");
        assert_eq!(
            errors[0]["error"],
            "expected a Firehose transformation event: expected record 1 to have a `recordId` string"
        );
    }

    #[test]
    fn bad_configuration_ends_the_start_and_names_every_variable() {
        let output = command(&[("MARKET", "x"), ("KINDS", "y"), ("FORMAT", "csv")]).output().unwrap();
        assert!(!output.status.success());
        let log = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = lines_of(log.lines().map(str::to_owned).collect(), "ERROR");
        let variables: BTreeSet<_> = lines.iter().map(|line| line["variable"].as_str().unwrap()).collect();
        assert_eq!(variables, BTreeSet::from(["KINDS", "MARKET"]));
        assert!(lines.iter().all(|line| line["error"].as_str().unwrap().starts_with("expected ")), "{log}");
    }

    // --- Logs and metrics ---

    /// The log lines of one level; every line of the log must be JSON.
    fn lines_of(log: Vec<String>, level: &str) -> Vec<Value> {
        log.into_iter().map(json).filter(|line| line["level"] == level).collect()
    }

    /// The log of one invocation.
    fn log_of(name: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let function = Function::start(variables);
        function.invoke(events::payload(name));
        function.log()
    }

    #[test]
    fn a_batch_is_one_info_line_and_one_warning_a_reason() {
        let log = log_of("mixed", &[]);
        let infos = lines_of(log.clone(), "INFO");
        assert_eq!(infos.len(), 1, "{infos:?}");
        let counts =
            ["ok", "dropped", "failed", "frames", "rows"].map(|name| infos[0][name].as_u64().unwrap());
        assert_eq!(counts, [2, 3, 7, 5, 2]);
        let warnings = lines_of(log, "WARN");
        let reasons: Vec<_> = warnings.iter().map(|line| line["reason"].as_str().unwrap()).collect();
        assert_eq!(
            reasons,
            [
                "bad_decimal",
                "unknown_event",
                "bad_json",
                "no_symbol",
                "missing_field",
                "bad_number",
                "bad_time"
            ]
        );
        assert!(warnings.iter().all(|line| line["records"] == 1 && line["record_id"].is_string()));
    }

    #[test]
    fn no_payload_is_logged() {
        for line in log_of("mixed", &[("LOG_LEVEL", "trace")]) {
            for payload in ["BNBBTC", "eyJ"] {
                assert!(!line.contains(payload), "{line}");
            }
        }
    }

    #[test]
    fn only_what_the_level_asks_for_is_logged() {
        let log = log_of("mixed", &[("LOG_LEVEL", "error")]);
        assert!(log.into_iter().map(json).all(|line| line.get("_aws").is_some()));
    }

    #[test]
    fn metrics_follow_the_schema_of_the_embedded_metric_format() {
        let documents: Vec<_> =
            log_of("mixed", &[]).into_iter().map(json).filter(|line| line.get("_aws").is_some()).collect();
        documents.iter().for_each(check_embedded_metrics);
        let metric = |name: &str, reason: Option<&str>| {
            let found = documents.iter().find(|document| {
                document.get(name).is_some() && document.get("Reason").and_then(Value::as_str) == reason
            });
            found.unwrap_or_else(|| panic!("expected a metric {name} {reason:?}"))[name].as_u64().unwrap()
        };
        assert_eq!(
            [metric("RecordsOk", None), metric("RecordsDropped", None), metric("RecordsFailed", None)],
            [2, 3, 7]
        );
        assert_eq!((metric("Refusals", Some("bad_json")), metric("Drops", Some("control"))), (1, 2));
        assert_eq!(metric("EventLagMax", None), 114_000);
    }

    /// The schema in "Specification: Embedded metric format".
    fn check_embedded_metrics(document: &Value) {
        let aws = &document["_aws"];
        assert!(aws["Timestamp"].is_u64(), "{document}");
        for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
            assert!((1..=1024).contains(&directive["Namespace"].as_str().unwrap().len()));
            for set in directive["Dimensions"].as_array().unwrap() {
                let names = set.as_array().unwrap();
                assert!(names.len() <= 30, "{document}");
                for name in names {
                    let value = document[name.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()), "{document}");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()), "{document}");
            for metric in metrics {
                assert!(document[metric["Name"].as_str().unwrap()].is_number(), "{document}");
                let unit = metric["Unit"].as_str().unwrap();
                assert!(["Count", "Bytes", "Microseconds"].contains(&unit), "{document}");
            }
        }
    }

    // --- Memory ---

    const MEMORY_BYTES_MAX: u64 = 40 * 1024 * 1024;

    #[test]
    #[cfg(target_os = "linux")]
    fn six_megabyte_events_in_a_row_stay_within_the_memory() {
        let function = Function::start(&[]);
        let payload = batches::oversized();
        let expected = events::transformer(&[]).transform(&payload).unwrap().answer;
        for _ in 0..10 {
            assert!(function.invoke(payload.clone()).body == expected);
        }
        let memory = function.memory_bytes_max();
        println!("{memory} bytes at most");
        assert!(memory < MEMORY_BYTES_MAX, "{memory} bytes");
    }

    /// Half of what the deployed function has: a batch must not be lost because one record fills the memory.
    const EXPANDED_MEMORY_BYTES_MAX: u64 = 128 * 1024 * 1024;

    #[test]
    #[cfg(target_os = "linux")]
    fn records_that_expand_a_hundredfold_stay_within_the_memory() {
        let many: Vec<_> = (0..100_000).map(batches::trade).collect();
        // Levels compress too well for the limit: some noise beside them brings the ratio down.
        let levels = vec![r#"["1","1"]"#; 6_500_000].join(",");
        let giant =
            format!(r#"{{"lastUpdateId":1,"bids":[{levels}],"asks":[],"noise":"{}"}}"#, noise(500_000));
        let data = [gzip(&many.join("\n")), gzip(&giant), gzip(&batches::trade(1))];
        let records: Vec<_> = data.iter().map(|data| batches::record("id", data)).collect();
        let function = Function::start(&[]);
        let results: Vec<_> = events::answered(&function.invoke(batches::event(&records)).body)
            .into_iter()
            .map(|record| record.result)
            .collect();
        assert_eq!(results, ["ProcessingFailed", "ProcessingFailed", "Ok"]);
        let memory = function.memory_bytes_max();
        println!("{memory} bytes at most");
        assert!(memory < EXPANDED_MEMORY_BYTES_MAX, "{memory} bytes");
        let warnings = lines_of(function.log(), "WARN");
        let reasons: Vec<_> = warnings.iter().map(|line| line["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons, ["response_too_large", "expansion_limit"]);
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Letters without a pattern, the same each time (the generator of MMIX).
    fn noise(letters: usize) -> String {
        let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let states = std::iter::successors(Some(1_u64), next).skip(1);
        states.take(letters).map(|state| char::from(b'a' + state.to_be_bytes()[1] % 26)).collect()
    }
}
