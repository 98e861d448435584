//! What a run did: `summary.json`, and the same as a table.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::firehose::RecordCounts;
use crate::mapping::{self, RETRIES_MAX};
use crate::quantity::{bytes, counted, grouped};

/// How wide the table is: lists of reasons and kinds are wrapped.
const TABLE_CHARS: u16 = 110;

/// What a run did with the frames.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Whether the run came to its end.
    pub(crate) finished: bool,
    /// Frames of the recordings; each is one record of the stream.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) frame_bytes: u64,
    /// What each delivery stream did, by its name.
    pub(crate) delivery_streams: BTreeMap<String, DeliverySummary>,
    /// What each event source mapping did, by its name in the template.
    pub(crate) mappings: BTreeMap<String, MappingSummary>,
    /// How long the run took, in milliseconds of this machine.
    pub(crate) elapsed_ms: u64,
}

/// What a delivery stream did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DeliverySummary {
    /// Name of the stream in front of it.
    pub(crate) stream: String,
    /// Name of the function that transforms its records; `None` without one.
    pub(crate) function: Option<String>,
    /// Records taken from the stream.
    pub(crate) records_in: u64,
    /// How they ended.
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
}

/// What an event source mapping did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MappingSummary {
    /// Name of the stream.
    pub(crate) stream: String,
    /// Name of the function.
    pub(crate) function: String,
    /// What became of its records and batches.
    #[serde(flatten)]
    pub(crate) counts: mapping::Counts,
    /// What the processes of the function took.
    #[serde(flatten)]
    pub(crate) processes: Processes,
    /// Bars closed by interval, as the function counted them.
    pub(crate) bars_closed: BTreeMap<String, u64>,
    /// Frames that were passed over because something is wrong with them, by reason, as the function counted them.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Frames left out by reason, as the function counted them.
    pub(crate) drops: BTreeMap<String, u64>,
    /// Everything else that the function counted.
    pub(crate) metrics: BTreeMap<String, u64>,
}

/// How a function was invoked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Invocations {
    /// All invocations, retries included.
    pub(crate) count: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// The last failure, in one line.
    pub(crate) last_failure: Option<String>,
    /// What the processes took.
    #[serde(flatten)]
    pub(crate) processes: Processes,
}

/// What the processes of a function took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Processes {
    /// Processes started.
    pub(crate) cold_starts: u64,
    /// The most memory that a process held, in bytes; absent where the system does not tell.
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Summary {
    /// Rows of a kind in all objects.
    pub(crate) fn rows(&self, kind: &str) -> u64 {
        self.delivery_streams.values().filter_map(|delivery| delivery.rows.get(kind)).sum()
    }

    /// What went wrong that is no record's fault, a line each.
    pub(crate) fn defects(&self) -> Vec<String> {
        let named = |name: &str, defects: Vec<String>| -> Vec<String> {
            defects.into_iter().map(|defect| format!("{name}: {defect}")).collect()
        };
        let deliveries =
            self.delivery_streams.iter().flat_map(|(name, delivery)| named(name, delivery.defects()));
        let mappings = self.mappings.values();
        let mappings = mappings.flat_map(|mapping| named(&mapping.function, mapping.defects()));
        deliveries.chain(mappings).collect()
    }

    /// The summary as a table for a person.
    pub(crate) fn table(&self) -> Table {
        let mut rows = Rows(Table::new());
        rows.0
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(TABLE_CHARS);
        rows.add("frames in", grouped(self.frames), &bytes(self.frame_bytes));
        for (name, delivery) in &self.delivery_streams {
            rows.begin(name, &delivery.stream);
            delivery.add_to(&mut rows);
        }
        for mapping in self.mappings.values() {
            rows.begin(&mapping.function, &mapping.stream);
            mapping.add_to(&mut rows);
        }
        rows.add("", "", "");
        rows.add("time", elapsed(Duration::from_millis(self.elapsed_ms)), &self.rate());
        rows.0
    }

    fn rate(&self) -> String {
        let per_second = self.frames.saturating_mul(1000).checked_div(self.elapsed_ms);
        per_second.map(|rate| format!("{} frames/s", grouped(rate))).unwrap_or_default()
    }
}

impl DeliverySummary {
    fn defects(&self) -> Vec<String> {
        let Invocations { count, failed, last_failure, .. } = &self.invocations;
        let undelivered = [
            (self.records.partitioning_failed, "partitioning-failed"),
            (self.records.conversion_failed, "format-conversion-failed"),
            (self.records.delivery_failed, "http-endpoint-failed or AmazonOpenSearchService-failed"),
        ];
        let undelivered = undelivered.into_iter().filter(|(records, _)| *records > 0);
        let undelivered = undelivered.map(|(records, what)| {
            format!("{} could not be delivered, see their {what} documents", counted(records, "record"))
        });
        failures((*failed, *count), last_failure.as_deref()).into_iter().chain(undelivered).collect()
    }

    fn add_to(&self, rows: &mut Rows) {
        if self.function.is_some() {
            rows.add("Ok", grouped(self.records.ok), "");
            rows.add("Dropped", grouped(self.records.dropped), &reasons(&self.drops, "frames: "));
            rows.add(
                "ProcessingFailed",
                grouped(self.records.processing_failed),
                &reasons(&self.refusals, ""),
            );
        } else {
            rows.add("records", grouped(self.records_in), "");
        }
        for (name, count) in [
            ("invocation failed", self.records.invocation_failed),
            ("decompression failed", self.records.decompression_failed),
            ("partitioning failed", self.records.partitioning_failed),
            ("conversion failed", self.records.conversion_failed),
            ("delivery failed", self.records.delivery_failed),
        ] {
            if count > 0 {
                rows.add(name, grouped(count), "");
            }
        }
        rows.add("rows", grouped(self.rows.values().sum()), &reasons(&self.kinds(), ""));
        rows.add("objects", grouped(self.objects), &bytes(self.object_bytes));
        rows.add("error objects", grouped(self.error_objects), "");
        if self.function.is_some() {
            let Invocations { count, failed, processes, .. } = &self.invocations;
            rows.add("invocations", grouped(*count), &processes.note(*failed));
        }
    }

    /// Rows by kind, where the objects have kinds.
    fn kinds(&self) -> BTreeMap<String, u64> {
        let kinds = self.rows.iter().filter(|(kind, _)| *kind != "all");
        kinds.map(|(kind, rows)| (kind.clone(), *rows)).collect()
    }
}

impl MappingSummary {
    /// What the function counted and found.
    fn found(&self) -> BTreeMap<String, u64> {
        let found = self.metrics.iter().filter(|(_, count)| **count > 0);
        found.map(|(metric, count)| (metric.clone(), *count)).collect()
    }

    fn defects(&self) -> Vec<String> {
        let mapping::Counts { invocations, invocations_failed, discarded, without_end, .. } = &self.counts;
        let failures = failures((*invocations_failed, *invocations), self.counts.last_failure.as_deref());
        let discarded = (*discarded > 0).then(|| {
            let documents =
                if self.counts.error_objects > 0 { ", see the documents in aws/lambda" } else { "" };
            format!(
                "{} came too often or too late and were given up{documents}",
                counted(*discarded, "record")
            )
        });
        let without_end = (*without_end > 0).then(|| {
            let events = counted(*without_end, "event");
            format!(
                "{events} failed {RETRIES_MAX} times more, and on AWS would until the records are too old"
            )
        });
        failures.into_iter().chain(discarded).chain(without_end).collect()
    }

    fn add_to(&self, rows: &mut Rows) {
        let counts = &self.counts;
        rows.add("records", grouped(counts.records), &reasons(&self.found(), ""));
        for (name, counts) in [("frames dropped", &self.drops), ("frames refused", &self.refusals)] {
            if !counts.is_empty() {
                rows.add(name, grouped(counts.values().sum()), &reasons(counts, ""));
            }
        }
        rows.add("bars closed", grouped(self.bars_closed.values().sum()), &reasons(&self.bars_closed, ""));
        let again = format!(
            "{} failed, {} reported a failure, {} cut in two",
            grouped(counts.invocations_failed),
            grouped(counts.failures_reported),
            grouped(counts.bisects)
        );
        rows.add("retries", grouped(counts.retries), &again);
        if counts.discarded > 0 {
            rows.add("given up", grouped(counts.discarded), "");
        }
        rows.add("invocations", grouped(counts.invocations), &self.processes.note(counts.invocations_failed));
    }
}

impl Processes {
    /// How invocations went, in a few words.
    fn note(&self, failed: u64) -> String {
        let memory = self.peak_memory_bytes.map(|peak| format!(", peak memory {}", bytes(peak)));
        let starts = counted(self.cold_starts, "cold start");
        format!("{} failed, {starts}{}", grouped(failed), memory.unwrap_or_default())
    }
}

/// Failed invocations in words; `None` when there are none.
fn failures((failed, count): (u64, u64), last: Option<&str>) -> Option<String> {
    let of = counted(count, "invocation");
    last.map(|last| format!("{} of {of} failed, the last: {last}", grouped(failed)))
}

struct Rows(Table);

impl Rows {
    /// Begins the part of one consumer of a stream.
    fn begin(&mut self, name: &str, stream: &str) {
        self.add("", "", "");
        self.add(name, "", &format!("from {stream}"));
    }

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

fn elapsed(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_reason() {
        let archive = DeliverySummary {
            function: Some("transformer".to_owned()),
            refusals: BTreeMap::from([("bad_json".to_owned(), 3)]),
            drops: BTreeMap::from([("control".to_owned(), 2)]),
            ..DeliverySummary::default()
        };
        let delivery_streams = BTreeMap::from([("archive".to_owned(), archive)]);
        let summary = Summary { frames: 5, delivery_streams, ..Summary::default() };
        let table = summary.table().to_string();
        assert!(table.contains("bad_json 3") && table.contains("frames: control 2"), "{table}");
        assert!(!table.contains("conversion failed"), "{table}");
    }

    #[test]
    fn records_that_were_given_up_are_a_defect() {
        let counts = mapping::Counts { discarded: 2, error_objects: 1, ..mapping::Counts::default() };
        let mapping =
            MappingSummary { function: "calculator".to_owned(), counts, ..MappingSummary::default() };
        let mappings = BTreeMap::from([("CalculatorFrames".to_owned(), mapping)]);
        let defects = Summary { mappings, ..Summary::default() }.defects();
        let expected = "calculator: 2 records came too often or too late and were given up, see the documents in aws/lambda";
        assert_eq!(defects, [expected]);
    }
}
