//! What Amazon Data Firehose does between a source and a destination.
//!
//! A [`Delivery`] is one delivery stream. Records come in and are taken apart ([`intake`]), gather for the transformation
//! function ([`batch`]), and are at the function several batches at a time ([`invocation`]). Its answers are checked
//! ([`answer`]), and what came of them is applied in order: partition keys ([`query`], [`prefix`]), then the destination
//! ([`sink`]): [`objects`] in a bucket, an [`http_endpoint`], [`open_search`]. Everything that failed is kept as documents under the error prefix ([`failure`],
//! [`failures`]); [`backup`] keeps the records as they came. Its clock is an argument: buffers fill and expire in the time
//! of the records.

pub(crate) mod answer;
mod backup;
mod batch;
mod compression;
mod counts;
mod delivery;
mod document;
mod failure;
mod failures;
mod http_endpoint;
mod intake;
mod invocation;
#[cfg(test)]
mod loopback;
pub(crate) mod object_name;
mod objects;
mod open_search;
mod outlets;
mod post;
pub(crate) mod prefix;
mod query;
mod settings;
mod shelf;
mod sink;
mod tries;
mod unit;

pub(crate) use compression::Compression;
pub(crate) use counts::{Counts, RecordCounts};
pub(crate) use delivery::{Delivery, DeliveryError};
pub(crate) use http_endpoint::{ContentEncoding, HttpSettings};
pub(crate) use intake::{Decompression, SubRecords};
pub(crate) use objects::Written;
pub(crate) use open_search::{DocumentId, IndexRotation, OpenSearchSettings};
pub(crate) use post::DestinationError;
pub(crate) use query::{Query, QueryError};
pub(crate) use settings::{
    BackupMode, BackupSettings, Buffer, Conversion, Destination, LambdaSettings, Processing, S3Settings,
    Settings, Source, Table,
};
