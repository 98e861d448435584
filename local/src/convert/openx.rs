//! The `OpenX` JSON `SerDe`: JSON documents to rows.
//!
//! Firehose's `OpenXJsonSerDe` is a fork of the open one, described only by its settings. What is known of it, and how
//! what is not known is done here ("seen" are answers of the real service that others have published):
//!
//! | case | here | source |
//! |---|---|---|
//! | keys differ from a column in case | taken, unless `CaseInsensitive` is false | Firehose API reference |
//! | several documents in a record | taken, with or without white space between them | Firehose guide |
//! | a JSON array at the top | `MalformedData` | the guide calls it no valid input; its code is unconfirmed |
//! | a primitive at the top | `MalformedData` | unconfirmed: an emulator answers so |
//! | an empty record | `MalformedData` | seen |
//! | text that is no JSON | `ParseError` | seen |
//! | a value that is none of the column's type | `MalformedData` | seen |
//! | a value that is no array for an `array` | an array of one | seen |
//! | an array for a `struct` | its fields by position | seen |
//! | keys of a `map` and of an object kept as text | in lower case, unless `CaseInsensitive` is false | seen |
//! | two keys of an object that differ in case only | the last one wins | unconfirmed: Athena's relative fails the row |
//! | a mapping of `ColumnToJsonKeyMappings` | for columns, not for fields of a `struct` | the API speaks of columns |
//! | a decimal with more digits than its column | `MalformedData` | unconfirmed: Hive would round a fraction |
//! | a text longer than `varchar(n)` | `MalformedData` | unconfirmed: Hive would cut it |
//! | a string for a `boolean` | `true` or `false` in any case | unconfirmed: Java takes any other text as false |
//! | a string for a `binary` | base64 | the open `SerDe`'s source |

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use tapeline_json::{Cursor, JsonError, Value};
use thiserror::Error;

use super::column::{Column, Level, Mark};
use super::schema::Schema;
use super::shred::Member;

/// How much of an offending value an error quotes.
const FOUND_CHARS_MAX: usize = 64;

/// The settings of `OpenXJsonSerDe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenX {
    /// `CaseInsensitive`: keys are taken in lower case before they are compared. True by default.
    pub(crate) case_insensitive: bool,
    /// `ConvertDotsInJsonKeysToUnderscores`: a key `a.b` belongs to the column `a_b`. False by default.
    pub(crate) convert_dots_in_json_keys_to_underscores: bool,
    /// `ColumnToJsonKeyMappings`: the key to read for a column, where it is not the column's name.
    pub(crate) column_to_json_key_mappings: BTreeMap<String, String>,
}

impl Default for OpenX {
    fn default() -> Self {
        Self {
            case_insensitive: true,
            convert_dots_in_json_keys_to_underscores: false,
            column_to_json_key_mappings: BTreeMap::new(),
        }
    }
}

/// A record cannot be converted. None of its documents has become a row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConversionError {
    /// The record has no document.
    #[error("expected a JSON object, was empty")]
    Empty,
    /// The record is no UTF-8.
    #[error("expected UTF-8, was none from byte {0} on")]
    Encoding(usize),
    /// The record is no JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A document is no object.
    #[error("expected a JSON object at the top level, was {found}")]
    TopLevel {
        /// The beginning of the document.
        found: String,
    },
    /// A value is none of its column's type.
    #[error("`{path}` must be {expected}, was {found}")]
    Mismatch {
        /// The column, and the fields below it.
        path: String,
        /// What the column's type allows.
        expected: String,
        /// The beginning of the value.
        found: String,
    },
}

impl ConversionError {
    /// The error code for the document under `format-conversion-failed/`.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Encoding(_) | Self::Json(_) => "DataFormatConversion.ParseError",
            Self::Empty | Self::TopLevel { .. } | Self::Mismatch { .. } => {
                "DataFormatConversion.MalformedData"
            }
        }
    }

    /// The error message for the same document: the service's sentence, then the fact.
    pub(crate) fn message(&self) -> String {
        let sentence = match self {
            Self::Empty => return "The record was empty or contained only whitespace.".to_owned(),
            Self::Encoding(_) | Self::Json(_) => "Encountered malformed JSON.",
            Self::TopLevel { .. } | Self::Mismatch { .. } => "Data does not match the schema.",
        };
        format!("{sentence} {self}")
    }

    /// The value is not what its column's type allows.
    pub(super) fn mismatch(expected: impl Into<String>, found: Value<'_>) -> Self {
        Self::Mismatch { path: String::new(), expected: expected.into(), found: excerpt(found.raw()) }
    }

    /// Adds the column or the field in which it happened.
    pub(super) fn within(mut self, name: &str) -> Self {
        if let Self::Mismatch { path, .. } = &mut self {
            *path = if path.is_empty() { name.to_owned() } else { format!("{name}.{path}") };
        }
        self
    }
}

/// The first characters of a value.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// How JSON keys are compared with names.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyRule {
    case_insensitive: bool,
    dots_to_underscores: bool,
}

impl KeyRule {
    pub(super) const fn new(settings: &OpenX) -> Self {
        Self {
            case_insensitive: settings.case_insensitive,
            dots_to_underscores: settings.convert_dots_in_json_keys_to_underscores,
        }
    }

    /// The key in the case in which it is compared and kept. Allocates only when that is another.
    pub(super) fn cased(self, key: Cow<'_, str>) -> Cow<'_, str> {
        let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
        if !self.case_insensitive || key.bytes().all(is_lower) { key } else { Cow::Owned(key.to_lowercase()) }
    }

    /// The key as a column's or a field's name.
    pub(super) fn column_key(self, key: Cow<'_, str>) -> Cow<'_, str> {
        let key = self.cased(key);
        if self.dots_to_underscores && key.contains('.') { Cow::Owned(key.replace('.', "_")) } else { key }
    }
}

/// Two columns would read the same JSON key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("columns `{first}` and `{second}` must read different JSON keys, both read \"{key}\"")]
pub(crate) struct SharedKeyError {
    first: String,
    second: String,
    key: String,
}

/// The rows since the last row group, as columns.
#[derive(Debug)]
pub(super) struct Rows {
    columns: Vec<RowColumn>,
    by_key: HashMap<String, usize>,
    keys: KeyRule,
    count: u32,
    bytes: usize,
    /// Numbers of the row and of the record being read.
    row: u64,
    record: u64,
    /// Which columns the record has touched.
    touched: Vec<usize>,
}

/// A column of the table.
#[derive(Debug)]
struct RowColumn {
    member: Member,
    /// How many rows it has; those behind, up to the rows of all, are null and not yet written down.
    rows: u32,
    bytes: usize,
    /// Number of the last record that touched it, and what it was before.
    record: u64,
    before: Vec<Mark>,
    rows_before: u32,
}

impl Rows {
    /// Lays out the columns of a table.
    ///
    /// # Errors
    /// When two columns would read the same JSON key.
    pub(super) fn new(schema: &Schema, settings: &OpenX) -> Result<Self, SharedKeyError> {
        let keys = KeyRule::new(settings);
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for (index, column) in schema.columns().iter().enumerate() {
            let mapped = settings.column_to_json_key_mappings.get(&column.name).unwrap_or(&column.name);
            let key = keys.cased(Cow::Borrowed(mapped)).into_owned();
            if let Some(first) = by_key.insert(key.clone(), index) {
                let first =
                    schema.columns().get(first).map_or_else(String::new, |column| column.name.clone());
                return Err(SharedKeyError { first, second: column.name.clone(), key });
            }
        }
        let columns = schema.columns().iter().map(|column| RowColumn {
            member: Member::new(column, Level::NULL_ROW, keys),
            rows: 0,
            bytes: 0,
            record: 0,
            before: Vec::new(),
            rows_before: 0,
        });
        let columns = columns.collect();
        Ok(Self { columns, by_key, keys, count: 0, bytes: 0, row: 0, record: 0, touched: Vec::new() })
    }

    /// Rows held.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Memory taken by the rows.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the documents of one record; all of them or, on an error, none. Hands back how many there were.
    ///
    /// # Errors
    /// When the record has no document, is no JSON, or does not fit the columns.
    pub(super) fn push(&mut self, record: &[u8]) -> Result<usize, ConversionError> {
        let text = str::from_utf8(record).map_err(|error| ConversionError::Encoding(error.valid_up_to()))?;
        let count_before = self.count;
        self.record += 1;
        self.touched.clear();
        match self.push_documents(text) {
            Ok(count) => {
                self.settle();
                Ok(count)
            }
            Err(error) => {
                self.undo(count_before);
                // A record that is no JSON is that first of all, wherever its first odd value stands.
                Err(check_json(text).err().map_or(error, ConversionError::from))
            }
        }
    }

    fn push_documents(&mut self, text: &str) -> Result<usize, ConversionError> {
        let mut cursor = Cursor::new(text);
        let mut count = 0;
        while let Some(byte) = cursor.peek() {
            if byte != b'{' {
                return Err(ConversionError::TopLevel { found: excerpt(cursor.value()?.raw()) });
            }
            self.push_row(&mut cursor)?;
            count += 1;
        }
        if count == 0 { Err(ConversionError::Empty) } else { Ok(count) }
    }

    fn push_row(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ConversionError> {
        self.row += 1;
        let mut document = cursor.object()?;
        while let Some(key) = document.key()? {
            match self.by_key.get(self.keys.column_key(key.decode()).as_ref()) {
                Some(&index) => self.push_value(index, document.cursor())?,
                None => drop(document.value()?),
            }
        }
        self.count += 1;
        Ok(())
    }

    fn push_value(&mut self, index: usize, cursor: &mut Cursor<'_>) -> Result<(), ConversionError> {
        let Some(column) = self.columns.get_mut(index) else { return Ok(()) };
        if column.record != self.record {
            column.begin_record(self.record);
            self.touched.push(index);
        }
        column.fill(self.count);
        column.rows = self.count + 1;
        column.member.write(cursor, (self.row, Level::NULL_ROW), self.keys)
    }

    /// Counts the memory of the columns that the record has touched.
    fn settle(&mut self) {
        for &index in &self.touched {
            if let Some(column) = self.columns.get_mut(index) {
                let before = column.bytes;
                column.count_bytes();
                self.bytes = self.bytes + column.bytes - before;
            }
        }
    }

    /// Takes every column back to what it was before the record.
    fn undo(&mut self, count: u32) {
        for &index in &self.touched {
            if let Some(column) = self.columns.get_mut(index) {
                column.member.node.rewind(&column.before);
                column.rows = column.rows_before;
            }
        }
        self.count = count;
    }

    /// Makes every column as long as the rows, and hands them out in the order of Parquet's schema.
    pub(super) fn filled_columns(&mut self) -> Vec<&Column> {
        let count = self.count;
        self.columns.iter_mut().for_each(|column| column.fill(count));
        let mut columns = Vec::new();
        self.columns.iter().for_each(|column| column.member.node.columns(&mut columns));
        columns
    }

    /// Forgets the rows, and gives their memory back.
    pub(super) fn clear(&mut self) {
        for column in &mut self.columns {
            column.member.node.each_column(&mut Column::clear);
            column.rows = 0;
            column.bytes = 0;
        }
        self.count = 0;
        self.bytes = 0;
    }
}

impl RowColumn {
    fn begin_record(&mut self, record: u64) {
        self.record = record;
        self.rows_before = self.rows;
        self.member.node.mark(&mut self.before);
    }

    /// Writes down the nulls of the rows that did not have the column.
    fn fill(&mut self, rows: u32) {
        if let Some(missing @ 1..) = rows.checked_sub(self.rows) {
            self.member.node.write_null(Level::NULL_ROW, missing);
            self.rows = rows;
        }
    }

    fn count_bytes(&mut self) {
        let mut bytes = 0;
        self.member.node.each_column(&mut |column| bytes += column.bytes());
        self.bytes = bytes;
    }
}

/// Whether the text is nothing but JSON values.
fn check_json(text: &str) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(text);
    while cursor.peek().is_some() {
        cursor.value()?;
    }
    Ok(())
}
