//! HTTP endpoints as destinations of a delivery stream.
//!
//! Defaults and ranges are those of `HttpEndpointDestinationConfiguration` in Firehose's API reference.

use std::time::Duration;

use super::destination::{BackupMode, backup_mode, retry};
use super::error::Fault;
use super::s3::{S3Backup, backup, buffering};
use super::value::Property;

/// Properties that are read, or that change nothing here.
const KNOWN: [&str; 10] = [
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "EndpointConfiguration",
    "ProcessingConfiguration",
    "RequestConfiguration",
    "RetryOptions",
    "RoleARN",
    "S3BackupMode",
    "S3Configuration",
    "SecretsManagerConfiguration",
];

/// Longest access key, in characters.
const ACCESS_KEY_CHARS_MAX: usize = 4_096;

/// Most attributes that come with every request.
const ATTRIBUTES_MAX: usize = 50;

/// An HTTP endpoint, and what is sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpDestination {
    /// Its address. Firehose takes `https://` only; `http://` is for an endpoint on this machine.
    pub(crate) url: String,
    /// Its name.
    pub(crate) name: Option<String>,
    /// What it knows Firehose by.
    pub(crate) access_key: Option<String>,
    /// Compression of requests.
    pub(crate) content_encoding: ContentEncoding,
    /// Names and values that come with every request: at most 50.
    pub(crate) common_attributes: Vec<(String, String)>,
    /// A request is sent when this much has gathered, in bytes: 1 to 64 MB, 5 MB when the template says nothing.
    pub(crate) buffer_bytes: u64,
    /// A request is sent when its oldest record is this old: 0 to 900 s, 300 s when the template says nothing.
    pub(crate) buffer_interval: Duration,
    /// How long a request is tried again: 0 to 7,200 s, 300 s when the template says nothing.
    pub(crate) retry: Duration,
    /// Where records are kept.
    pub(crate) backup: S3Backup,
    /// Which records are kept.
    pub(crate) backup_mode: BackupMode,
}

/// `ContentEncoding` of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentEncoding {
    /// `NONE`, the default.
    None,
    /// `GZIP`.
    Gzip,
}

/// Reads `HttpEndpointDestinationConfiguration`.
pub(super) fn read(destination: &Property<'_>) -> Result<HttpDestination, Fault> {
    destination.only(&KNOWN)?;
    let secret = destination.get("SecretsManagerConfiguration");
    if secret.get("Enabled").flag()?.unwrap_or(false) {
        return Err(secret.unsupported("an access key from Secrets Manager (AccessKey is)"));
    }
    let endpoint = destination.get("EndpointConfiguration");
    endpoint.only(&["AccessKey", "Name", "Url"])?;
    let request = destination.get("RequestConfiguration");
    request.only(&["CommonAttributes", "ContentEncoding"])?;
    let (buffer_bytes, buffer_interval) = buffering(&destination.get("BufferingHints"), 1..=64)?;
    Ok(HttpDestination {
        url: url(&endpoint.get("Url"))?,
        name: endpoint.get("Name").bounded_text(1..=256)?.map(str::to_owned),
        access_key: access_key(&endpoint.get("AccessKey"))?,
        content_encoding: content_encoding(&request.get("ContentEncoding"))?,
        common_attributes: common_attributes(&request.get("CommonAttributes"))?,
        buffer_bytes,
        buffer_interval,
        retry: retry(&destination.get("RetryOptions"))?,
        backup: backup(&destination.get("S3Configuration"))?,
        backup_mode: backup_mode(&destination.get("S3BackupMode"), ("FailedDataOnly", "AllData"))?,
    })
}

/// The address.
fn url(url: &Property<'_>) -> Result<String, Fault> {
    let text = url.bounded_text(1..=1_000)?.ok_or_else(|| url.expected("a text"))?;
    let is_http = |scheme: &str| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
    if is_http("https://") || is_http("http://") {
        return Ok(text.to_owned());
    }
    Err(url.expected("an address that begins with https:// or, on this machine, http://"))
}

/// The access key. It is a secret: no message repeats it.
fn access_key(key: &Property<'_>) -> Result<Option<String>, Fault> {
    let text = key.text()?.filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > ACCESS_KEY_CHARS_MAX) {
        let expected = format!("at most {ACCESS_KEY_CHARS_MAX} characters long");
        return Err(Fault::invalid((key.line, &key.path), expected, "longer"));
    }
    Ok(text.map(str::to_owned))
}

/// Compression of requests.
fn content_encoding(encoding: &Property<'_>) -> Result<ContentEncoding, Fault> {
    match encoding.text()? {
        None | Some("NONE") => Ok(ContentEncoding::None),
        Some("GZIP") => Ok(ContentEncoding::Gzip),
        Some(_) => Err(encoding.expected("NONE or GZIP")),
    }
}

/// What comes with every request.
fn common_attributes(attributes: &Property<'_>) -> Result<Vec<(String, String)>, Fault> {
    let items = attributes.items()?;
    if items.len() > ATTRIBUTES_MAX {
        return Err(attributes.expected(format!("a list of at most {ATTRIBUTES_MAX}")));
    }
    let attribute = |item: Property<'_>| {
        let (name, value) = (item.get("AttributeName"), item.get("AttributeValue"));
        let text = name.bounded_text(1..=256)?.ok_or_else(|| name.expected("a text"))?;
        let value = value.bounded_text(0..=1_024)?.ok_or_else(|| value.expected("a text"))?;
        Ok((text.to_owned(), value.to_owned()))
    };
    items.into_iter().map(attribute).collect()
}
