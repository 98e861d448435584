//! How one delivery stream is set up.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::prefix::Prefix;
use crate::convert::{Compression, OpenX, Schema};

/// The settings of a delivery stream with a Kinesis source and an S3 destination.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Name of the delivery stream.
    pub(crate) name: String,
    /// ARN of the delivery stream.
    pub(crate) arn: String,
    /// ARN of the data stream in front of it.
    pub(crate) source_arn: String,
    /// The region that events name.
    pub(crate) region: String,
    /// The data transformation; `None` without one.
    pub(crate) lambda: Option<LambdaSettings>,
    /// Where records go.
    pub(crate) prefix: Prefix,
    /// Where failed records go.
    pub(crate) error_prefix: Prefix,
    /// Time zone of object names.
    pub(crate) time_zone: TimeZone,
    /// Bytes of records after which an object is written.
    pub(crate) buffer_bytes: usize,
    /// Time after which an object is written.
    pub(crate) buffer_interval: SignedDuration,
    /// Whether records are sorted by the partition keys of the function.
    pub(crate) dynamic_partitioning: bool,
    /// Whether a line feed is put behind each record.
    pub(crate) append_delimiter: bool,
    /// What object names end with.
    pub(crate) extension: String,
    /// Record format conversion; `None` without one.
    pub(crate) conversion: Option<Conversion>,
}

/// The settings of a data transformation.
#[derive(Debug)]
pub(crate) struct LambdaSettings {
    /// ARN of the function, as failure documents name it.
    pub(crate) function_arn: String,
    /// Bytes of records after which the function is invoked.
    pub(crate) buffer_bytes: usize,
    /// Time after which the function is invoked.
    pub(crate) buffer_interval: SignedDuration,
    /// How often a failed invocation is tried again.
    pub(crate) retries: u32,
}

/// The settings of a record format conversion.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// The columns.
    pub(crate) schema: Schema,
    /// How JSON is read.
    pub(crate) open_x: OpenX,
    /// How pages are compressed.
    pub(crate) compression: Compression,
    /// The Glue table, as failure documents name it.
    pub(crate) table: Table,
}

/// The name of a Glue table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Name of its database.
    pub(crate) database: String,
    /// Its own name.
    pub(crate) name: String,
}
