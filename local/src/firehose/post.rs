//! Posts a request to a destination and reads its answer, as far as it may go.

use std::time::Duration;

use axum::body::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::{Client, Response, Url, redirect};
use thiserror::Error;

/// How long a destination may take: "HTTP endpoints have 3 minutes to respond to a request".
pub(super) const TIMEOUT: Duration = Duration::from_mins(3);
/// Characters of an answer that a failure document repeats: as many as an `errorMessage` may have.
const EXCERPT_CHARS_MAX: usize = 8192;

/// A destination cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum DestinationError {
    /// There is no TLS here.
    #[error(
        "cannot deliver to {0}: there is no TLS on this machine, expected an http:// address, such as that of a proxy in front of it"
    )]
    Https(String),
    /// The address is none that can be posted to.
    #[error("expected an http:// address, was {0:?}")]
    Address(String),
    /// The access key cannot stand in a header.
    #[error("expected an access key of at most {max} visible characters, was one of {found}")]
    AccessKey {
        /// Bytes that it may have.
        max: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// The common attributes are more or longer than the guide allows.
    #[error(
        "expected at most 50 common attributes, names of 1 to 256 and values of at most 1024 characters, was {0}"
    )]
    CommonAttributes(String),
    /// The client cannot be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// An answer, with the whole of its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as failure documents have it.
    pub(super) fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(EXCERPT_CHARS_MAX).collect()
    }
}

/// There is no answer.
#[derive(Debug, Error)]
pub(super) enum PostError {
    /// None came in time.
    #[error("the destination took longer than {} seconds to respond", TIMEOUT.as_secs())]
    Timeout,
    /// No connection could be established.
    #[error("unable to connect to the destination")]
    Connect(#[source] reqwest::Error),
    /// The connection ended before the answer did.
    #[error("unable to maintain the connection with the destination")]
    Reset(#[source] reqwest::Error),
    /// Its body is larger than it may be.
    #[error("the response received from the destination is too large, expected at most {0} bytes")]
    TooLarge(usize),
}

impl From<reqwest::Error> for PostError {
    fn from(error: reqwest::Error) -> Self {
        // The address is the user's: it may carry a key in its query.
        let error = error.without_url();
        if error.is_connect() {
            return Self::Connect(error);
        }
        if error.is_timeout() { Self::Timeout } else { Self::Reset(error) }
    }
}

/// An address that can be posted to.
#[derive(Debug)]
pub(super) struct Destination {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Destination {
    /// Takes an address and the headers of every request to it. Redirects are not followed, as Firehose does not, and
    /// no proxy is asked.
    pub(super) fn new(url: &str, headers: HeaderMap) -> Result<Self, DestinationError> {
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(TIMEOUT);
        let client = client.build().map_err(DestinationError::Client)?;
        Ok(Self { client, url: address(url)?, headers })
    }

    /// Posts a body, with headers of its own, and reads an answer of at most `bytes_max`.
    pub(super) async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Answer, PostError> {
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).headers(headers);
        read(request.body(body).send().await?, bytes_max).await
    }
}

fn address(text: &str) -> Result<Url, DestinationError> {
    let url = Url::parse(text).map_err(|_| DestinationError::Address(text.to_owned()))?;
    match url.scheme() {
        "http" => Ok(url),
        "https" => Err(DestinationError::Https(text.to_owned())),
        _ => Err(DestinationError::Address(text.to_owned())),
    }
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Answer, PostError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > bytes_max) {
        return Err(PostError::TooLarge(bytes_max));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        if body.len() + part.len() > bytes_max {
            return Err(PostError::TooLarge(bytes_max));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(url: &str, expected: &str) {
        assert_eq!(address(url).unwrap_err().to_string(), expected);
    }

    #[test]
    fn an_https_address_is_refused_in_one_sentence() {
        check_refused(
            "https://example.com/in",
            "cannot deliver to https://example.com/in: there is no TLS on this machine, expected an http:// address, such as that of a proxy in front of it",
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        check_refused("localhost", "expected an http:// address, was \"localhost\"");
        check_refused("ftp://localhost", "expected an http:// address, was \"ftp://localhost\"");
    }
}
