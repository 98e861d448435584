//! `tapeline redrive`: records that failed, put back into a stream.
//!
//! What Data Firehose cannot deliver and what Lambda gives up is kept in documents, with the original data. Once their
//! cause is mended, the data of those documents goes where it came from. A journal remembers each record as soon as it is
//! put: a second run puts nothing twice, and one that was broken off repeats at most the call that was under way. What
//! came twice has the same `id` in every row.

mod aws;
pub(crate) mod command;
mod destination;
mod document;
mod drive;
mod firehose;
mod journal;
mod kinesis;
mod label;
mod range;
mod source;
mod summary;
#[cfg(test)]
mod tests;

use tapeline_lambda_wire::variables::ConfigError;
use thiserror::Error;

use destination::{PutError, Refusal};
use journal::JournalError;
use range::RangeError;
use source::SourceError;

/// Not everything could be put back. What was is in the journal.
#[derive(Debug, Error)]
pub(crate) enum RedriveError {
    /// Documents cannot be read on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The account or the region cannot be used.
    #[error("the environment must name region and credentials")]
    Aws(#[source] ConfigError),
    /// It cannot be noted what is done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The stream that still has the records cannot be read.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A call failed, whatever was tried.
    #[error("cannot put records, which may be tried again: the journal has those that were put")]
    Put(#[source] PutError),
    /// Records were refused as often as they were tried.
    #[error("expected every record to be taken within {rounds} rounds, {refused} were not: run again later")]
    Refused {
        /// How often nothing was taken in a row.
        rounds: u32,
        /// Records that were refused.
        refused: usize,
        /// What the service said of the last.
        #[source]
        source: Refusal,
    },
}
