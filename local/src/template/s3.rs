//! S3 destinations of a delivery stream, and the buckets in which the other destinations keep a backup.
//!
//! Defaults, ranges and rules are those of Firehose's API reference. A MB is 1,048,576 bytes, as it is there.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::conversion::{self, Conversion};
use super::error::Fault;
use super::identity::is_bucket_name;
use super::prefix::{self, Settings};
use super::processing::Processing;
use super::table::GlueTable;
use super::value::Property;

/// Bytes of Firehose's MB.
pub(super) const MB: u64 = 1024 * 1024;

/// Longest extension of an object, in characters.
const FILE_EXTENSION_CHARS_MAX: usize = 128;

/// Properties of a plain destination that are read, or that change nothing here.
const PLAIN_KNOWN: [&str; 8] = [
    "BucketARN",
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "CompressionFormat",
    "EncryptionConfiguration",
    "ErrorOutputPrefix",
    "Prefix",
    "RoleARN",
];

/// Properties of an extended destination that are read, or that change nothing here.
const EXTENDED_KNOWN: [&str; 15] = [
    "BucketARN",
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "CompressionFormat",
    "CustomTimeZone",
    "DataFormatConversionConfiguration",
    "DynamicPartitioningConfiguration",
    "EncryptionConfiguration",
    "ErrorOutputPrefix",
    "FileExtension",
    "Prefix",
    "ProcessingConfiguration",
    "RoleARN",
    "S3BackupConfiguration",
    "S3BackupMode",
];

/// How objects are written to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Destination {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Prefix of delivered objects, expressions unevaluated. Empty when the template says nothing.
    pub(crate) prefix: String,
    /// Prefix of failure documents, expressions unevaluated. Empty when the template says nothing.
    pub(crate) error_prefix: String,
    /// An object is written when this much has gathered, in bytes: 1 to 128 MB, at least 64 MB with format conversion
    /// or dynamic partitioning.
    pub(crate) buffer_bytes: u64,
    /// An object is written when its oldest record is this old: 0 to 900 s.
    pub(crate) buffer_interval: Duration,
    /// Compression of whole objects.
    pub(crate) compression: Compression,
    /// End of object names, with its point, when it is not the one of the format.
    pub(crate) file_extension: Option<String>,
    /// Time zone of timestamps in prefixes and names, `UTC` when the template says nothing.
    pub(crate) time_zone: String,
    /// Whether records with different partition keys go to different objects.
    pub(crate) dynamic_partitioning: bool,
    /// Conversion of JSON to Parquet.
    pub(crate) conversion: Option<Conversion>,
    /// Where the records are kept as they came, if they are.
    pub(crate) backup: Option<S3Backup>,
}

/// Where records are kept as they came: all of them, or those that a destination did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Backup {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Prefix of objects, expressions unevaluated. Empty when the template says nothing.
    pub(crate) prefix: String,
    /// Prefix of failure documents, expressions unevaluated. Empty when the template says nothing.
    pub(crate) error_prefix: String,
    /// An object is written when this much has gathered, in bytes: 1 to 128 MB.
    pub(crate) buffer_bytes: u64,
    /// An object is written when its oldest record is this old: 0 to 900 s.
    pub(crate) buffer_interval: Duration,
    /// Compression of whole objects.
    pub(crate) compression: Compression,
}

/// `CompressionFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// `UNCOMPRESSED`, the default.
    Uncompressed,
    /// `GZIP`.
    Gzip,
    /// `ZIP`.
    Zip,
    /// `Snappy`: its framing format.
    Snappy,
    /// `HADOOP_SNAPPY`: blocks as Hadoop writes them.
    HadoopSnappy,
}

/// Reads `ExtendedS3DestinationConfiguration`.
pub(super) fn extended(
    destination: &Property<'_>,
    processing: &Processing,
    tables: &[GlueTable],
) -> Result<S3Destination, Fault> {
    destination.only(&EXTENDED_KNOWN)?;
    let conversion = conversion::read(&destination.get("DataFormatConversionConfiguration"), tables)?;
    let dynamic_partitioning = dynamic_partitioning(&destination.get("DynamicPartitioningConfiguration"))?;
    let metadata = destination.get("ProcessingConfiguration");
    if processing.metadata.is_some() && !dynamic_partitioning {
        return Err(metadata.expected("without MetadataExtraction, as dynamic partitioning is not enabled"));
    }
    let settings = Settings {
        dynamic_partitioning,
        has_lambda: processing.lambda.is_some(),
        has_query: processing.metadata.is_some(),
    };
    let (prefix, error_prefix) = prefixes(destination, settings)?;
    let smallest_mb = if dynamic_partitioning || conversion.is_some() { 64 } else { 1 };
    let (buffer_bytes, buffer_interval) = buffering(&destination.get("BufferingHints"), smallest_mb..=128)?;
    Ok(S3Destination {
        bucket: bucket(&destination.get("BucketARN"))?,
        prefix,
        error_prefix,
        buffer_bytes,
        buffer_interval,
        compression: compression(&destination.get("CompressionFormat"), conversion.is_some())?,
        file_extension: file_extension(&destination.get("FileExtension"))?,
        time_zone: destination.get("CustomTimeZone").text()?.unwrap_or("UTC").to_owned(),
        dynamic_partitioning,
        conversion,
        backup: source_backup(destination)?,
    })
}

/// Reads `S3DestinationConfiguration`, the older form: it has no more than a backup has.
pub(super) fn plain(destination: &Property<'_>) -> Result<S3Destination, Fault> {
    let S3Backup { bucket, prefix, error_prefix, buffer_bytes, buffer_interval, compression } =
        backup(destination)?;
    Ok(S3Destination {
        bucket,
        prefix,
        error_prefix,
        buffer_bytes,
        buffer_interval,
        compression,
        file_extension: None,
        time_zone: "UTC".to_owned(),
        dynamic_partitioning: false,
        conversion: None,
        backup: None,
    })
}

/// Reads a backup: `S3BackupConfiguration`, or the `S3Configuration` of another destination.
pub(super) fn backup(configuration: &Property<'_>) -> Result<S3Backup, Fault> {
    if !configuration.exists() {
        return Err(configuration.expected("a map"));
    }
    configuration.only(&PLAIN_KNOWN)?;
    let (prefix, error_prefix) = prefixes(configuration, Settings::default())?;
    let (buffer_bytes, buffer_interval) = buffering(&configuration.get("BufferingHints"), 1..=128)?;
    Ok(S3Backup {
        bucket: bucket(&configuration.get("BucketARN"))?,
        prefix,
        error_prefix,
        buffer_bytes,
        buffer_interval,
        compression: compression(&configuration.get("CompressionFormat"), false)?,
    })
}

/// Name of the bucket in its ARN.
pub(super) fn bucket(arn: &Property<'_>) -> Result<String, Fault> {
    let name = arn.required_text()?.strip_prefix("arn:aws:s3:::").filter(|name| is_bucket_name(name));
    name.map(str::to_owned).ok_or_else(|| arn.expected("the ARN of a bucket, arn:aws:s3:::<name>"))
}

/// Size and age at which a buffer is delivered. What may be as small as 1 MB has 5 MB when the template says nothing,
/// what needs more has 128 MB.
pub(super) fn buffering(hints: &Property<'_>, mb: RangeInclusive<u64>) -> Result<(u64, Duration), Fault> {
    let (size, interval) = (hints.get("SizeInMBs"), hints.get("IntervalInSeconds"));
    let default = if *mb.start() > 1 { 128 } else { 5 };
    let (mb, seconds) = match (size.number(mb)?, interval.number(0..=900)?) {
        (None, Some(_)) => return Err(size.expected("set where IntervalInSeconds is")),
        (Some(_), None) => return Err(interval.expected("set where SizeInMBs is")),
        (mb, seconds) => (mb.unwrap_or(default), seconds.unwrap_or(300)),
    };
    Ok((mb * MB, Duration::from_secs(seconds)))
}

/// The two prefixes, checked.
fn prefixes(destination: &Property<'_>, settings: Settings) -> Result<(String, String), Fault> {
    let (prefix, error_prefix) = (destination.get("Prefix"), destination.get("ErrorOutputPrefix"));
    prefix::check(&prefix, &error_prefix, settings)?;
    let text = |place: &Property<'_>| Ok(place.text()?.unwrap_or_default().to_owned());
    Ok((text(&prefix)?, text(&error_prefix)?))
}

/// Whether dynamic partitioning is enabled. Retries change nothing here: a record that fails once fails again.
fn dynamic_partitioning(configuration: &Property<'_>) -> Result<bool, Fault> {
    configuration.only(&["Enabled", "RetryOptions"])?;
    configuration.get("RetryOptions").get("DurationInSeconds").number(0..=7_200)?;
    Ok(configuration.get("Enabled").flag()?.unwrap_or(false))
}

/// The backup of all records as they came, when it is enabled.
fn source_backup(destination: &Property<'_>) -> Result<Option<S3Backup>, Fault> {
    let mode = destination.get("S3BackupMode");
    match mode.text()? {
        None | Some("Disabled") => Ok(None),
        Some("Enabled") => backup(&destination.get("S3BackupConfiguration")).map(Some),
        Some(_) => Err(mode.expected("Enabled or Disabled")),
    }
}

/// Compression of whole objects.
fn compression(format: &Property<'_>, converted: bool) -> Result<Compression, Fault> {
    let compression = match format.text()? {
        None | Some("UNCOMPRESSED") => Compression::Uncompressed,
        Some("GZIP") => Compression::Gzip,
        Some("ZIP") => Compression::Zip,
        Some("Snappy") => Compression::Snappy,
        Some("HADOOP_SNAPPY") => Compression::HadoopSnappy,
        Some(_) => return Err(format.expected("one of UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY")),
    };
    if converted && compression != Compression::Uncompressed {
        return Err(format.expected("UNCOMPRESSED, as the format is converted"));
    }
    Ok(compression)
}

/// End of object names.
fn file_extension(extension: &Property<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = extension.text()?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let allowed = |one: char| {
        one.is_ascii_digit()
            || one.is_ascii_lowercase()
            || ['!', '-', '_', '.', '*', '\'', '(', ')'].contains(&one)
    };
    let valid = text.strip_prefix('.').is_some_and(|rest| !rest.is_empty() && rest.chars().all(allowed));
    if !valid || text.len() > FILE_EXTENSION_CHARS_MAX {
        return Err(extension.expected("a point and up to 127 lower-case letters, digits or any of !-_.*'()"));
    }
    Ok(Some(text.to_owned()))
}
