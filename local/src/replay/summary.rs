//! What a run did: `summary.json`, and the same as a table.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::log::Metrics;
use crate::firehose::{Counts, RecordCounts, Written};

/// How wide the table is: lists of reasons and kinds are wrapped.
const TABLE_CHARS: u16 = 110;

/// What a run did with the frames, for one delivery stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Whether the run came to its end.
    pub(crate) finished: bool,
    /// Name of the delivery stream.
    pub(crate) delivery_stream: String,
    /// Frames of the recordings; each is one record.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) frame_bytes: u64,
    /// What became of the records.
    pub(crate) records: RecordCounts,
    /// Refused records by reason, as the function counted them.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Dropped frames by reason, as the function counted them.
    pub(crate) drops: BTreeMap<String, u64>,
    /// How the function was invoked.
    pub(crate) invocations: Invocations,
    /// Objects with records.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) object_bytes: u64,
    /// Objects with failure documents.
    pub(crate) error_objects: u64,
    /// Rows in the objects by kind.
    pub(crate) rows: BTreeMap<String, u64>,
    /// How long the run took, in milliseconds of this machine.
    pub(crate) elapsed_ms: u64,
}

/// How the function was invoked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Invocations {
    /// All invocations, retries included.
    pub(crate) count: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// The last failure, in one line.
    pub(crate) last_failure: Option<String>,
    /// Processes started.
    pub(crate) cold_starts: u64,
    /// The most memory that a process held, in bytes; absent where the system does not tell.
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Summary {
    /// Fills in what the delivery stream counted.
    pub(crate) fn add(&mut self, counts: &Counts, written: &Written) {
        self.frames = counts.records_in;
        self.frame_bytes = counts.bytes_in;
        self.records = counts.records.clone();
        self.invocations.count = counts.invocations;
        self.invocations.failed = counts.invocations_failed;
        self.invocations.last_failure.clone_from(&counts.last_failure);
        (self.objects, self.object_bytes) = (written.objects, written.object_bytes);
        self.error_objects = written.error_objects;
        self.rows.clone_from(&written.rows);
    }

    /// Fills in what the function counted.
    pub(crate) fn add_metrics(&mut self, metrics: Metrics) {
        (self.refusals, self.drops) = (metrics.refusals, metrics.drops);
    }

    /// What went wrong that is no record's fault, a line each.
    pub(crate) fn defects(&self) -> Vec<String> {
        let Invocations { count, failed, last_failure, .. } = &self.invocations;
        let invocations = last_failure.as_ref().map(|failure| {
            let of = counted(*count, "invocation");
            format!("{} of {of} failed, the last: {failure}", grouped(*failed))
        });
        let undelivered = [
            (self.records.partitioning_failed, "partitioning-failed"),
            (self.records.conversion_failed, "format-conversion-failed"),
        ];
        let undelivered = undelivered.into_iter().filter(|(records, _)| *records > 0);
        let undelivered = undelivered.map(|(records, what)| {
            format!("{} could not be delivered, see their {what} documents", counted(records, "record"))
        });
        invocations.into_iter().chain(undelivered).collect()
    }

    /// The summary as a table for a person.
    pub(crate) fn table(&self) -> Table {
        let mut rows = Rows(Table::new());
        rows.0
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(TABLE_CHARS);
        rows.add("frames in", grouped(self.frames), &bytes(self.frame_bytes));
        rows.add("Ok", grouped(self.records.ok), "");
        rows.add("Dropped", grouped(self.records.dropped), &reasons(&self.drops, "frames: "));
        rows.add("ProcessingFailed", grouped(self.records.processing_failed), &reasons(&self.refusals, ""));
        for (name, count) in [
            ("invocation failed", self.records.invocation_failed),
            ("partitioning failed", self.records.partitioning_failed),
            ("conversion failed", self.records.conversion_failed),
        ] {
            if count > 0 {
                rows.add(name, grouped(count), "");
            }
        }
        rows.add("rows", grouped(self.rows.values().sum()), &reasons(&self.rows, ""));
        rows.add("objects", grouped(self.objects), &bytes(self.object_bytes));
        rows.add("error objects", grouped(self.error_objects), "");
        rows.add("invocations", grouped(self.invocations.count), &self.invocations_note());
        rows.add("time", elapsed(Duration::from_millis(self.elapsed_ms)), &self.rate());
        rows.0
    }

    fn invocations_note(&self) -> String {
        let Invocations { failed, cold_starts, peak_memory_bytes, .. } = &self.invocations;
        let memory =
            peak_memory_bytes.map(|peak| format!(", peak memory {}", bytes(peak))).unwrap_or_default();
        format!("{failed} failed, {}{memory}", counted(*cold_starts, "cold start"))
    }

    fn rate(&self) -> String {
        let per_second = self.frames.saturating_mul(1000).checked_div(self.elapsed_ms);
        per_second.map(|rate| format!("{} frames/s", grouped(rate))).unwrap_or_default()
    }
}

struct Rows(Table);

impl Rows {
    fn add(&mut self, name: &str, value: impl Display, note: &str) {
        self.0.add_row([name.to_owned(), value.to_string(), note.to_owned()]);
        if let Some(column) = self.0.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// `bad_json 3, unknown_event 1`.
fn reasons(counts: &BTreeMap<String, u64>, prefix: &str) -> String {
    let parts: Vec<_> =
        counts.iter().map(|(reason, &count)| format!("{reason} {}", grouped(count))).collect();
    if parts.is_empty() { String::new() } else { format!("{prefix}{}", parts.join(", ")) }
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

fn elapsed(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_table_names_every_reason() {
        let summary = Summary {
            frames: 5,
            refusals: BTreeMap::from([("bad_json".to_owned(), 3)]),
            drops: BTreeMap::from([("control".to_owned(), 2)]),
            ..Summary::default()
        };
        let table = summary.table().to_string();
        assert!(table.contains("bad_json 3") && table.contains("frames: control 2"), "{table}");
        assert!(!table.contains("conversion failed"), "{table}");
    }
}
