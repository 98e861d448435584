//! A record on its way to a destination that takes records as such: an HTTP endpoint, OpenSearch.

use crate::stream::StreamRecord;

/// One record to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// What is delivered: the record's data as the function left it.
    pub(crate) data: Vec<u8>,
    /// The record as it came from the source, kept for the case that it cannot be delivered.
    pub(crate) source: StreamRecord,
}
