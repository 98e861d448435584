//! Firehose data transformation: the event in, the answer out.

mod answer;
mod event;

pub use crate::data::DataError;
pub use answer::{ANSWER_BYTES_MAX, Complete, Oversized, PartitionKeys, Pending, Step, answer};
pub use event::{Event, EventError, KinesisMetadata, Record};
