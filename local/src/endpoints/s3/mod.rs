//! The S3 endpoint: a folder whose folders are buckets.
//!
//! Delivery streams write their objects as files into the same folders. Buckets are named in the path, and any
//! credentials do: nothing is checked that a signature protects, because nobody but this machine reaches the port.

mod chunked;
mod folder;

use std::path::Path;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use s3s::service::{S3Service, S3ServiceBuilder};
use tower::ServiceExt as _;

use super::EndpointError;
use chunked::decoded;
use folder::Folder;

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
/// Headers that announce a checksum behind the last chunk, and its algorithm.
const OF_TRAILERS: [HeaderName; 2] =
    [HeaderName::from_static("x-amz-trailer"), HeaderName::from_static("x-amz-sdk-checksum-algorithm")];
/// What a presigned URL adds to a query: the signatures of version 4 and of version 2.
const OF_PRESIGNED: [&str; 10] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "AWSAccessKeyId",
    "Expires",
    "Signature",
];

/// The API over the buckets in `folder`.
///
/// # Errors
/// When the folder cannot be used.
pub(super) fn router(folder: &Path) -> Result<Router, EndpointError> {
    let buckets = Folder::open(folder)?;
    let service = S3ServiceBuilder::new(buckets).build();
    Ok(Router::new().fallback(answer).with_state(service))
}

async fn answer(State(service): State<S3Service>, request: Request) -> Response {
    match service.oneshot(unsigned(request)).await {
        Ok(answer) => answer.map(axum::body::Body::new),
        // Errors of the operations are answers: this one is of the connection.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Takes the signature off a request: off its headers, its query, and the chunks of its body.
fn unsigned(request: Request) -> Request {
    let (mut head, body) = request.into_parts();
    head.headers.remove(header::AUTHORIZATION);
    head.uri = without_signature(head.uri);
    let chunked =
        head.headers.get(CONTENT_SHA256).is_some_and(|hash| hash.as_bytes().starts_with(b"STREAMING-"));
    if !chunked {
        return Request::from_parts(head, body);
    }
    forget_chunks(&mut head.headers);
    Request::from_parts(head, decoded(body))
}

/// Leaves out of a query what a presigned URL adds to it.
fn without_signature(uri: Uri) -> Uri {
    let Some(query) = uri.query() else { return uri };
    let is_kept = |field: &&str| !OF_PRESIGNED.contains(&field.split('=').next().unwrap_or_default());
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    let path = format!("{}{mark}{}", uri.path(), kept.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path).ok();
    // Parts of a URI make one.
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Makes the headers those of the object itself.
fn forget_chunks(headers: &mut HeaderMap) {
    headers.remove(CONTENT_SHA256);
    for name in OF_TRAILERS {
        headers.remove(name);
    }
    if let Some(length) = headers.remove(DECODED_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    let encoding = headers.remove(header::CONTENT_ENCODING);
    let encoding = encoding.as_ref().and_then(|encoding| encoding.to_str().ok()).unwrap_or_default();
    let kept: Vec<&str> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    if let Ok(kept) = HeaderValue::try_from(kept.join(","))
        && !kept.is_empty()
    {
        headers.insert(header::CONTENT_ENCODING, kept);
    }
}

#[cfg(test)]
mod tests;
