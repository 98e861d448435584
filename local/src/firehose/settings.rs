//! How one delivery stream is set up.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::compression::Compression as ObjectCompression;
use super::http_endpoint::HttpSettings;
use super::intake::{Decompression, SubRecords};
use super::open_search::OpenSearchSettings;
use super::prefix::Prefix;
use super::query::Query;
use crate::convert::{Compression, OpenX, Schema};

/// The settings of a delivery stream.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Name of the delivery stream.
    pub(crate) name: String,
    /// ARN of the delivery stream.
    pub(crate) arn: String,
    /// The region that events name.
    pub(crate) region: String,
    /// Version of the configuration, as object names have it: 1, and one more with each change.
    pub(crate) version: u32,
    /// Where its records come from.
    pub(crate) source: Source,
    /// What is done to records before they are delivered.
    pub(crate) processing: Processing,
    /// Where they go.
    pub(crate) destination: Destination,
}

impl Settings {
    /// The Glue table of the conversion, if there is one.
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.destination {
            Destination::S3(S3Settings { conversion: Some(conversion), .. }) => Some(&conversion.table),
            _ => None,
        }
    }
}

/// Where the records of a delivery stream come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A Kinesis stream.
    Kinesis {
        /// Its ARN.
        arn: String,
    },
    /// Producers that put records.
    DirectPut,
}

/// What is done to records before they are delivered, in this order.
#[derive(Debug, Default)]
pub(crate) struct Processing {
    /// Takes the compression of CloudWatch Logs off.
    pub(crate) decompression: Option<Decompression>,
    /// Cuts a record into several.
    pub(crate) de_aggregation: Option<SubRecords>,
    /// The data transformation.
    pub(crate) lambda: Option<LambdaSettings>,
    /// Takes partition keys out of records.
    pub(crate) metadata: Option<Query>,
    /// Whether a line feed is put behind each record.
    pub(crate) append_delimiter: bool,
}

/// Where records go.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A bucket.
    S3(S3Settings),
    /// An HTTP endpoint.
    Http {
        /// The endpoint.
        settings: HttpSettings,
        /// The bucket beside it, and what is kept there.
        backup: (BackupSettings, BackupMode),
    },
    /// An OpenSearch domain.
    OpenSearch {
        /// The domain.
        settings: OpenSearchSettings,
        /// The bucket beside it, and what is kept there.
        backup: (BackupSettings, BackupMode),
    },
}

/// What is kept in the bucket beside a destination that is none: `S3BackupMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupMode {
    /// Records that could not be delivered.
    FailedOnly,
    /// All records as they came from the source, and those that could not be delivered once more as documents.
    All,
}

/// When a buffer is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// Bytes of records after which it is.
    pub(crate) bytes: usize,
    /// Time after which it is.
    pub(crate) interval: SignedDuration,
}

/// The settings of a bucket as the destination.
#[derive(Debug)]
pub(crate) struct S3Settings {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Where records go.
    pub(crate) prefix: Prefix,
    /// Where failed records go.
    pub(crate) error_prefix: Prefix,
    /// Time zone of object names.
    pub(crate) time_zone: TimeZone,
    /// When an object is written.
    pub(crate) buffer: Buffer,
    /// Compression of whole objects.
    pub(crate) compression: ObjectCompression,
    /// What object names end with.
    pub(crate) extension: String,
    /// Whether records are sorted by their partition keys.
    pub(crate) dynamic_partitioning: bool,
    /// Record format conversion; `None` without one.
    pub(crate) conversion: Option<Arc<Conversion>>,
    /// Where the source's records are kept untransformed; `None` when they are not.
    pub(crate) backup: Option<BackupSettings>,
}

/// The settings of a bucket beside the destination: for a backup of the source's records, and for what a destination that
/// is no bucket did not take.
#[derive(Debug, Clone)]
pub(crate) struct BackupSettings {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Where records go.
    pub(crate) prefix: Prefix,
    /// Where failed records go.
    pub(crate) error_prefix: Prefix,
    /// Time zone of object names.
    pub(crate) time_zone: TimeZone,
    /// When an object is written.
    pub(crate) buffer: Buffer,
    /// Compression of whole objects.
    pub(crate) compression: ObjectCompression,
}

/// The settings of a data transformation.
#[derive(Debug)]
pub(crate) struct LambdaSettings {
    /// ARN of the function, as failure documents name it.
    pub(crate) function_arn: String,
    /// When the function is invoked.
    pub(crate) buffer: Buffer,
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
