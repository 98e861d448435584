//! What Lambda does between a Kinesis stream and a function: an event source mapping.
//!
//! Records that pass the mapping's filters ([`filter`]) are spread over the lanes of their shard ([`lane`]). A lane gathers
//! them into batches ([`batch`]), invokes the function with events ([`event`]), reads what it reports ([`answer`]), tries
//! again what failed, and keeps what it gives up as documents ([`discard`]) in the on-failure destination
//! ([`on_failure`]). Its clock is an argument ([`pace`]): an [`EventSource`] runs a mapping in lock-step, in the time of the
//! records, a [`LiveMapping`] in the time of the system, each lane on its own. Implements "Using Lambda to process records
//! from Amazon Kinesis Data Streams", "Configuring partial batch response", "Control which events Lambda sends to your
//! function" and "Retain discarded batch records" of Lambda's guide.

mod answer;
mod batch;
mod counts;
mod discard;
mod event;
mod filter;
mod lane;
mod live;
mod on_failure;
mod pace;
mod settings;
mod source;
#[cfg(test)]
mod testing;

pub(crate) use counts::Counts;
pub(crate) use filter::{Filter, FilterError};
pub(crate) use lane::MappingError;
pub(crate) use live::{LiveCounts, LiveMapping};
pub(crate) use on_failure::{Messages, OnFailure};
pub(crate) use pace::RETRIES_MAX;
pub(crate) use settings::Settings;
pub(crate) use source::EventSource;
