//! OpenSearch as a destination of a delivery stream.
//!
//! Defaults and ranges are those of `AmazonopensearchserviceDestinationConfiguration` in Firehose's API reference.

use std::time::Duration;

use super::destination::{BackupMode, backup_mode, retry};
use super::error::Fault;
use super::s3::{S3Backup, backup, buffering};
use super::value::Property;

/// Properties that are read, or that change nothing here.
const KNOWN: [&str; 14] = [
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "ClusterEndpoint",
    "DocumentIdOptions",
    "DomainARN",
    "IndexName",
    "IndexRotationPeriod",
    "ProcessingConfiguration",
    "RetryOptions",
    "RoleARN",
    "S3BackupMode",
    "S3Configuration",
    "TypeName",
    "VpcConfiguration",
];

/// An OpenSearch domain, and how documents are put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenSearchDestination {
    /// `ClusterEndpoint`, an address; or the name of the domain in its `DomainARN`.
    pub(crate) endpoint: String,
    /// Name of the index, to which the rotation adds a date.
    pub(crate) index: String,
    /// How often another index is begun.
    pub(crate) rotation: IndexRotation,
    /// Who gives a document its id.
    pub(crate) document_id: DocumentId,
    /// Type of the documents, for the versions that have types. `None` when it is absent or empty.
    pub(crate) type_name: Option<String>,
    /// A request is sent when this much has gathered, in bytes: 1 to 100 MB, 5 MB when the template says nothing.
    pub(crate) buffer_bytes: u64,
    /// A request is sent when its oldest record is this old: 0 to 900 s, 300 s when the template says nothing.
    pub(crate) buffer_interval: Duration,
    /// How long a document is tried again: 0 to 7,200 s, 300 s when the template says nothing.
    pub(crate) retry: Duration,
    /// Where records are kept.
    pub(crate) backup: S3Backup,
    /// Which records are kept.
    pub(crate) backup_mode: BackupMode,
}

/// `IndexRotationPeriod`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexRotation {
    /// `NoRotation`.
    None,
    /// `OneHour`.
    Hour,
    /// `OneDay`, the default.
    Day,
    /// `OneWeek`.
    Week,
    /// `OneMonth`.
    Month,
}

/// `DocumentIdOptions.DefaultDocumentIdFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentId {
    /// `FIREHOSE_DEFAULT`, the default: Firehose makes one.
    FirehoseDefault,
    /// `NO_DOCUMENT_ID`: OpenSearch makes one.
    None,
}

/// Reads `AmazonopensearchserviceDestinationConfiguration`.
pub(super) fn read(destination: &Property<'_>) -> Result<OpenSearchDestination, Fault> {
    destination.only(&KNOWN)?;
    let (buffer_bytes, buffer_interval) = buffering(&destination.get("BufferingHints"), 1..=100)?;
    let type_name = destination.get("TypeName").bounded_text(0..=100)?;
    Ok(OpenSearchDestination {
        endpoint: endpoint(destination)?,
        index: index(&destination.get("IndexName"))?,
        rotation: rotation(&destination.get("IndexRotationPeriod"))?,
        document_id: document_id(&destination.get("DocumentIdOptions"))?,
        type_name: type_name.filter(|name| !name.is_empty()).map(str::to_owned),
        buffer_bytes,
        buffer_interval,
        retry: retry(&destination.get("RetryOptions"))?,
        backup: backup(&destination.get("S3Configuration"))?,
        backup_mode: backup_mode(&destination.get("S3BackupMode"), ("FailedDocumentsOnly", "AllDocuments"))?,
    })
}

/// The address, or the name of the domain: one of both must be there.
fn endpoint(destination: &Property<'_>) -> Result<String, Fault> {
    let (endpoint, domain) = (destination.get("ClusterEndpoint"), destination.get("DomainARN"));
    match (endpoint.bounded_text(1..=512)?, domain.text()?) {
        (Some(_), Some(_)) => Err(endpoint.expected("absent, as DomainARN is set")),
        (Some(address), None) if address.starts_with("https://") || address.starts_with("http://") => {
            Ok(address.to_owned())
        }
        (Some(_), None) => {
            Err(endpoint.expected("an address that begins with https:// or, on this machine, http://"))
        }
        (None, arn) => {
            let name = arn.and_then(|arn| arn.split_once(":domain/")).map(|(_, name)| name.to_owned());
            name.filter(|name| !name.is_empty()).ok_or_else(|| {
                domain.expected("the ARN of a domain, arn:aws:es:<region>:<account>:domain/<name>")
            })
        }
    }
}

/// Name of the index. OpenSearch takes no capitals, and none of the characters that mean something in a path.
fn index(name: &Property<'_>) -> Result<String, Fault> {
    let text = name.bounded_text(1..=80)?.ok_or_else(|| name.expected("a text"))?;
    let allowed = |one: char| !one.is_uppercase() && !one.is_control() && !" \"*\\<|,>/?#:".contains(one);
    if text.starts_with(['-', '_', '+', '.']) || !text.chars().all(allowed) {
        return Err(name.expected("the name of an index: lower case, without spaces or any of \"*\\<|,>/?#:"));
    }
    Ok(text.to_owned())
}

/// How often another index is begun.
fn rotation(period: &Property<'_>) -> Result<IndexRotation, Fault> {
    match period.text()? {
        Some("NoRotation") => Ok(IndexRotation::None),
        Some("OneHour") => Ok(IndexRotation::Hour),
        None | Some("OneDay") => Ok(IndexRotation::Day),
        Some("OneWeek") => Ok(IndexRotation::Week),
        Some("OneMonth") => Ok(IndexRotation::Month),
        Some(_) => Err(period.expected("one of NoRotation, OneHour, OneDay, OneWeek, OneMonth")),
    }
}

/// Who gives a document its id.
fn document_id(options: &Property<'_>) -> Result<DocumentId, Fault> {
    options.only(&["DefaultDocumentIdFormat"])?;
    let format = options.get("DefaultDocumentIdFormat");
    match format.text()? {
        None | Some("FIREHOSE_DEFAULT") => Ok(DocumentId::FirehoseDefault),
        Some("NO_DOCUMENT_ID") => Ok(DocumentId::None),
        Some(_) => Err(format.expected("FIREHOSE_DEFAULT or NO_DOCUMENT_ID")),
    }
}
