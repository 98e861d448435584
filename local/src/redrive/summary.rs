//! What came of a redrive, as a table for a person.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use super::document::Document;
use super::label::Label;
use crate::quantity::{counted, grouped};

/// Reasons that have a line of their own. The services have some dozens of error names.
const REASONS_MAX: usize = 100;
/// The line of all others.
const OTHER: &str = "other";

/// What came of the records of one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Documents.
    pub(super) documents: u64,
    /// Their records.
    pub(super) records: u64,
    /// Records that were put.
    pub(super) put: u64,
    /// Records that were put before, by the journal.
    pub(super) before: u64,
    /// Records of which a document only told where they are, and which are not there any more.
    pub(super) gone: u64,
}

impl Counts {
    /// Records that are still to be put.
    const fn left(&self) -> u64 {
        self.records.saturating_sub(self.put + self.before + self.gone)
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Summary {
    reasons: BTreeMap<String, Counts>,
    /// Texts that are no documents.
    pub(super) unreadable: u64,
    /// Records that the destination does not take.
    pub(super) too_large: u64,
    rows: u64,
    unknown: u64,
}

impl Summary {
    /// Counts a document; hands back how many records it is about.
    pub(super) fn add_document(&mut self, document: &Document) -> u64 {
        let (counts, records) = (self.counts(&document.reason), document.records() as u64);
        counts.documents += 1;
        counts.records += records;
        records
    }

    /// The counts of a reason.
    pub(super) fn counts(&mut self, reason: &str) -> &mut Counts {
        let has_room = self.reasons.len() < REASONS_MAX || self.reasons.contains_key(reason);
        self.reasons.entry(if has_room { reason } else { OTHER }.to_owned()).or_default()
    }

    /// Counts what data turned out to be.
    pub(super) const fn add_label(&mut self, label: &Label) {
        match label {
            Label::Frames(_) => {}
            Label::Rows(_) => self.rows += 1,
            Label::Unknown => self.unknown += 1,
        }
    }

    /// Whether every record is where it belongs.
    pub(super) fn is_complete(&self) -> bool {
        self.unreadable == 0 && self.reasons.values().all(|counts| counts.left() == 0 && counts.gone == 0)
    }

    /// The table.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        let heads = ["reason", "documents", "records", "put", "put before", "gone", "left"];
        table.load_style(presets::NOTHING).set_header(heads);
        for (reason, counts) in &self.reasons {
            table.add_row(row(reason, counts));
        }
        if self.reasons.len() != 1 {
            table.add_row(row("all", &self.all()));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn all(&self) -> Counts {
        self.reasons.values().fold(Counts::default(), |all, counts| Counts {
            documents: all.documents + counts.documents,
            records: all.records + counts.records,
            put: all.put + counts.put,
            before: all.before + counts.before,
            gone: all.gone + counts.gone,
        })
    }

    /// What a person should know besides, a line each.
    pub(super) fn remarks(&self) -> Vec<String> {
        let said = [
            (self.unreadable, "text", "no failure document: name the folder of failures alone"),
            (self.too_large, "record", "too large for the destination"),
            (self.all().gone, "record", "gone: their stream has let go of what is older than its retention"),
            (self.unknown, "record", "not readable as frames, and will be refused again"),
            (
                self.rows,
                "record",
                "made of rows, which the stream of the indicators takes, not that of the frames",
            ),
        ];
        let said = said.into_iter().filter(|(number, ..)| *number > 0);
        said.map(|(number, noun, what)| format!("{} {} {what}", counted(number, noun), is(number))).collect()
    }
}

const fn is(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

fn row(reason: &str, counts: &Counts) -> Vec<String> {
    let Counts { documents, records, put, before, gone } = *counts;
    let numbers = [documents, records, put, before, gone, counts.left()];
    std::iter::once(reason.to_owned()).chain(numbers.map(grouped)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of a reason in the table, its columns apart by one space.
    fn line(summary: &Summary, reason: &str) -> String {
        let table = summary.table().to_string();
        let line = table.lines().find(|line| line.trim_start().starts_with(reason)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_neither_put_nor_gone_is_left() {
        let mut summary = Summary::default();
        *summary.counts("a") = Counts { documents: 1, records: 2000, put: 900, before: 90, gone: 10 };
        assert_eq!(line(&summary, "a"), "a 1 2,000 900 90 10 1,000");
        assert!(!summary.is_complete());
        *summary.counts("b") = Counts { documents: 1, records: 1, put: 1, before: 0, gone: 0 };
        assert_eq!(line(&summary, "all"), "all 2 2,001 901 90 10 1,000");
    }

    #[test]
    fn a_record_that_is_gone_is_not_back() {
        let mut summary = Summary::default();
        *summary.counts("a") = Counts { documents: 1, records: 1, put: 1, before: 0, gone: 0 };
        assert!(summary.is_complete() && summary.remarks().is_empty());
        *summary.counts("a") = Counts { documents: 1, records: 1, put: 0, before: 0, gone: 1 };
        assert!(!summary.is_complete());
        assert_eq!(
            summary.remarks(),
            ["1 record is gone: their stream has let go of what is older than its retention"]
        );
    }

    #[test]
    fn reasons_beyond_the_usual_share_a_line() {
        let mut summary = Summary::default();
        for number in 0..REASONS_MAX + 5 {
            summary.counts(&number.to_string()).documents += 1;
        }
        assert_eq!(summary.counts(OTHER).documents, 5);
        summary.counts("0").documents += 1;
        assert_eq!(summary.counts("0").documents, 2);
    }
}
