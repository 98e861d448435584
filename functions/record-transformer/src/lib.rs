//! Firehose data transformation: every exchange frame of a record becomes a typed row on its way to S3 or a search
//! index.
//!
//! [`Transformer::transform`] is the whole function: the bytes of an invocation in, the bytes of its answer and a
//! [`Report`] out. It is total: whatever the bytes, every record gets exactly one outcome, and a record's failure stays
//! inside of that record. [`Config`] enters once at the start; [`log`] tells the report to CloudWatch.

mod config;
pub mod log;
mod partition;
mod report;
mod transform;

pub use config::{Config, Klines};
pub use partition::PartitionKey;
pub use report::{Refusal, Report};
pub use tapeline_lambda_wire::variables::{ConfigError, Problem};
pub use transform::{TransformError, Transformed, Transformer};
