//! Refusals, as AWS's JSON services form them.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

/// Of answers and refusals.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// After how many seconds a producer tries again when there was no room. Buffers are delivered far more often.
const RETRY_AFTER_SECONDS: &str = "1";

/// A request is refused.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// The body is not the JSON that the operation takes.
    #[error("expected the JSON of the operation's request")]
    Serialization(#[source] serde_json::Error),
    /// The body is too large to be kept.
    #[error("expected a request of at most {} bytes", super::REQUEST_BYTES_MAX)]
    RequestTooLarge,
    /// There is no such operation here.
    #[error("expected an operation of Data Firehose that is served here, was {operation:?}")]
    UnknownOperation {
        /// Its name.
        operation: String,
    },
    /// Fields are not as the API's model has them.
    #[error("{} validation error{} detected: {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("; "))]
    Validation(Vec<String>),
    /// Fields do not go together, or ask for what cannot run here.
    #[error("{0}")]
    InvalidArgument(String),
    /// There is no delivery stream of that name.
    #[error("Firehose {name} not found.")]
    NotFound {
        /// The name.
        name: String,
    },
    /// There is a delivery stream of that name already.
    #[error("Firehose {name} already exists")]
    InUse {
        /// The name.
        name: String,
    },
    /// There are too many of something.
    #[error("{0}")]
    LimitExceeded(String),
    /// Somebody else was faster.
    #[error(
        "Cannot update firehose: {name} since the current version id: {current} and specified version id: {given} do not match"
    )]
    VersionMismatch {
        /// Name of the delivery stream.
        name: String,
        /// Its version.
        current: u64,
        /// The version that the request begins from.
        given: String,
    },
    /// There is no room for records now.
    #[error("Slow down.")]
    Unavailable,
}

impl ApiError {
    /// The name of the exception.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Serialization(_) => "SerializationException",
            Self::RequestTooLarge | Self::InvalidArgument(_) => "InvalidArgumentException",
            Self::UnknownOperation { .. } => "UnknownOperationException",
            Self::Validation(_) => "ValidationException",
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::InUse { .. } => "ResourceInUseException",
            Self::LimitExceeded(_) => "LimitExceededException",
            Self::VersionMismatch { .. } => "ConcurrentModificationException",
            Self::Unavailable => "ServiceUnavailableException",
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.name(), "message": self.to_string()}).to_string();
        let headers = [("content-type", CONTENT_TYPE), ("x-amzn-errortype", self.name())];
        match self {
            Self::Unavailable => {
                let retry = [("retry-after", RETRY_AFTER_SECONDS)];
                (StatusCode::INTERNAL_SERVER_ERROR, headers, retry, body).into_response()
            }
            _ => (StatusCode::BAD_REQUEST, headers, body).into_response(),
        }
    }
}
