//! Lambda payloads exactly as the service delivers and accepts them, and the loop that feeds them to a handler.
//!
//! This crate knows the Lambda runtime and no market. [`firehose`] reads a transformation event from the raw bytes of
//! an invocation and builds its answer, [`kinesis`] does the same for a batch of a data stream; [`run`] hands raw bytes
//! to a handler and posts raw bytes back. What every function needs besides stands here once: [`variables`] and [`log`].
//!
//! The types of `aws_lambda_events` are not used for events: version 1.2.1 reads Firehose's millisecond timestamps
//! one millisecond off for half of all values and panics on fractions, wants `subsequenceNumber` to be an integer,
//! and fails the whole event for one record whose base64 is bad. For answers, its documented result names
//! (`TransformedStateOk`, ...) are not what the service accepts. Of Kinesis' times, which are seconds with a fraction, it
//! reads `.98` as 98 milliseconds. The tests hold our readers to those types where they are right.

mod base64;
mod data;
pub mod firehose;
pub mod kinesis;
pub mod log;
mod runtime;
mod time;
pub mod variables;

pub use runtime::{HandlerError, Invocation, run};
