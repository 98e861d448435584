//! One Parquet column in memory: the values, and the levels that say where they stand.
//!
//! Parquet stores a nested table as flat columns (Dremel's shredding). Each entry of a column has a **repetition
//! level**, which says at what depth of lists it continues (0 starts a row), and a **definition level**, which says how
//! much of its path is there; only an entry with the highest definition level has a value. Levels are kept as runs:
//! a column that no row has is one run, and so is a flat column that every row has.

use std::ops::Range;

use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};

/// How many entries are expanded from their runs at a time, give or take one row.
const BATCH_ENTRIES: usize = 16 * 1024;

/// Where an entry stands: its repetition and its definition level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    /// At what depth of lists the entry continues; 0 starts a row.
    pub(super) repetition: u8,
    /// How much of the path is there.
    pub(super) definition: u8,
}

impl Level {
    /// A row in which the column is null.
    pub(super) const NULL_ROW: Self = Self { repetition: 0, definition: 0 };
}

/// Neighbouring entries of the same level.
#[derive(Debug, Clone, Copy)]
struct Run {
    level: Level,
    length: u32,
}

/// A place in a column to come back to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    runs: usize,
    last_length: u32,
    values: usize,
}

/// A column's entries since the last row group.
#[derive(Debug)]
pub(super) struct Column {
    runs: Vec<Run>,
    max: Level,
    pub(super) values: Values,
}

/// A column's values, without its nulls.
#[derive(Debug)]
pub(super) enum Values {
    /// `boolean`.
    Boolean(Vec<bool>),
    /// `tinyint`, `smallint`, `int` and `date`.
    Int32(Vec<i32>),
    /// `bigint`.
    Int64(Vec<i64>),
    /// `timestamp`.
    Int96(Vec<Int96>),
    /// `float`.
    Float(Vec<f32>),
    /// `double`.
    Double(Vec<f64>),
    /// Texts and `binary`.
    Bytes(Bytes),
    /// `decimal`: the digits as a whole number.
    Decimal(Vec<i128>),
}

/// Byte strings behind one another.
#[derive(Debug)]
pub(super) struct Bytes {
    content: Vec<u8>,
    ends: Vec<usize>,
}

/// Some of a column's rows, expanded for the writer.
pub(super) struct Batch<'a> {
    /// The definition level of every entry.
    pub(super) definition: &'a [i16],
    /// The repetition level of every entry; `None` in a column without lists.
    pub(super) repetition: Option<&'a [i16]>,
    /// Which values they have.
    pub(super) values: Range<usize>,
}

impl Column {
    /// Starts an empty column whose entries reach up to the level `max`.
    pub(super) const fn new(max: Level, values: Values) -> Self {
        Self { runs: Vec::new(), max, values }
    }

    /// Adds entries without a value, or the level of a value just added.
    pub(super) fn push(&mut self, level: Level, count: u32) {
        if count == 0 {
            return;
        }
        match self.runs.last_mut() {
            Some(run) if run.level == level && run.length.checked_add(count).is_some() => run.length += count,
            _ => self.runs.push(Run { level, length: count }),
        }
    }

    /// The place behind the last entry.
    pub(super) fn mark(&self) -> Mark {
        let last_length = self.runs.last().map_or(0, |run| run.length);
        Mark { runs: self.runs.len(), last_length, values: self.values.len() }
    }

    /// Forgets every entry behind `mark`.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.runs.truncate(mark.runs);
        if let Some(run) = self.runs.last_mut() {
            run.length = mark.last_length;
        }
        self.values.truncate(mark.values);
    }

    /// Forgets every entry, and gives its memory back: the next rows may be another file's.
    pub(super) fn clear(&mut self) {
        self.runs = Vec::new();
        self.values = self.values.none();
    }

    /// Memory taken by the entries.
    pub(super) fn bytes(&self) -> usize {
        self.runs.len() * size_of::<Run>() + self.values.bytes()
    }

    /// Hands the entries to `write` in batches of whole rows.
    ///
    /// # Errors
    /// The first error of `write`.
    pub(super) fn batches<E>(&self, mut write: impl FnMut(Batch<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut expanded = Expanded::default();
        for run in &self.runs {
            let mut left = run.length as usize;
            while left > 0 {
                if run.level.repetition == 0 && expanded.definition.len() >= BATCH_ENTRIES {
                    write(expanded.batch(self.max))?;
                    expanded.next_batch();
                }
                // Only entries that start a row may be parted from the one before.
                let room = BATCH_ENTRIES.saturating_sub(expanded.definition.len()).max(1);
                let count = if run.level.repetition == 0 { left.min(room) } else { left };
                expanded.push(run.level, count, self.max.definition);
                left -= count;
            }
        }
        if expanded.definition.is_empty() { Ok(()) } else { write(expanded.batch(self.max)) }
    }
}

/// The levels of the batch being gathered.
#[derive(Default)]
struct Expanded {
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Range<usize>,
}

impl Expanded {
    fn push(&mut self, level: Level, count: usize, definition_max: u8) {
        let length = self.definition.len() + count;
        self.definition.resize(length, i16::from(level.definition));
        self.repetition.resize(length, i16::from(level.repetition));
        self.values.end += if level.definition == definition_max { count } else { 0 };
    }

    fn batch(&self, max: Level) -> Batch<'_> {
        let repetition = (max.repetition > 0).then_some(self.repetition.as_slice());
        Batch { definition: &self.definition, repetition, values: self.values.clone() }
    }

    fn next_batch(&mut self) {
        self.definition.clear();
        self.repetition.clear();
        self.values.start = self.values.end;
    }
}

impl Values {
    /// No values of the same type.
    const fn none(&self) -> Self {
        match self {
            Self::Boolean(_) => Self::Boolean(Vec::new()),
            Self::Int32(_) => Self::Int32(Vec::new()),
            Self::Int64(_) => Self::Int64(Vec::new()),
            Self::Int96(_) => Self::Int96(Vec::new()),
            Self::Float(_) => Self::Float(Vec::new()),
            Self::Double(_) => Self::Double(Vec::new()),
            Self::Bytes(_) => Self::Bytes(Bytes::new()),
            Self::Decimal(_) => Self::Decimal(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Int96(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bytes(values) => values.ends.len(),
            Self::Decimal(values) => values.len(),
        }
    }

    fn truncate(&mut self, length: usize) {
        match self {
            Self::Boolean(values) => values.truncate(length),
            Self::Int32(values) => values.truncate(length),
            Self::Int64(values) => values.truncate(length),
            Self::Int96(values) => values.truncate(length),
            Self::Float(values) => values.truncate(length),
            Self::Double(values) => values.truncate(length),
            Self::Bytes(values) => values.truncate(length),
            Self::Decimal(values) => values.truncate(length),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Boolean(values) => size_of_val(values.as_slice()),
            Self::Int32(values) => size_of_val(values.as_slice()),
            Self::Int64(values) => size_of_val(values.as_slice()),
            Self::Int96(values) => size_of_val(values.as_slice()),
            Self::Float(values) => size_of_val(values.as_slice()),
            Self::Double(values) => size_of_val(values.as_slice()),
            Self::Bytes(values) => values.content.len() + size_of_val(values.ends.as_slice()),
            Self::Decimal(values) => size_of_val(values.as_slice()),
        }
    }
}

impl Bytes {
    /// Starts without any.
    pub(super) const fn new() -> Self {
        Self { content: Vec::new(), ends: Vec::new() }
    }

    /// Adds one byte string.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.content.extend_from_slice(bytes);
        self.ends.push(self.content.len());
    }

    fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.content.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The byte strings of a range, as the writer takes them. They share one copy of their content.
    pub(super) fn slice(&self, range: Range<usize>) -> Vec<ByteArray> {
        let start_of =
            |index: usize| index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let ends = self.ends.get(range.clone()).unwrap_or_default();
        let first = start_of(range.start).unwrap_or(0);
        let last = ends.last().copied().unwrap_or(first);
        let shared = ByteArray::from(self.content.get(first..last).unwrap_or_default().to_vec());
        let mut start = first;
        ends.iter()
            .map(|&end| {
                let bytes = shared.slice(start - first, end - start);
                start = end;
                bytes
            })
            .collect()
    }
}

/// Decimals as Parquet stores them: two's complement, most significant byte first, in the fewest bytes that hold the
/// precision.
pub(super) fn fixed_length(decimals: &[i128], length: usize) -> Vec<FixedLenByteArray> {
    let skipped = size_of::<i128>().saturating_sub(length);
    decimals
        .iter()
        .map(|decimal| decimal.to_be_bytes().get(skipped..).unwrap_or_default().to_vec().into())
        .collect()
}

/// The fewest bytes whose two's complement holds every number of `precision` digits.
pub(super) const fn fixed_length_bytes(precision: u8) -> usize {
    let mut bytes = 1;
    // 10^precision - 1 must be below 2^(8 * bytes - 1); 16 bytes hold 38 digits.
    while bytes < 16 && 10_u128.pow(precision as u32) > 1_u128 << (8 * bytes - 1) {
        bytes += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: Level = Level { repetition: 0, definition: 3 };
    const MORE: Level = Level { repetition: 1, definition: 3 };

    fn column() -> Column {
        Column::new(MORE, Values::Int32(Vec::new()))
    }

    fn push(column: &mut Column, level: Level, value: i32) {
        let Values::Int32(values) = &mut column.values else { panic!("an Int32 column") };
        values.push(value);
        column.push(level, 1);
    }

    /// Every batch's definition levels, repetition levels and range of values.
    fn batches(column: &Column) -> Vec<(Vec<i16>, Vec<i16>, Range<usize>)> {
        let mut seen = Vec::new();
        column
            .batches(|batch| {
                seen.push((
                    batch.definition.to_vec(),
                    batch.repetition.unwrap_or_default().to_vec(),
                    batch.values,
                ));
                Ok::<(), ()>(())
            })
            .unwrap();
        seen
    }

    #[test]
    fn levels_come_back_as_they_were_pushed() {
        let mut column = column();
        column.push(Level::NULL_ROW, 2);
        push(&mut column, VALUE, 7);
        push(&mut column, MORE, 8);
        push(&mut column, MORE, 9);
        column.push(Level { repetition: 0, definition: 1 }, 1);
        assert_eq!(batches(&column), [(vec![0, 0, 3, 3, 3, 1], vec![0, 0, 0, 1, 1, 0], 0..3)]);
    }

    #[test]
    fn a_mark_undoes_what_came_behind_it() {
        let mut column = column();
        push(&mut column, VALUE, 7);
        let mark = column.mark();
        let bytes = column.bytes();
        push(&mut column, VALUE, 8);
        push(&mut column, MORE, 9);
        column.push(Level::NULL_ROW, 5);
        column.rewind(mark);
        assert_eq!(batches(&column), [(vec![3], vec![0], 0..1)]);
        assert_eq!(column.bytes(), bytes);
        column.clear();
        assert!(batches(&column).is_empty());
        assert_eq!(column.bytes(), 0);
    }

    #[test]
    fn a_batch_ends_where_a_row_ends() {
        let mut column = column();
        for _ in 0..3 {
            push(&mut column, VALUE, 1);
            for _ in 1..BATCH_ENTRIES * 2 / 3 {
                push(&mut column, MORE, 1);
            }
        }
        column.push(Level::NULL_ROW, u32::try_from(BATCH_ENTRIES * 2).unwrap());
        let lengths: Vec<_> = batches(&column).into_iter().map(|(definition, ..)| definition.len()).collect();
        let row = BATCH_ENTRIES * 2 / 3;
        assert_eq!(lengths, [2 * row, BATCH_ENTRIES, BATCH_ENTRIES, row]);
        assert!(batches(&column).iter().all(|(_, repetition, _)| repetition[0] == 0));
    }

    #[test]
    fn byte_strings_are_sliced_out_of_their_content() {
        let mut bytes = Bytes::new();
        for text in ["ab", "", "cde", "f"] {
            bytes.push(text.as_bytes());
        }
        bytes.truncate(3);
        let texts: Vec<_> =
            bytes.slice(1..3).iter().map(|bytes| bytes.as_utf8().unwrap().to_owned()).collect();
        assert_eq!(texts, ["", "cde"]);
        assert!(bytes.slice(3..3).is_empty());
    }

    #[test]
    fn decimals_take_the_fewest_bytes() {
        // The table of parquet-format: n bytes hold floor(log10(2^(8n-1) - 1)) digits.
        let digits = [2, 4, 6, 9, 11, 14, 16, 18, 21, 23, 26, 28, 31, 33, 35, 38];
        for (bytes, digits) in (1..).zip(digits) {
            assert_eq!(fixed_length_bytes(digits), bytes, "{digits} digits");
            if digits < 38 {
                assert_eq!(fixed_length_bytes(digits + 1), bytes + 1, "{} digits", digits + 1);
            }
        }
        let fixed: Vec<_> = fixed_length(&[-2, 258], 2).iter().map(|bytes| bytes.data().to_vec()).collect();
        assert_eq!(fixed, [[255, 254], [1, 2]]);
    }
}
