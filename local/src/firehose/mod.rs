//! What Amazon Data Firehose does between a stream and a bucket.
//!
//! A [`Delivery`] is one delivery stream: it buffers source records for the transformation function ([`batch`]),
//! checks its answers ([`answer`]), sorts the transformed records into objects ([`objects`], [`prefix`],
//! [`object_name`]), converts them, and keeps everything that failed as documents under the error prefix
//! ([`failure`]). Destinations that are no bucket take records as documents: [`http_endpoint`] and [`open_search`]. Its
//! clock is an argument: buffers fill and expire in the time of the records.

pub(crate) mod answer;
mod batch;
pub(crate) mod bucket;
mod delivery;
mod document;
mod failure;
mod http_endpoint;
#[cfg(test)]
mod loopback;
pub(crate) mod object_name;
mod objects;
mod open_search;
mod post;
pub(crate) mod prefix;
mod settings;
mod tries;

pub(crate) use delivery::{Counts, Delivery, DeliveryError, RecordCounts};
pub(crate) use document::Document;
pub(crate) use http_endpoint::{ContentEncoding, HttpEndpoint, HttpSettings};
pub(crate) use objects::Written;
pub(crate) use open_search::{DocumentId, IndexRotation, OpenSearch, OpenSearchSettings};
pub(crate) use post::DestinationError;
pub(crate) use settings::{Conversion, LambdaSettings, Settings, Table};
