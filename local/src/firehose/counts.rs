//! What became of the records of a delivery stream.

use serde::Serialize;

/// What became of the records so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records taken from the source.
    pub(crate) records_in: u64,
    /// What they were once aggregated ones were taken apart.
    pub(crate) sub_records: u64,
    /// How those ended.
    pub(crate) records: RecordCounts,
    /// Invocations, retries included.
    pub(crate) invocations: u64,
    /// Invocations that failed.
    pub(crate) invocations_failed: u64,
    /// The last failure of an invocation, in one line.
    pub(crate) last_failure: Option<String>,
}

/// How records ended. `ok`, `dropped`, `processing_failed` and `invocation_failed` are all of those that were handed to a
/// function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RecordCounts {
    /// Answered as `Ok`.
    pub(crate) ok: u64,
    /// Answered as `Dropped`.
    pub(crate) dropped: u64,
    /// Answered as `ProcessingFailed`.
    pub(crate) processing_failed: u64,
    /// Of invocations that failed altogether.
    pub(crate) invocation_failed: u64,
    /// Not what CloudWatch Logs sends, where that is to be decompressed.
    pub(crate) decompression_failed: u64,
    /// Answered as `Ok`, or never handed over, but without a partition.
    pub(crate) partitioning_failed: u64,
    /// Answered as `Ok`, or never handed over, but not convertible.
    pub(crate) conversion_failed: u64,
    /// Not taken by a destination that is no bucket.
    pub(crate) delivery_failed: u64,
}

impl RecordCounts {
    /// Records that were kept as failure documents.
    pub(crate) const fn failed(&self) -> u64 {
        self.processing_failed
            + self.invocation_failed
            + self.decompression_failed
            + self.partitioning_failed
            + self.conversion_failed
            + self.delivery_failed
    }
}
