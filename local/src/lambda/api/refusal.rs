//! Why a call of the Lambda API is refused, in the form of a REST-JSON service: a status, the name of the error in
//! `x-amzn-errortype`, and a document.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such function, or no such version of it.
    NotFound {
        /// Its ARN or name.
        name: String,
    },
    /// Too many invocations are under way.
    Throttled {
        /// Whether it is the function's own limit.
        reserved: bool,
    },
    /// Too many events wait.
    QueueFull,
    /// The payload is above the limit.
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The payload is no JSON text.
    NotJson {
        /// What is wrong with it.
        error: String,
    },
    /// A parameter has none of its values.
    Invalid {
        /// What is wrong.
        message: String,
    },
}

impl Refusal {
    /// A parameter that has a value besides those of the API.
    pub(super) fn invalid(parameter: &str, value: &str, values: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: \
             Member must satisfy enum value set: {values}"
        );
        Self::Invalid { message }
    }

    /// Status, name and document. The models spell the text's name in two ways.
    fn parts(&self) -> (StatusCode, &'static str, Value) {
        let message = |text: &str| json!({ "Type": "User", "message": text });
        match self {
            Self::NotFound { name } => (
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                json!({ "Type": "User", "Message": format!("Function not found: {name}") }),
            ),
            Self::Throttled { reserved } => {
                let reason = if *reserved {
                    "ReservedFunctionConcurrentInvocationLimitExceeded"
                } else {
                    "ConcurrentInvocationLimitExceeded"
                };
                throttled(reason)
            }
            Self::QueueFull => throttled("CallerRateLimitExceeded"),
            Self::TooLarge { bytes_max } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLargeException",
                message(&format!(
                    "Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"
                )),
            ),
            Self::NotJson { error } => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                message(&format!("Could not parse request body into json: {error}")),
            ),
            Self::Invalid { message: text } => {
                (StatusCode::BAD_REQUEST, "ValidationException", json!({ "message": text }))
            }
        }
    }
}

/// The error of all limits that time lifts.
fn throttled(reason: &str) -> (StatusCode, &'static str, Value) {
    let document = json!({ "Reason": reason, "Type": "User", "message": "Rate Exceeded." });
    (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", document)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name, document) = self.parts();
        let mut response = super::document(status, &document);
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
        response
    }
}
