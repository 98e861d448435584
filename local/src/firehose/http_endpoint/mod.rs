//! Delivers records to an HTTP endpoint.
//!
//! Implements "HTTP endpoint delivery request and response specifications" of Firehose's guide: records are buffered,
//! a request of them is posted until the endpoint acknowledges it, and what it does not acknowledge within the retry
//! duration is handed back. One request is under way at a time, so records arrive in their order. Firehose delivers to
//! https addresses only; on this machine there is no TLS, and the address is an http one.

mod answer;
mod buffer;

use std::mem;
use std::time::Duration;

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use tapeline_telemetry::chain;
use uuid::Uuid;

use self::answer::{BODY_BYTES_MAX, Refusal};
use self::buffer::Buffer;
use super::document::Document;
use super::failure::{Failure, FailureType, Request};
use super::post::{Destination, DestinationError};
use super::tries::Tries;
use crate::stream::StreamRecord;

/// Bytes of an access key: Firehose's own limit.
const ACCESS_KEY_BYTES_MAX: usize = 4096;
/// Common attributes of a request: the guide's schema.
const COMMON_ATTRIBUTES_MAX: usize = 50;
/// Characters of an attribute's name: the guide's schema.
const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// Characters of an attribute's value: the guide's schema.
const ATTRIBUTE_VALUE_CHARS_MAX: usize = 1024;

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("x-amz-firehose-protocol-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-firehose-request-id");
const SOURCE_ARN: HeaderName = HeaderName::from_static("x-amz-firehose-source-arn");
const ACCESS_KEY: HeaderName = HeaderName::from_static("x-amz-firehose-access-key");
const COMMON_ATTRIBUTES: HeaderName = HeaderName::from_static("x-amz-firehose-common-attributes");

/// The settings of an HTTP endpoint destination.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// ARN of the delivery stream, as requests name it.
    pub(crate) stream_arn: String,
    /// The endpoint's address.
    pub(crate) url: String,
    /// What the endpoint knows the delivery stream by.
    pub(crate) access_key: Option<String>,
    /// How bodies are compressed.
    pub(crate) content_encoding: ContentEncoding,
    /// What every request tells of itself: name and value.
    pub(crate) common_attributes: Vec<(String, String)>,
    /// Bytes of records after which a request is made.
    pub(crate) buffer_bytes: usize,
    /// Time after which a request is made.
    pub(crate) buffer_interval: SignedDuration,
    /// How long a request is tried again, the time that the endpoint takes to respond not counted.
    pub(crate) retry: Duration,
}

/// How the bodies of requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentEncoding {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
}

/// An HTTP endpoint with the records on their way to it.
#[derive(Debug)]
pub(crate) struct HttpEndpoint {
    settings: HttpSettings,
    destination: Destination,
    buffer: Buffer,
    /// Requests so far: their running number.
    requests: u64,
    failed: Vec<(StreamRecord, Failure)>,
}

impl HttpEndpoint {
    /// Sets a destination up.
    ///
    /// # Errors
    /// When nothing can be posted to the address, or the access key or an attribute is none that Firehose takes.
    pub(crate) fn new(settings: HttpSettings) -> Result<Self, DestinationError> {
        let destination = Destination::new(&settings.url, headers(&settings)?)?;
        Ok(Self { settings, destination, buffer: Buffer::default(), requests: 0, failed: Vec::new() })
    }

    /// Takes a record, and delivers what is buffered when that has become enough for a request.
    pub(crate) async fn add(&mut self, document: Document, now: Timestamp) {
        if self.buffer.is_full_for(&document) {
            self.deliver(now).await;
        }
        self.buffer.push(document, now);
        if self.buffer.data_bytes() >= self.settings.buffer_bytes {
            self.deliver(now).await;
        }
    }

    /// When what is buffered is to be delivered.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.buffer.since()?.checked_add(self.settings.buffer_interval).ok()
    }

    /// Delivers what is due by now.
    pub(crate) async fn advance(&mut self, now: Timestamp) {
        if self.next_due().is_some_and(|due| due <= now) {
            self.deliver(now).await;
        }
    }

    /// Delivers what is buffered.
    pub(crate) async fn finish(&mut self, now: Timestamp) {
        if !self.buffer.is_empty() {
            self.deliver(now).await;
        }
    }

    /// The records that could not be delivered since this was last asked: at most those of two requests, if it is asked
    /// whenever something was added or done.
    pub(crate) fn take_failed(&mut self) -> Vec<(StreamRecord, Failure)> {
        mem::take(&mut self.failed)
    }

    /// Bytes of the data that waits.
    pub(crate) const fn buffered_bytes(&self) -> usize {
        self.buffer.data_bytes()
    }

    /// Makes a request of what is buffered and tries it until it is acknowledged or the retry duration is over.
    async fn deliver(&mut self, now: Timestamp) {
        self.requests += 1;
        // Other runs have other ids, or an endpoint that remembers them would take their records for duplicates.
        let name = format!("{}\n{now}\n{}", self.settings.stream_arn, self.requests);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let (mut tries, id) = (Tries::new(id), id.to_string());
        let (body, records) = mem::take(&mut self.buffer).request(&id, now);
        let refusal = match self.encoded(body) {
            Ok(body) => self.attempts(&id, &body, &mut tries).await.err(),
            Err(error) => Some(Refusal::Compression(error)),
        };
        if let Some(refusal) = refusal {
            let failure = Failure {
                what: FailureType::HttpEndpoint,
                attempts: tries.made,
                code: refusal.code().to_owned(),
                message: chain(&refusal),
                request: Some(Request { ended: tries.ended(now), index: None }),
            };
            self.failed.extend(records.into_iter().map(|record| (record, failure.clone())));
        }
    }

    async fn attempts(&self, id: &str, body: &Bytes, tries: &mut Tries) -> Result<(), Refusal> {
        loop {
            tries.made += 1;
            let Err(refusal) = self.attempt(id, body).await else { return Ok(()) };
            tries.timed_out += refusal.timed_out();
            // The duration "doesn't include the periods during which Firehose waits for acknowledgment".
            let left = self.settings.retry.saturating_sub(tries.waited);
            if refusal.is_permanent() || !tries.wait(left).await {
                return Err(refusal);
            }
        }
    }

    async fn attempt(&self, id: &str, body: &Bytes) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        // Always: an id is hexadecimal digits and hyphens.
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(REQUEST_ID, id);
        }
        answer::check(&self.destination.post(headers, body.clone(), BODY_BYTES_MAX).await?, id)
    }

    fn encoded(&self, body: Vec<u8>) -> std::io::Result<Bytes> {
        match self.settings.content_encoding {
            ContentEncoding::None => Ok(body.into()),
            ContentEncoding::Gzip => buffer::gzip(&body).map(Bytes::from),
        }
    }
}

/// The headers of every request.
fn headers(settings: &HttpSettings) -> Result<HeaderMap, DestinationError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static("1.0"));
    // The template's ARNs are ASCII; one that were not would not be one of a delivery stream.
    if let Ok(arn) = HeaderValue::from_str(&settings.stream_arn) {
        headers.insert(SOURCE_ARN, arn);
    }
    if settings.content_encoding == ContentEncoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(key) = settings.access_key.as_deref() {
        headers.insert(ACCESS_KEY, access_key(key)?);
    }
    if !settings.common_attributes.is_empty() {
        headers.insert(COMMON_ATTRIBUTES, common_attributes(&settings.common_attributes)?);
    }
    Ok(headers)
}

fn access_key(key: &str) -> Result<HeaderValue, DestinationError> {
    let refused = || DestinationError::AccessKey { max: ACCESS_KEY_BYTES_MAX, found: key.len() };
    let mut value = HeaderValue::from_bytes(key.as_bytes()).map_err(|_| refused())?;
    value.set_sensitive(true);
    if key.len() > ACCESS_KEY_BYTES_MAX { Err(refused()) } else { Ok(value) }
}

fn common_attributes(attributes: &[(String, String)]) -> Result<HeaderValue, DestinationError> {
    let found = |text: String| DestinationError::CommonAttributes(text);
    if attributes.len() > COMMON_ATTRIBUTES_MAX {
        return Err(found(format!("{} of them", attributes.len())));
    }
    for (name, value) in attributes {
        let (name_chars, value_chars) = (name.chars().count(), value.chars().count());
        let fits = (1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name_chars);
        if !fits || value_chars > ATTRIBUTE_VALUE_CHARS_MAX {
            return Err(found(format!("a name of {name_chars} and a value of {value_chars}")));
        }
    }
    let object: Map<_, _> =
        attributes.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    // JSON escapes control characters but for the last, and they are all that a header cannot have.
    HeaderValue::try_from(json!({ "commonAttributes": object }).to_string().into_bytes())
        .map_err(|_| found("a control character".to_owned()))
}

#[cfg(test)]
mod tests;
