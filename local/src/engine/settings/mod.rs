//! What a template says of delivery streams and mappings, made ready to run.

mod delivery;
mod mapping;

use jiff::SignedDuration;
use thiserror::Error;

use crate::convert::SchemaError;
use crate::firehose::QueryError;
use crate::firehose::prefix::PrefixError;
use crate::mapping::FilterError;

pub(crate) use delivery::delivery;
pub(crate) use mapping::{mapping, position};

/// The template asks for something that this machine cannot run.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// A query that is none.
    #[error("the delivery stream {stream} must have a query for its partition keys")]
    Query {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: QueryError,
    },
    /// An unknown time zone.
    #[error("the delivery stream {stream} must name a time zone of the tz database")]
    TimeZone {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: jiff::Error,
    },
    /// A prefix that cannot be evaluated.
    #[error("the delivery stream {stream} must have prefixes that can be evaluated")]
    Prefix {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: PrefixError,
    },
    /// Columns that cannot be converted to.
    #[error("the table {table} must have columns that Parquet can hold")]
    Schema {
        /// Name of the table.
        table: String,
        /// What is wrong with them.
        #[source]
        source: SchemaError,
    },
    /// Filters that cannot be applied.
    #[error("the mapping {mapping} must have filters that Lambda takes")]
    Filter {
        /// Name of the mapping.
        mapping: String,
        /// What is wrong with them.
        #[source]
        source: FilterError,
    },
}

/// A number of the template; each is at most some hundred million.
fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// An interval of the template; each is at most a week.
fn interval(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
