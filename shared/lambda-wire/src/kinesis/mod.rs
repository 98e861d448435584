//! Kinesis event source: the event in, the checkpoint out.

mod answer;
mod event;

pub use crate::data::DataError;
pub use answer::answer;
pub use event::{Event, EventError, Record};
