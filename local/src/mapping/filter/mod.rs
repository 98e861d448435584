//! Filters of an event source mapping: `FilterCriteria`.
//!
//! Implements "Control which events Lambda sends to your function" and "Using event filtering with a Kinesis event source"
//! of Lambda's guide. A [`Filter`] is one pattern; a record passes when one of the mapping's filters matches it. A pattern
//! sees the fields of a record's `kinesis` object, and in the place of `data` what the data says, if that is plain JSON:
//! a record whose data is anything else (compressed, aggregated, several lines) never passes a filter that names `data`.
//!
//! The guide's general page has patterns with metadata such as `partitionKey`; a newer note on the page of Kinesis says that
//! `data` alone is supported. Both are taken here.

mod node;
mod pattern;

use tapeline_json::JsonError;
use thiserror::Error;

use crate::stream::StreamRecord;
use node::{Node, Scalar};
use pattern::Pattern;

/// The field under which patterns name what a record's data says.
const DATA: &str = "data";
/// Filters of a mapping: five, and ten where the quota was raised.
const FILTERS_MAX: usize = 10;
/// Characters of a pattern.
const PATTERN_CHARS_MAX: usize = 4_096;

/// The filters of a mapping cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum FilterError {
    /// There are too many.
    #[error("a mapping must have at most {FILTERS_MAX} filters, was {found}")]
    TooMany {
        /// Their number.
        found: usize,
    },
    /// One is too long.
    #[error("a filter pattern must have at most {PATTERN_CHARS_MAX} characters, was {chars}")]
    TooLong {
        /// Its length in characters.
        chars: usize,
    },
    /// It is no JSON.
    #[error("a filter pattern must be JSON")]
    Json(#[source] JsonError),
    /// A part of it says nothing.
    #[error("`{path}` must be {expected}, was {found}")]
    Rule {
        /// Where in the pattern, keys with points between; `$` for the pattern itself.
        path: String,
        /// What would have been right.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}

/// One pattern that records are held against.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    pattern: Pattern,
    names_data: bool,
}

impl Filter {
    /// Reads the text of a `Pattern`.
    ///
    /// # Errors
    /// When it is no pattern. The first wrong place is named.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let chars = text.chars().count();
        if chars > PATTERN_CHARS_MAX {
            return Err(FilterError::TooLong { chars });
        }
        let node = Node::parse(text).map_err(FilterError::Json)?;
        let pattern = Pattern::parse(&node, "$")?;
        pattern.check_data("$")?;
        Ok(Self { names_data: pattern.names(DATA), pattern })
    }

    /// Reads the patterns of a mapping's `FilterCriteria`.
    ///
    /// # Errors
    /// When there are too many, or one is no pattern.
    pub(crate) fn parse_all<'t>(
        patterns: impl ExactSizeIterator<Item = &'t str>,
    ) -> Result<Vec<Self>, FilterError> {
        let found = patterns.len();
        if found > FILTERS_MAX {
            return Err(FilterError::TooMany { found });
        }
        patterns.map(Self::parse).collect()
    }
}

/// Whether a record passes filters: one of them, or there is none.
pub(super) fn passes(filters: &[Filter], record: &StreamRecord) -> bool {
    if filters.is_empty() {
        return true;
    }
    let data = filters.iter().any(|filter| filter.names_data).then(|| plain_json(&record.data)).flatten();
    let has_data = data.is_some();
    let fields = fields(record, data);
    filters.iter().any(|filter| (has_data || !filter.names_data) && filter.pattern.matches(&fields))
}

/// What data says, when it is one JSON value as it stands.
fn plain_json(data: &[u8]) -> Option<Node> {
    Node::parse(std::str::from_utf8(data).ok()?).ok()
}

/// The fields of a record that a pattern may name.
fn fields(record: &StreamRecord, data: Option<Node>) -> Node {
    let text = |text: &str| Node::Scalar(Scalar::Text(text.to_owned()));
    let arrival_ms = record.arrival.as_millisecond().max(0);
    let arrival = format!("{}.{:03}", arrival_ms / 1000, arrival_ms % 1000);
    let metadata = [
        ("kinesisSchemaVersion", text("1.0")),
        ("partitionKey", text(&record.partition_key)),
        ("sequenceNumber", text(&record.sequence_number)),
        ("approximateArrivalTimestamp", Node::Scalar(Scalar::Number(arrival))),
    ];
    let data = data.map(|data| (DATA, data));
    Node::Object(metadata.into_iter().chain(data).map(|(key, value)| (key.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests;
