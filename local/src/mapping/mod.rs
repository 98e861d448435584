//! What Lambda does between a Kinesis stream and a function: an event source mapping.
//!
//! An [`EventSource`] is one mapping: it spreads the records of each shard over lanes, gathers them into batches
//! ([`batch`]), invokes the function with events ([`event`]), reads what it reports ([`answer`]), tries again what
//! failed, and keeps what it gives up as documents ([`discard`]). Its clock is an argument: batches fill and windows
//! expire in the time of the records. Implements "Using Lambda to process records from Amazon Kinesis Data Streams",
//! "Configuring partial batch response" and "Retain discarded batch records" of Lambda's guide.

mod answer;
mod batch;
mod discard;
mod event;
mod filter;
mod settings;
mod source;

pub(crate) use settings::Settings;
pub(crate) use source::{Counts, EventSource, MappingError, RETRIES_MAX};
