//! Reads what an HTTP endpoint answers, as strictly as Firehose does.
//!
//! Only 200 with a JSON body that repeats the request's id and has a timestamp acknowledges a request. The codes and
//! their texts are those of "Troubleshooting HTTP endpoints" in Firehose's guide.

use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use serde::Deserialize;
use thiserror::Error;

use crate::firehose::post::{Answer, PostError, TIMEOUT};

/// Bytes of an answer's body: "must be 1 MiB or less in size".
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The one status that acknowledges.
const OK: u16 = 200;
/// "Size exceeded": the one failure that is not tried again.
const PAYLOAD_TOO_LARGE: u16 = 413;

/// Why a request is not acknowledged.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// The endpoint refuses it.
    #[error("The following response was received from the endpoint destination. {status}: {body}")]
    Destination {
        /// The status, any but 200.
        status: u16,
        /// Beginning of the body.
        body: String,
    },
    /// The answer is not of the documented form.
    #[error(
        "The response received from the specified endpoint is invalid. Contact the owner of the endpoint to resolve the issue. Response for request {id} {violation}. Raw response received: 200 {body}"
    )]
    Invalid {
        /// Id of the request.
        id: String,
        /// What is wrong with the answer.
        violation: Violation,
        /// Beginning of the body.
        body: String,
    },
    /// There is no answer.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The body cannot be compressed.
    #[error("the body cannot be compressed")]
    Compression(#[source] io::Error),
}

impl Refusal {
    /// The service's name of the error.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Destination { .. } => "HttpEndpoint.DestinationException",
            Self::Invalid { .. } => "HttpEndpoint.InvalidResponseFromDestination",
            Self::Post(PostError::Timeout) => "HttpEndpoint.RequestTimeout",
            Self::Post(PostError::Connect(_)) => "HttpEndpoint.ConnectionFailed",
            Self::Post(PostError::Reset(_)) => "HttpEndpoint.ConnectionReset",
            Self::Post(PostError::TooLarge(_)) => "HttpEndpoint.ResponseTooLarge",
            Self::Compression(_) => "InternalError",
        }
    }

    /// Whether another try is pointless. The guide adds that such records are not kept in the bucket for failures
    /// either; here they are, since nothing else would tell which were lost.
    pub(super) const fn is_permanent(&self) -> bool {
        matches!(self, Self::Destination { status: PAYLOAD_TOO_LARGE, .. } | Self::Compression(_))
    }

    /// How long an answer was waited for in vain.
    pub(super) const fn timed_out(&self) -> Duration {
        if matches!(self, Self::Post(PostError::Timeout)) { TIMEOUT } else { Duration::ZERO }
    }
}

/// How an answer breaks the specification.
#[derive(Debug, Error)]
pub(super) enum Violation {
    /// Any other type than `application/json`, or none.
    #[error("has no header content-type: application/json")]
    ContentType,
    /// A compressed body.
    #[error("has a header content-encoding")]
    ContentEncoding,
    /// A body of unknown length.
    #[error("has no header content-length")]
    ContentLength,
    /// No JSON, a field too many, too few or of another type.
    #[error("is not recognized as valid JSON or has unexpected fields ({0})")]
    Body(serde_json::Error),
    /// The id of another request.
    #[error("has another requestId")]
    RequestId,
}

/// The body of an answer.
///
/// `{"requestId":"ed4acda5-034f-9f42-bba1-f29aea6d7d8f","timestamp":1578090903599}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "fields that must be there and of their type, whatever they tell")]
struct Acknowledgement {
    /// Id of the request that it answers.
    request_id: String,
    /// When the request was processed: milliseconds since the epoch, a number and not a string.
    timestamp: i64,
    /// Why a request failed.
    error_message: Option<String>,
}

/// Takes an answer as the acknowledgement of the request with this id.
pub(super) fn check(answer: &Answer, id: &str) -> Result<(), Refusal> {
    if answer.status != OK {
        return Err(Refusal::Destination { status: answer.status, body: answer.excerpt() });
    }
    violation(answer, id).map_or(Ok(()), |violation| {
        Err(Refusal::Invalid { id: id.to_owned(), violation, body: answer.excerpt() })
    })
}

fn violation(answer: &Answer, id: &str) -> Option<Violation> {
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Some(Violation::ContentType);
    }
    if answer.headers.contains_key(CONTENT_ENCODING) {
        return Some(Violation::ContentEncoding);
    }
    if !answer.headers.contains_key(CONTENT_LENGTH) {
        return Some(Violation::ContentLength);
    }
    match serde_json::from_slice::<Acknowledgement>(&answer.body) {
        Ok(acknowledgement) if acknowledgement.request_id == id => None,
        Ok(_) => Some(Violation::RequestId),
        Err(error) => Some(Violation::Body(error)),
    }
}
