//! What Amazon Data Firehose does between a stream and a bucket.
//!
//! A [`Delivery`] is one delivery stream: it buffers source records for the transformation function ([`batch`]),
//! checks its answers ([`answer`]), sorts the transformed records into objects ([`objects`], [`prefix`],
//! [`object_name`]), converts them, and keeps everything that failed as documents under the error prefix
//! ([`failure`]). Its clock is an argument: buffers fill and expire in the time of the records.

pub(crate) mod answer;
mod batch;
pub(crate) mod bucket;
mod delivery;
mod failure;
pub(crate) mod object_name;
mod objects;
pub(crate) mod prefix;
mod settings;

pub(crate) use delivery::{Counts, Delivery, DeliveryError, RecordCounts};
pub(crate) use objects::Written;
pub(crate) use settings::{Conversion, LambdaSettings, Settings, Table};
