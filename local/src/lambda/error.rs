//! Why a function cannot be run, and why an invocation has no answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tapeline_telemetry::chain;

use super::environment::{InitError, lines, seconds};
use super::runtime_api::ANSWER_BYTES_MAX;

/// Why a function cannot be run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The log file cannot be created.
    #[error("cannot create the log file {}", .path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its first process did not become ready.
    #[error(transparent)]
    Init(#[from] InitError),
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    /// The function reported an error.
    #[error("the function reported {error_type}: {message}")]
    FunctionError {
        /// Name of the error.
        error_type: String,
        /// Its text.
        message: String,
    },
    /// The function did not answer in time and was killed.
    #[error("the function must answer within {}, it did not and was killed", seconds(*.timeout))]
    TimedOut {
        /// Time it had.
        timeout: Duration,
    },
    /// The process ended before it answered.
    #[error("the function must answer, it ended with {status} instead{}", lines(.last_log))]
    Exited {
        /// Exit status or signal.
        status: String,
        /// Last lines of its log.
        last_log: Vec<String>,
    },
    /// The answer was above Lambda's limit.
    #[error(
        "the answer must have at most {ANSWER_BYTES_MAX} bytes, it had {bytes} (Function.ResponseSizeTooLarge)"
    )]
    ResponseTooLarge {
        /// Size of the answer.
        bytes: u64,
    },
    /// A fresh process did not become ready.
    #[error("a fresh process of the function did not become ready")]
    Init {
        /// Why.
        #[from]
        source: InitError,
    },
    /// The function was not invoked: as many invocations as it may have are under way.
    #[error("the function may have at most {limit} invocations at once (TooManyRequestsException)")]
    Throttled {
        /// Its concurrency.
        limit: u32,
    },
    /// The function was stopped before it answered.
    #[error("the function was stopped before it answered")]
    Stopped,
}

impl InvocationError {
    /// Names the error as Firehose's logs and failure documents do.
    ///
    /// To Firehose every ending but the timeout and the throttle is the same: the function was invoked and returned an
    /// error.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "Lambda.FunctionTimedOut",
            Self::Throttled { .. } => "Lambda.InvokeLimitExceeded",
            _ => "Lambda.FunctionError",
        }
    }

    /// Names the error as Lambda does in the payload of a failed invocation and in its log.
    pub(super) fn error_type(&self) -> &str {
        match self {
            Self::FunctionError { error_type, .. }
            | Self::Init { source: InitError::Reported { error_type, .. } } => error_type,
            Self::TimedOut { .. } => "Sandbox.Timedout",
            Self::Exited { .. } | Self::Init { source: InitError::Exited { .. } } => "Runtime.ExitError",
            Self::ResponseTooLarge { .. } => "Function.ResponseSizeTooLarge",
            Self::Init { .. } => "Runtime.InitError",
            Self::Throttled { .. } => "TooManyRequestsException",
            Self::Stopped => "ServiceException",
        }
    }

    /// The payload of a failed invocation, in Lambda's words.
    pub(super) fn payload(&self, request_id: &str) -> Value {
        let message = match self {
            Self::FunctionError { message, .. }
            | Self::Init { source: InitError::Reported { message, .. } } => message.clone(),
            Self::TimedOut { timeout } => {
                format!(
                    "RequestId: {request_id} Error: Task timed out after {:.2} seconds",
                    timeout.as_secs_f64()
                )
            }
            Self::Exited { status, .. } | Self::Init { source: InitError::Exited { status, .. } } => {
                format!("RequestId: {request_id} Error: Runtime exited with error: {status}")
            }
            Self::ResponseTooLarge { .. } => {
                format!(
                    "Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES_MAX} bytes)."
                )
            }
            Self::Init { .. } | Self::Throttled { .. } | Self::Stopped => {
                format!("RequestId: {request_id} Error: {}", chain(self))
            }
        };
        json!({ "errorType": self.error_type(), "errorMessage": message })
    }
}
