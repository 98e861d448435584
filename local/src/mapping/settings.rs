//! How one event source mapping is set up.

use jiff::SignedDuration;
use uuid::Uuid;

use super::filter::Filter;

/// The settings of a mapping of a Kinesis stream.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The mapping's own id, as the keys of its failure documents name it.
    pub(crate) uuid: Uuid,
    /// ARN of the function.
    pub(crate) function_arn: String,
    /// ARN of the role as which the function reads the stream.
    pub(crate) role_arn: String,
    /// ARN of the stream.
    pub(crate) stream_arn: String,
    /// The region that events name.
    pub(crate) region: String,
    /// Records after which the function is invoked: `BatchSize`.
    pub(crate) batch_records: usize,
    /// Time after which it is invoked: `MaximumBatchingWindowInSeconds`.
    pub(crate) window: SignedDuration,
    /// Lanes of each shard: `ParallelizationFactor`.
    pub(crate) lanes: u32,
    /// Whether a batch that failed is cut in two: `BisectBatchOnFunctionError`.
    pub(crate) bisect: bool,
    /// How often a batch is tried again: `MaximumRetryAttempts`; `None` without end.
    pub(crate) retries: Option<u32>,
    /// How old a record may be when it is handed over: `MaximumRecordAgeInSeconds`; `None` for any age.
    pub(crate) record_age_max: Option<SignedDuration>,
    /// Whether the answer is read: `ReportBatchItemFailures`.
    pub(crate) report_failures: bool,
    /// Which records the function is given: those that one of them matches, or all when there is none:
    /// `FilterCriteria`.
    pub(crate) filters: Vec<Filter>,
}
