//! Where rows go: the port, and its adapters.

#[cfg(feature = "aws")]
mod kinesis;
mod memory;

use std::future::Future;

use thiserror::Error;

#[cfg(feature = "aws")]
pub use kinesis::KinesisStream;
pub use memory::MemoryStream;

/// One record of the output stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// `market|symbol`: rows of one symbol stay in one shard.
    pub partition_key: String,
    /// One row: a JSON document and a line feed.
    pub data: Vec<u8>,
}

/// Publishes rows.
pub trait Publisher {
    /// Publishes records, each at least once, those of one partition key in their order unless some are refused.
    ///
    /// # Errors
    /// Names the records that are not known to be published, bounded retries included; all others are.
    fn publish(&self, records: &[OutputRecord]) -> impl Future<Output = Result<(), PublishError>>;
}

/// Some records are not known to be published.
#[derive(Debug, Error)]
#[error("all records must be published, {} were not", .places.len())]
pub struct PublishError {
    /// Places among the records given, ascending; at least one.
    pub places: Vec<usize>,
    /// The last cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
