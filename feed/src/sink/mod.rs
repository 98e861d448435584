//! The stream's side: frames into records, records into Kinesis, by way of the disk where it must be.
//!
//! [`packing`] makes records of frames, [`producer`] decides which of them the next call takes, [`spool`] keeps on the
//! disk what the stream does not take, [`ledger`] knows how far each route has got. None of them waits for anything:
//! [`flow`] drives them, and [`kinesis`] alone talks to the service.

pub mod backoff;
pub mod flow;
pub mod kinesis;
pub mod ledger;
pub mod packing;
pub mod producer;
pub mod spool;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tapeline_market::Timestamp;
use thiserror::Error;

use crate::frame::Mark;

/// What goes into the stream as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Decides the shard; records of one key stay in their order.
    pub partition_key: Arc<str>,
    /// One frame or several.
    pub data: Bytes,
    /// How many.
    pub frames: u32,
    /// The last id of each route in it that has ids.
    pub marks: Vec<Mark>,
    /// When its first frame was received.
    pub oldest: Timestamp,
}

impl Record {
    /// What the service counts: data and partition key.
    pub fn bytes(&self) -> usize {
        self.partition_key.len() + self.data.len()
    }
}

/// One entry of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Decides the shard.
    pub partition_key: Arc<str>,
    /// The data.
    pub data: Bytes,
}

/// Where an entry stands in its shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceNumber(pub String);

/// The stream did not take one entry of a call that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected the stream to take the record, was {code}: {message}")]
pub struct EntryError {
    /// The service's word for it.
    pub code: String,
    /// Its sentence.
    pub message: String,
}

/// A call failed as a whole; which of its entries the stream took is not known.
#[derive(Debug, Error)]
#[error("expected the stream to answer")]
pub struct PutError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A stream that takes records.
pub trait Stream: Send + Sync + 'static {
    /// Puts entries; one result for each, in their order.
    ///
    /// # Errors
    /// When the call failed as a whole.
    fn put(
        &self,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<Vec<Result<SequenceNumber, EntryError>>, PutError>> + Send;
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
