//! A function's logs, and what every function tells in the same words: why it does not start, why an invocation failed.
//!
//! Logs are a function's only way to the outside besides its answer. A chain of errors is told once, here.

use tapeline_telemetry::chain;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, error};

use crate::variables::ConfigError;
use crate::{HandlerError, Invocation};

/// Starts logging to standard output, one JSON document a line.
pub fn start(level: LevelFilter) {
    tapeline_telemetry::log::start(level, is_news);
}

/// The runtime tells a handler's error once more, in its own words: [`invocation_failed`] has told it already. A panic,
/// which comes with a field of its own, nobody else tells.
fn is_news(metadata: &Metadata<'_>) -> bool {
    metadata.target() != "lambda_runtime::layers::panic" || metadata.fields().field("error").is_some()
}

/// Logs why the function does not start.
pub fn start_failed(cause: &ConfigError) {
    start(LevelFilter::ERROR);
    for problem in &cause.problems {
        error!(variable = problem.variable, error = problem.message, "bad configuration");
    }
}

/// Logs why the loop ended.
pub fn runtime_failed(cause: &(dyn std::error::Error + Send + Sync + 'static)) {
    error!(error = chain(cause), "runtime failed");
}

/// Logs an invocation that could not be answered, under a name to alarm on; hands back what the runtime reports.
pub fn invocation_failed(
    error_type: &'static str,
    cause: &dyn std::error::Error,
    invocation: &Invocation,
) -> HandlerError {
    let message = chain(cause);
    error!(request_id = invocation.request_id, error_type, error = message, "invocation failed");
    HandlerError { error_type, message }
}
