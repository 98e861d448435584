//! Runs a function binary as Lambda does: processes of their own, each of which polls a Runtime API.
//!
//! Implements the documented Runtime API (version 2018-06-01) on a loopback port chosen by the system, one per
//! process. The binary is the one that is deployed; nothing in it knows that it runs on this machine. Processes are
//! started when they are needed, up to the function's concurrency, and stand still between invocations.

pub(crate) mod api;
mod binary;
mod body;
mod counts;
mod environment;
mod error;
mod function;
mod log;
pub(crate) mod log_view;
mod pool;
mod process_group;
mod report;
mod runtime_api;

use std::future::Future;

use axum::body::Bytes;

pub(crate) use binary::{BinaryError, find_binary};
pub(crate) use counts::FunctionCounts;
pub(crate) use error::{InvocationError, StartError};
pub(crate) use function::{Function, FunctionSpec};
pub(crate) use log::{LogLine, log_lines};

/// A function that can be invoked, by several at once.
pub(crate) trait Invoke: Clone + Send + Sync + 'static {
    /// Invokes it with an event and gives its answer.
    fn invoke(&self, event: Bytes) -> impl Future<Output = Result<Bytes, InvocationError>> + Send;
}

impl Invoke for Function {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        Self::invoke(self, event).await
    }
}
