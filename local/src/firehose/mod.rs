//! What Amazon Data Firehose does between a source and a destination.
//!
//! A [`Delivery`] is one delivery stream. Records come in and are taken apart ([`intake`]), gather for the transformation
//! function ([`batch`]), and are at the function several batches at a time ([`invocation`]). Its answers are checked
//! ([`answer`]), and what came of them is applied in order: partition keys ([`query`], [`prefix`]), then the destination
//! ([`sink`], [`objects`]). Everything that failed is kept as documents under the error prefix ([`failure`],
//! [`failures`]); [`backup`] keeps the records as they came. Its clock is an argument: buffers fill and expire in the time
//! of the records.

pub(crate) mod answer;
mod backup;
mod batch;
mod compression;
mod delivery;
mod failure;
mod failures;
mod intake;
mod invocation;
pub(crate) mod object_name;
mod objects;
mod outlets;
pub(crate) mod prefix;
mod query;
mod settings;
mod shelf;
mod sink;
mod unit;

pub(crate) use compression::Compression;
pub(crate) use delivery::{Counts, Delivery, DeliveryError, RecordCounts};
pub(crate) use intake::{Decompression, DelimiterError, SubRecords};
pub(crate) use objects::Written;
pub(crate) use query::Query;
pub(crate) use settings::{
    BackupSettings, Buffer, Conversion, Destination, LambdaSettings, Processing, S3Settings, Settings,
    Source, Table,
};
