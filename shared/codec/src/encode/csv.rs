//! CSV as Redshift's COPY reads it: RFC 4180 without a header, `kind` first, then the wide table's columns in their
//! order; an absent value is an empty field. Lines end with a line feed alone, as every loader accepts.

use std::ops::Range;

use tapeline_market::{Decimal, Timestamp};

use super::{COLUMNS, Column, IdWriter, Row, json};
use crate::binance::{Digits, Levels, Message};

pub(super) const FRAMES_MAX: Option<usize> = None;

pub(super) fn write(message: &Message<'_>, arrival: Option<Timestamp>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut row = CsvRow { values: out, cells: [const { 0..0 }; COLUMNS.len()] };
    row.message(message, arrival);
    let CsvRow { values: out, cells } = row;
    let values_end = out.len();
    out.extend_from_slice(message.body.kind().as_str().as_bytes());
    for cell in cells {
        out.push(b',');
        write_field(cell, out);
    }
    out.push(b'\n');
    out.drain(start..values_end);
}

/// Messages write their columns in their own order: values are kept until all are known, in front of where the row is
/// then written, so that a row needs no buffer of its own.
struct CsvRow<'o> {
    values: &'o mut Vec<u8>,
    cells: [Range<usize>; COLUMNS.len()],
}

impl CsvRow<'_> {
    fn cell(&mut self, column: Column, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.values.len();
        write(self.values);
        if let Some(cell) = self.cells.get_mut(column.at) {
            *cell = start..self.values.len();
        }
    }
}

impl Row for CsvRow<'_> {
    fn text(&mut self, column: Column, value: &str) {
        self.cell(column, |out| out.extend_from_slice(value.as_bytes()));
    }

    fn word(&mut self, column: Column, value: &str) {
        self.text(column, value);
    }

    fn digits(&mut self, column: Column, value: Digits<'_>) {
        self.text(column, value.as_str());
    }

    fn decimal(&mut self, column: Column, value: Decimal) {
        self.cell(column, |out| value.write_shortest_to(out));
    }

    fn integer(&mut self, column: Column, value: u64) {
        self.text(column, itoa::Buffer::new().format(value));
    }

    fn time(&mut self, column: Column, value: Timestamp) {
        self.cell(column, |out| out.extend_from_slice(&value.to_iso()));
    }

    fn flag(&mut self, column: Column, value: bool) {
        self.text(column, if value { "true" } else { "false" });
    }

    fn levels(&mut self, column: Column, value: Levels<'_>) {
        self.cell(column, |out| json::write_levels(value, out));
    }

    fn id(&mut self, column: Column, message: &Message<'_>) {
        self.cell(column, |out| IdWriter::write(message, out));
    }
}

/// Appends a field of what stands at `value`, in quotes where its content would end it.
fn write_field(value: Range<usize>, out: &mut Vec<u8>) {
    let must_be_quoted = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !out.get(value.clone()).is_some_and(|value| value.iter().any(must_be_quoted)) {
        // A value's place is inside of what has been written.
        out.extend_from_within(value);
        return;
    }
    out.push(b'"');
    for at in value {
        let Some(&byte) = out.get(at) else { break };
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_with_separators_are_quoted() {
        for (value, field) in [("a", "a"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("", "")] {
            let mut out = value.as_bytes().to_vec();
            super::write_field(0..value.len(), &mut out);
            assert_eq!(out, [value, field].concat().as_bytes());
        }
    }
}
