//! Reads what OpenSearch answers to a bulk request: one item for each document, in the order of the request.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tapeline_telemetry::chain;
use thiserror::Error;

use super::DOCUMENTS_MAX;
use crate::firehose::post::{Answer, PostError, TIMEOUT};

/// Bytes of an answer's body, for each document of the largest request: an item takes some 200 bytes, one with an error
/// up to a few thousand.
pub(super) const BODY_BYTES_MAX: usize = DOCUMENTS_MAX * 4 * 1024;
/// Characters of an item's error that a failure document repeats.
const ERROR_CHARS_MAX: usize = 8192;
/// The client sends too much: try later.
const TOO_MANY_REQUESTS: u16 = 429;

/// Why a document is not indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The status, or a name where there is none.
    pub(super) code: String,
    /// OpenSearch's own words where there are any.
    pub(super) message: String,
    /// Whether it may be accepted later.
    pub(super) is_retryable: bool,
}

impl Rejection {
    fn of_status(status: u16, message: String, is_retryable: bool) -> Self {
        Self { code: status.to_string(), message, is_retryable }
    }
}

/// Why nothing of a request is known to be indexed: all of it is tried again, whatever the reason. The guide counts a
/// wrong configuration among what is retried.
#[derive(Debug, Error)]
pub(super) enum BulkError {
    /// OpenSearch refuses it as a whole.
    #[error("{body}")]
    Refused {
        /// The status, of 300 and above.
        status: u16,
        /// Beginning of the body.
        body: String,
    },
    /// The answer does not tell of each document.
    #[error("expected an answer with {expected} items, was {body}")]
    Items {
        /// Documents of the request.
        expected: usize,
        /// Beginning of the body.
        body: String,
    },
    /// There is no answer.
    #[error(transparent)]
    Post(#[from] PostError),
}

impl BulkError {
    /// Failure documents have the status that OpenSearch returned. Where it returned none, the names are made like
    /// those of HTTP endpoints.
    fn code(&self) -> String {
        match self {
            Self::Refused { status, .. } => status.to_string(),
            Self::Items { .. } => "OS.InvalidResponse".to_owned(),
            Self::Post(PostError::Timeout) => "OS.RequestTimeout".to_owned(),
            Self::Post(PostError::Connect(_)) => "OS.ConnectionFailed".to_owned(),
            Self::Post(PostError::Reset(_)) => "OS.ConnectionReset".to_owned(),
            Self::Post(PostError::TooLarge(_)) => "OS.ResponseTooLarge".to_owned(),
        }
    }

    /// What it means for each document.
    pub(super) fn rejection(&self) -> Rejection {
        Rejection { code: self.code(), message: chain(self), is_retryable: true }
    }

    /// How long an answer was waited for in vain.
    pub(super) const fn timed_out(&self) -> Duration {
        if matches!(self, Self::Post(PostError::Timeout)) { TIMEOUT } else { Duration::ZERO }
    }
}

/// The body of an answer.
///
/// `{"took":30,"errors":true,"items":[{"index":{"_index":"movies","_id":"tt1979320","status":201}}]}`
#[derive(Deserialize)]
struct Body<'a> {
    /// One for each action.
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    /// The result of an action `index`.
    #[serde(borrow)]
    index: ItemResult<'a>,
}

#[derive(Deserialize)]
struct ItemResult<'a> {
    /// HTTP status of the action.
    status: u16,
    /// An object with type and reason, if it failed.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The rejections of a request with so many documents: `None` for what is indexed.
pub(super) fn read(answer: &Answer, documents: usize) -> Result<Vec<Option<Rejection>>, BulkError> {
    if !is_success(answer.status) {
        return Err(BulkError::Refused { status: answer.status, body: answer.excerpt() });
    }
    let body = serde_json::from_slice::<Body<'_>>(&answer.body).ok();
    let items = body.map(|body| body.items).filter(|items| items.len() == documents);
    let unknown = || BulkError::Items { expected: documents, body: answer.excerpt() };
    Ok(items.ok_or_else(unknown)?.iter().map(rejection).collect())
}

fn rejection(item: &Item<'_>) -> Option<Rejection> {
    let status = item.index.status;
    let error = item.index.error.map_or("", RawValue::get);
    let message = error.chars().take(ERROR_CHARS_MAX).collect();
    let is_retryable = status == TOO_MANY_REQUESTS || status >= 500;
    (!is_success(status)).then(|| Rejection::of_status(status, message, is_retryable))
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}
