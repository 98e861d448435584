//! Where records go back to: the port of the streams that take them.

use thiserror::Error;

use super::document::Record;

/// What the service takes in one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most records.
    pub(super) records: usize,
    /// Most bytes, keys included.
    pub(super) bytes: usize,
    /// Most bytes of a record, its key included.
    pub(super) record_bytes: usize,
    /// Whether the service tells keys apart: then no record may overtake another of its key.
    pub(super) has_keys: bool,
}

/// A record with the key that it is put under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    /// The key.
    pub(super) partition_key: String,
    /// Its bytes.
    pub(super) data: Vec<u8>,
}

impl Keyed {
    /// Gives a record the key that it had, or one that is found for its data.
    pub(super) fn new(record: Record, find: impl FnOnce(&[u8]) -> String) -> Self {
        let Record { partition_key, data } = record;
        Self { partition_key: partition_key.unwrap_or_else(|| find(&data)), data }
    }

    /// Bytes that count in a call.
    pub(super) const fn bytes(&self) -> usize {
        self.partition_key.len() + self.data.len()
    }
}

/// Why one record of a call was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected the record to be taken, was {code}: {message}")]
pub(crate) struct Refusal {
    /// The service's name of the error.
    pub(super) code: String,
    /// Its text.
    pub(super) message: String,
}

impl Refusal {
    /// What one entry of an answer says; `None` if the record was taken.
    pub(super) fn of(code: Option<String>, message: Option<String>) -> Option<Self> {
        Some(Self { code: code?, message: message.unwrap_or_default() })
    }

    /// The answer has no entry for the record.
    pub(super) fn missing() -> Self {
        Self { code: "nothing".to_owned(), message: "the answer has fewer entries than records".to_owned() }
    }
}

/// A call failed as a whole: whether its records were taken is not known.
pub(crate) type PutError = Box<dyn std::error::Error + Send + Sync>;

/// A stream that takes records.
pub(super) trait Destination {
    /// What it takes in one call.
    fn limits(&self) -> Limits;

    /// Puts records with one call; for each of them, in their order, why it was not taken.
    ///
    /// # Errors
    /// When the call fails.
    async fn put(&self, records: &[&Keyed]) -> Result<Vec<Option<Refusal>>, PutError>;
}
