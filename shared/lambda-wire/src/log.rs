//! Structured logs, and what every function tells in the same words: why it does not start, why an invocation failed.
//!
//! Logs are a function's only way to the outside besides its answer. A chain of errors is told once, here.

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, error};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::variables::ConfigError;
use crate::{HandlerError, Invocation};

/// Starts logging to standard output, one JSON document a line.
pub fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    tracing_subscriber::registry().with(lines).with(level).with(filter_fn(is_news)).init();
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

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::{Event, EventError};

    #[test]
    fn a_chain_has_every_cause_once() {
        let error = Event::parse(b"\xff").unwrap_err();
        assert!(matches!(error, EventError::Utf8(_)));
        assert_eq!(
            chain(&error),
            "expected a payload in UTF-8: invalid utf-8 sequence of 1 bytes from index 0"
        );
    }
}
