//! How far each series has come, for a person.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use tapeline_market::{Interval, Timestamp};

/// Columns of the table that are numbers.
const NUMBERS: [usize; 2] = [2, 3];

/// How far one series has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bars that it took.
    pub(super) bars: u64,
    /// What it says it has seen; more than `bars` where it was there before.
    pub(super) seen: u64,
    /// When its last bar opened.
    pub(super) last_open: Option<Timestamp>,
    /// How many of the columns had a value at the last bar.
    pub(super) values: usize,
}

impl Progress {
    /// Counts a bar, and what it gave.
    pub(super) fn take(&mut self, open_time: Timestamp, seen: u64, values: usize) {
        *self = Self { bars: self.bars + 1, seen, last_open: Some(open_time), values };
    }
}

/// The series of a warm-up, by lane (`market|symbol`) and interval.
pub(super) type Series = BTreeMap<(String, Interval), Progress>;

/// The table: `columns` are those of a row with every value, `kept` says what became of a series.
pub(super) fn table(series: &Series, columns: usize, kept: impl Fn(&str, Interval) -> String) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["symbol", "interval", "bars read", "bars_seen", "last bar", "values", "state"]);
    for ((lane, interval), progress) in series {
        let last = progress.last_open.map(|open| format!("{open:.19}")).unwrap_or_default();
        let symbol = lane.split_once('|').map_or(lane.as_str(), |(_, symbol)| symbol);
        table.add_row([
            symbol.to_owned(),
            interval.to_string(),
            progress.bars.to_string(),
            progress.seen.to_string(),
            last,
            format!("{} of {columns}", progress.values),
            kept(lane, *interval),
        ]);
    }
    for at in NUMBERS {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
