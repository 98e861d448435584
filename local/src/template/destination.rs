//! Where a delivery stream delivers, and what is the same for all destinations.

use std::time::Duration;

use super::delivery::Known;
use super::error::Fault;
use super::http::{self, HttpDestination};
use super::open_search::{self, OpenSearchDestination};
use super::processing::{self, Processing};
use super::s3::{self, S3Destination};
use super::value::Property;

/// The destinations that are run, by the name of their property without `Configuration`.
const RUN: [(&str, Kind); 4] = [
    ("ExtendedS3Destination", Kind::ExtendedS3),
    ("S3Destination", Kind::S3),
    ("AmazonopensearchserviceDestination", Kind::OpenSearch),
    ("HttpEndpointDestination", Kind::Http),
];

/// The destinations that are not, and what runs in their place.
const NOT_RUN: [(&str, &str); 6] = [
    ("RedshiftDestination", "ExtendedS3Destination, whose objects Redshift copies, is"),
    ("SplunkDestination", "HttpEndpointDestination is"),
    ("SnowflakeDestination", "ExtendedS3Destination is"),
    ("IcebergDestination", "ExtendedS3Destination with format conversion is"),
    ("AmazonOpenSearchServerlessDestination", "AmazonopensearchserviceDestination is"),
    ("ElasticsearchDestination", "AmazonopensearchserviceDestination is"),
];

/// Where a delivery stream delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Objects in a bucket.
    S3(S3Destination),
    /// Documents in an index.
    OpenSearch(OpenSearchDestination),
    /// Requests to an address.
    Http(HttpDestination),
}

/// Which records another destination than S3 leaves in its bucket: `S3BackupMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupMode {
    /// Those that the destination did not take: the default.
    FailedOnly,
    /// All.
    All,
}

/// How a destination is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ExtendedS3,
    S3,
    OpenSearch,
    Http,
}

/// Every name under which a destination may stand, before `Configuration`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RUN.iter().map(|(name, _)| *name).chain(NOT_RUN.iter().map(|(name, _)| *name))
}

/// Finds the one destination among the properties.
pub(super) fn find<'v>(properties: &Property<'v>) -> Result<(Kind, Property<'v>), Fault> {
    for (name, instead) in NOT_RUN {
        let place = properties.get(&format!("{name}Configuration"));
        if place.exists() {
            return Err(place.unsupported(format!("this destination ({instead})")));
        }
    }
    let places = RUN.iter().map(|(name, kind)| (*kind, properties.get(&format!("{name}Configuration"))));
    let mut set = places.filter(|(_, place)| place.exists());
    match (set.next(), set.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some((_, second))) => Err(second.expected("absent, as there is another destination")),
        (None, _) => Err(properties.get("ExtendedS3DestinationConfiguration").expected("a map")),
    }
}

/// Reads a destination and what is done to records on their way there.
pub(super) fn read(
    kind: Kind,
    place: &Property<'_>,
    known: &Known<'_>,
) -> Result<(Destination, Processing), Fault> {
    let configuration = place.get("ProcessingConfiguration");
    let processing = processing::read(&configuration, known.functions)?;
    let destination = match kind {
        Kind::ExtendedS3 => Destination::S3(s3::extended(place, &processing, known.tables)?),
        Kind::S3 => Destination::S3(s3::plain(place)?),
        Kind::OpenSearch => Destination::OpenSearch(open_search::read(place)?),
        Kind::Http => Destination::Http(http::read(place)?),
    };
    fits(&destination, &processing, &configuration)?;
    Ok((destination, processing))
}

/// Refuses processors that Firehose has for other destinations only.
fn fits(
    destination: &Destination,
    processing: &Processing,
    configuration: &Property<'_>,
) -> Result<(), Fault> {
    let expected = match destination {
        Destination::S3(_) => return Ok(()),
        _ if processing.metadata.is_some() || processing.de_aggregation.is_some() => {
            "without MetadataExtraction and RecordDeAggregation, which S3 destinations have"
        }
        // "Firehose currently does not support the delivery of CloudWatch Logs to Amazon OpenSearch Service".
        Destination::OpenSearch(_) if processing.decompression.is_some() => {
            "without Decompression: several log events in one record are no document"
        }
        Destination::OpenSearch(_) | Destination::Http(_) => return Ok(()),
    };
    Err(configuration.expected(expected))
}

/// How long a delivery is tried again: 0 to 7,200 s, 300 s when nothing is said.
pub(super) fn retry(options: &Property<'_>) -> Result<Duration, Fault> {
    options.only(&["DurationInSeconds"])?;
    let seconds = options.get("DurationInSeconds").number(0..=7_200)?;
    Ok(Duration::from_secs(seconds.unwrap_or(300)))
}

/// Which records are kept; each destination has its own words for `failed` and `all`.
pub(super) fn backup_mode(mode: &Property<'_>, (failed, all): (&str, &str)) -> Result<BackupMode, Fault> {
    match mode.text()? {
        None => Ok(BackupMode::FailedOnly),
        Some(text) if text == failed => Ok(BackupMode::FailedOnly),
        Some(text) if text == all => Ok(BackupMode::All),
        Some(_) => Err(mode.expected(format!("{failed} or {all}"))),
    }
}
