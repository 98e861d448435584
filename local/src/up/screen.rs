//! The status as a table for a person: what there is, how much, and how fast since the table before.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use crate::engine::status::{DeliveryStatus, FunctionStatus, MappingStatus, Status, StreamStatus};
use crate::quantity::{bytes, counted, grouped};

const STREAMS: Section<StreamStatus> = Section {
    heads: &["stream", "records", "/s", "shards"],
    counted: |stream| stream.records,
    row: stream_row,
};
const DELIVERIES: Section<DeliveryStatus> = Section {
    heads: &["delivery stream", "records", "/s", "buffered", "invocations", "failed", "objects", "refused"],
    counted: |delivery| delivery.records,
    row: delivery_row,
};
const MAPPINGS: Section<MappingStatus> = Section {
    heads: &["mapping", "records", "/s", "iterator age", "invocations", "failed", "retries", "given up"],
    counted: |mapping| mapping.records,
    row: mapping_row,
};
const FUNCTIONS: Section<FunctionStatus> = Section {
    heads: &[
        "function",
        "invocations",
        "/s",
        "p50",
        "p99",
        "errors",
        "throttles",
        "cold",
        "processes",
        "memory",
    ],
    counted: |function| function.invocations,
    row: function_row,
};

/// Draws the tables of a status; rates are those since the status `before`.
pub(super) fn tables(now: &Status, before: &Status) -> String {
    let seconds = Seconds::between(before, now);
    let tables = [
        STREAMS.table((&now.streams, &before.streams), &seconds),
        DELIVERIES.table((&now.delivery_streams, &before.delivery_streams), &seconds),
        MAPPINGS.table((&now.mappings, &before.mappings), &seconds),
        FUNCTIONS.table((&now.functions, &before.functions), &seconds),
    ];
    let mut text: String = tables.into_iter().flatten().map(|table| format!("{table}\n")).collect();
    let stopped =
        (now.delivery_streams.iter()).filter_map(|(name, delivery)| Some((name, delivery.stopped.as_ref()?)));
    text.extend(stopped.map(|(name, reason)| format!("{name} stopped: {reason}\n")));
    if now.records_let_go > 0 {
        text.push_str(&counted(now.records_let_go, "record"));
        text.push_str(" left their streams early: they hold as much as they may\n");
    }
    text
}

/// A table of everything of one sort.
struct Section<T> {
    heads: &'static [&'static str],
    /// What its rate is of.
    counted: fn(&T) -> u64,
    /// Makes the row of one, with its name and its rate.
    row: fn(&str, &T, String) -> Vec<String>,
}

impl<T> Section<T> {
    /// The table of what there is now, with what was there before; `None` when there is nothing.
    fn table(
        &self,
        (now, before): (&BTreeMap<String, T>, &BTreeMap<String, T>),
        seconds: &Seconds,
    ) -> Option<Table> {
        let rows = now.iter().map(|(name, one)| {
            let earlier = before.get(name).map_or(0, self.counted);
            (self.row)(name, one, seconds.rate((self.counted)(one), earlier))
        });
        table(self.heads, rows)
    }
}

/// The time between two statuses.
struct Seconds(f64);

impl Seconds {
    fn between(before: &Status, now: &Status) -> Self {
        // Milliseconds of a run are far below 2^53.
        #[expect(clippy::cast_precision_loss)]
        let seconds = (now.at_ms - before.at_ms) as f64 / 1000.0;
        Self(seconds)
    }

    /// `1,234`, or nothing where no time has passed.
    fn rate(&self, now: u64, before: u64) -> String {
        if self.0 <= 0.0 {
            return String::new();
        }
        // Counts of a second, rounded for a person.
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = (now.saturating_sub(before) as f64 / self.0).round() as u64;
        grouped(rate)
    }
}

/// A table with its heads; `None` without rows.
fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Option<Table> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    (!table.is_empty()).then_some(table)
}

fn stream_row(name: &str, stream: &StreamStatus, rate: String) -> Vec<String> {
    vec![name.to_owned(), grouped(stream.records), rate, grouped(stream.open_shards)]
}

fn delivery_row(name: &str, delivery: &DeliveryStatus, rate: String) -> Vec<String> {
    let name = if delivery.stopped.is_some() { format!("{name} (stopped)") } else { name.to_owned() };
    vec![
        name,
        grouped(delivery.records),
        rate,
        bytes(delivery.buffered_bytes),
        grouped(delivery.invocations),
        grouped(delivery.invocations_failed),
        grouped(delivery.objects),
        grouped(delivery.records_failed),
    ]
}

fn mapping_row(name: &str, mapping: &MappingStatus, rate: String) -> Vec<String> {
    vec![
        name.to_owned(),
        grouped(mapping.records),
        rate,
        format!("{} ms", grouped(mapping.iterator_age_ms)),
        grouped(mapping.invocations),
        grouped(mapping.invocations_failed),
        grouped(mapping.retries),
        grouped(mapping.discarded),
    ]
}

fn function_row(name: &str, function: &FunctionStatus, rate: String) -> Vec<String> {
    vec![
        name.to_owned(),
        grouped(function.invocations),
        rate,
        millis(function.p50_us),
        millis(function.p99_us),
        grouped(function.errors),
        grouped(function.throttles),
        grouped(function.cold_starts),
        grouped(function.processes),
        function.peak_memory_bytes.map(bytes).unwrap_or_default(),
    ]
}

/// Microseconds as `12.3 ms`.
fn millis(micros: u64) -> String {
    format!("{}.{} ms", grouped(micros / 1000), micros % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(at_ms: i64, records: u64) -> Status {
        let stream = StreamStatus { open_shards: 2, records };
        Status { at_ms, streams: [("frames".to_owned(), stream)].into(), ..Status::default() }
    }

    #[test]
    fn a_rate_is_what_came_since_the_table_before() {
        let text = tables(&status(3_000, 5_000), &status(1_000, 1_000));
        let row: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["frames", "5,000", "2,000", "2"]);
    }

    #[test]
    fn what_there_is_none_of_has_no_table() {
        let text = tables(&status(1_000, 0), &Status::default());
        assert!(text.contains("stream") && !text.contains("mapping"), "{text}");
    }

    #[test]
    fn durations_have_one_decimal() {
        assert_eq!(millis(1_234_567), "1,234.5 ms");
        assert_eq!(millis(90), "0.0 ms");
    }
}
