//! Every sample invocation of `events/firehose` against its reviewed answer in `tests/golden`, and against what the
//! exchange's documentation says of its frames.
//!
//! `UPDATE_GOLDEN=1 cargo test -p record-transformer --test golden` writes the golden answers anew: read the
//! difference before it is committed.

#[cfg(test)]
#[path = "support/events.rs"]
mod events;
#[cfg(test)]
#[path = "support/oracle.rs"]
mod oracle;

#[cfg(test)]
mod golden {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
    use record_transformer::{Report, Transformed};
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::events::{self, Answered};
    use super::oracle::{self, Frame, Row};

    type Variables = &'static [(&'static str, &'static str)];

    /// The variables under which an event is shown; the defaults for all others.
    const SETTINGS: &[(&str, Variables)] = &[
        ("coinm", &[("MARKET", "coinm")]),
        ("csv", &[("FORMAT", "csv")]),
        ("documents", &[("FORMAT", "document"), ("PARTITION_KEYS", "")]),
        ("filtered", &[("KINDS", "trade"), ("SYMBOLS", "BNBBTC")]),
        ("futures", &[("MARKET", "usdm")]),
        ("klines", &[("KLINES", "all")]),
        ("symbol-keys", &[("PARTITION_KEYS", "market,symbol,kind,date")]),
    ];

    fn settings(name: &str) -> Variables {
        SETTINGS.iter().find(|(found, _)| *found == name).map_or(&[], |(_, variables)| variables)
    }

    fn variable(name: &str, variable: &str, default: &'static str) -> &'static str {
        settings(name).iter().find(|(found, _)| *found == variable).map_or(default, |(_, value)| value)
    }

    /// The events that can be answered, each with its answer.
    fn answers() -> Vec<(String, Value, Transformed)> {
        let names = events::names().into_iter().filter(|name| !name.starts_with("invalid-"));
        names
            .map(|name| {
                let payload = events::payload(&name);
                let transformed = events::transformer(settings(&name)).transform(&payload).unwrap();
                (name, serde_json::from_slice(&payload).unwrap(), transformed)
            })
            .collect()
    }

    // --- The golden answers ---

    fn golden_folder() -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
    }

    /// What became of an event, to be read by people.
    fn told(name: &str) -> String {
        match events::transformer(settings(name)).transform(&events::payload(name)) {
            Err(error) => format!("invocation failed: {}: {}\n", error.error_type(), with_cause(&error)),
            Ok(Transformed { answer, report }) => {
                let records = events::answered(&answer);
                let records: String = records.iter().map(told_record).collect();
                format!("{records}{}", told_report(&report))
            }
        }
    }

    fn with_cause(error: &dyn std::error::Error) -> String {
        error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    }

    fn told_record(record: &Answered) -> String {
        let mut told = format!("{} {}", record.record_id, record.result);
        for (key, value) in &record.partition_keys {
            write!(told, " {key}={}", value.as_str().unwrap()).unwrap();
        }
        if record.data.0 != "data" {
            write!(told, " ({})", record.data.0).unwrap();
        }
        told.push('\n');
        let data = if record.result == "Ok" { rows_text(record) } else { record.data.1.clone() };
        for line in data.lines() {
            writeln!(told, "    {line}").unwrap();
        }
        told
    }

    /// The rows of a delivered record.
    fn rows_text(record: &Answered) -> String {
        String::from_utf8(BASE64_STANDARD.decode(&record.data.1).unwrap()).unwrap()
    }

    fn told_report(report: &Report) -> String {
        let mut told = format!(
            "\nok {}, dropped {}, failed {}\nframes {}, rows {}, bytes in {}, bytes out {}\n",
            report.records_ok,
            report.records_dropped,
            report.records_failed,
            report.frames,
            report.rows,
            report.bytes_in,
            report.bytes_out
        );
        if let Some(lag_us) = report.lag_max_us {
            writeln!(told, "longest lag {lag_us} us").unwrap();
        }
        for (reason, count) in &report.drops {
            writeln!(told, "dropped: {reason} {count}").unwrap();
        }
        for refusal in &report.refusals {
            let (reason, records) = (refusal.reason, refusal.records);
            writeln!(told, "refused: {reason} {records}, first {}: {}", refusal.record_id, refusal.error)
                .unwrap();
        }
        told
    }

    #[test]
    fn every_event_has_its_golden_answer() {
        let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
        for name in events::names() {
            let path = golden_folder().join(&name).with_extension("txt");
            let told = told(&name);
            if is_update {
                std::fs::write(&path, &told).unwrap();
            }
            let golden = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("expected a golden answer in {}: {error}", path.display()));
            assert_eq!(told, golden, "{name}: run with UPDATE_GOLDEN=1 if this is what should come out");
        }
    }

    #[test]
    fn every_golden_answer_has_its_event() {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let goldens = std::fs::read_dir(golden_folder()).unwrap().map(|entry| stem(entry.unwrap().path()));
        assert_eq!(goldens.collect::<BTreeSet<_>>(), events::names().into_iter().collect());
    }

    #[test]
    fn the_readme_names_every_event_and_its_settings() {
        let readme = std::fs::read_to_string(events::folder().join("../README.md")).unwrap();
        let row_of = |name: &str| {
            let start = format!("| `{name}` ");
            readme
                .lines()
                .find(|line| line.starts_with(&start))
                .unwrap_or_else(|| panic!("expected a row of {name}"))
        };
        for name in events::names() {
            let row = row_of(&name);
            for (variable, value) in settings(&name) {
                assert!(row.contains(&format!("`{variable}={value}`")), "{row}");
            }
        }
        // Batches of a data stream are another function's.
        let is_row = |line: &&str| line.starts_with("| `") && !line.starts_with("| `kinesis/");
        assert_eq!(readme.lines().filter(is_row).count(), events::names().len());
    }

    // --- What holds for every answer ---

    #[test]
    fn every_record_is_answered_once_in_order() {
        for (name, event, transformed) in answers() {
            let answered = events::answered(&transformed.answer);
            let found: Vec<_> = answered.iter().map(|record| record.record_id.as_str()).collect();
            let expected: Vec<_> = records(&event).iter().map(|r| r["recordId"].as_str().unwrap()).collect();
            assert_eq!(found, expected, "{name}");
            for record in answered {
                assert!(["Ok", "Dropped", "ProcessingFailed"].contains(&record.result.as_str()), "{name}");
                assert_eq!(
                    record.result == "Dropped",
                    record.data.1.is_empty() && record.result != "ProcessingFailed"
                );
            }
        }
    }

    #[test]
    fn a_failed_record_gives_back_its_original_data() {
        for (name, event, transformed) in answers() {
            for (record, answered) in records(&event).iter().zip(events::answered(&transformed.answer)) {
                let field =
                    if record.get("mskRecordMetadata").is_some() { "kafkaRecordValue" } else { "data" };
                assert_eq!(answered.data.0, field, "{name}");
                if answered.result == "ProcessingFailed" {
                    assert_eq!(answered.data.1, original(&record[field]), "{name}");
                }
            }
        }
    }

    /// Data that is no string goes back as its JSON text, in base64 like all data.
    fn original(data: &Value) -> String {
        match data {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => BASE64_STANDARD.encode(other.to_string()),
        }
    }

    #[test]
    fn every_row_says_what_its_frame_says() {
        let mut kinds = BTreeSet::new();
        for (name, event, transformed) in answers() {
            for (record, answered) in records(&event).iter().zip(events::answered(&transformed.answer)) {
                if answered.result != "Ok" {
                    continue;
                }
                let frames = delivered_frames(&name, record);
                kinds.extend(frames.iter().filter_map(Frame::kind));
                let expected = expected_rows(&name, record, &frames);
                assert_eq!(rows(&name, &answered), expected, "{name} {}", answered.record_id);
                check_partition_keys(&name, &answered, &expected[0]);
            }
        }
        // All fourteen kinds of the table in the documentation of records, but `indicators`, which no frame tells.
        assert_eq!(kinds.len(), 14, "{kinds:?}");
    }

    fn records(event: &Value) -> &[Value] {
        event["records"].as_array().unwrap()
    }

    /// The frames of a record that its settings let through.
    fn delivered_frames(name: &str, record: &Value) -> Vec<Frame> {
        let text = record["data"].as_str().or(record["kafkaRecordValue"].as_str()).unwrap();
        let data = BASE64_STANDARD_NO_PAD.decode(text.trim_end_matches('=')).unwrap();
        let (kinds, symbols) = (variable(name, "KINDS", "all"), variable(name, "SYMBOLS", "all"));
        let asks_for = |list: &str, word: &str| list == "all" || list.split(',').any(|found| found == word);
        let is_delivered = |frame: &Frame| {
            frame.kind().is_some_and(|kind| asks_for(kinds, kind) && asks_for(symbols, &frame.symbol()))
                && !frame.is_invalidated()
                && (variable(name, "KLINES", "closed") == "all" || !frame.is_open_kline())
        };
        oracle::frames(&data).into_iter().filter(is_delivered).collect()
    }

    fn expected_rows(name: &str, record: &Value, frames: &[Frame]) -> Vec<Row> {
        let arrival = oracle::arrival_micros(record);
        frames.iter().map(|frame| frame.row(variable(name, "MARKET", "spot"), arrival)).collect()
    }

    /// The rows of a delivered record, each column with its JSON text.
    fn rows(name: &str, answered: &Answered) -> Vec<Row> {
        let text = rows_text(answered);
        assert!(
            text.ends_with('\n') && !text.contains("\n\n"),
            "{name}: expected one newline behind each row"
        );
        if variable(name, "FORMAT", "json_lines") == "csv" {
            return text.lines().map(csv_row).collect();
        }
        let row = |line: &str| {
            let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
            fields.into_iter().map(|(column, value)| (column, value.get().to_owned())).collect()
        };
        text.lines().map(row).collect()
    }

    /// Reads a line of RFC 4180 and names its fields by the wide table.
    fn csv_row(line: &str) -> Row {
        let columns = tapeline_codec::encode::COLUMNS;
        let names: Vec<_> = std::iter::once("kind").chain(columns.iter().map(|column| column.name)).collect();
        let types = std::iter::once("string").chain(columns.iter().map(|column| column.hive_type));
        let (mut fields, mut is_quoted) = (vec![String::new()], false);
        for char in line.replace("\"\"", "\u{1}").chars() {
            match char {
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => fields.push(String::new()),
                '\u{1}' => fields.last_mut().unwrap().push('"'),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        assert_eq!(fields.len(), names.len(), "{line}");
        let cells = names.iter().zip(types).zip(fields).filter(|(_, field)| !field.is_empty());
        cells
            .map(|((name, hive_type), field)| {
                let is_text = ["string", "timestamp"].contains(&hive_type);
                ((*name).to_owned(), if is_text { Value::from(field).to_string() } else { field })
            })
            .collect()
    }

    /// The keys that the settings ask for, with what the record's first row says.
    fn check_partition_keys(name: &str, answered: &Answered, first: &Row) {
        let keys = variable(name, "PARTITION_KEYS", "kind,date").split(',').filter(|key| !key.is_empty());
        let expected = keys.map(|key| {
            let value = match key {
                "date" => {
                    first.get("event_time").unwrap_or_else(|| &first["arrival_time"])[..11].to_owned() + "\""
                }
                column => first[column].clone(),
            };
            (key.to_owned(), serde_json::from_str(&value).unwrap())
        });
        assert_eq!(answered.partition_keys, expected.collect(), "{name} {}", answered.record_id);
    }
}
