//! Runs a function binary as Lambda does: a process of its own that polls a Runtime API.
//!
//! Implements the documented Runtime API (version 2018-06-01) on a loopback port chosen by the system, one per
//! process. The binary is the one that is deployed; nothing in it knows that it runs on this machine.

mod binary;
mod environment;
mod log;
mod process;
mod runtime_api;

use axum::body::Bytes;

pub(crate) use binary::{BinaryError, find_binary};
pub(crate) use process::{FunctionProcess, FunctionSpec, InvocationError, StartError};

/// A function that can be invoked, by several at once.
pub(crate) trait Invoke: Clone + Send + Sync + 'static {
    /// Invokes it with an event and gives its answer.
    fn invoke(&self, event: Bytes) -> impl Future<Output = Result<Bytes, InvocationError>> + Send;
}
