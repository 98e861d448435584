//! Where records leave a delivery stream: its destination, the error prefix and the backup.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::backup::Backup;
use super::compression::Compression;
use super::failures::Failures;
use super::http_endpoint::HttpEndpoint;
use super::objects::{At, Objects};
use super::open_search::OpenSearch;
use super::post::DestinationError;
use super::settings::{BackupMode, BackupSettings, Destination, S3Settings, Settings};
use super::shelf::{ObjectError, Shelf};
use super::sink::Sink;
use crate::bucket::Bucket;

/// What keeps the names of failure documents apart from those of records.
const ERRORS: &str = "errors\n";
/// What keeps the names of backups apart from those of records.
const BACKUP: &str = "backup\n";

/// What the outlets of a run have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    /// The folder of all buckets.
    pub(super) buckets: &'a Path,
    /// When the stream's clock started.
    pub(super) begun: Timestamp,
}

/// Where records leave.
pub(super) struct Outlets {
    pub(super) sink: Sink,
    pub(super) failures: Failures,
    pub(super) backup: Option<Backup>,
    /// The shortest time in which one of them empties its buffer.
    pub(super) interval: SignedDuration,
}

impl Outlets {
    /// The outlets of a delivery stream.
    ///
    /// # Errors
    /// When nothing can be sent to the destination's address.
    pub(super) fn new(settings: &Settings, ground: Ground<'_>) -> Result<Self, DestinationError> {
        match &settings.destination {
            Destination::S3(s3) => Ok(Self::of_bucket(settings, s3, ground)),
            Destination::Http { settings: http, backup } => {
                let sink = Sink::Http(Box::new(HttpEndpoint::new(http.clone())?));
                Ok(Self::beside(settings, backup, (sink, http.buffer_interval), ground))
            }
            Destination::OpenSearch { settings: domain, backup } => {
                let sink = Sink::OpenSearch(Box::new(OpenSearch::new(domain.clone())?));
                Ok(Self::beside(settings, backup, (sink, domain.buffer_interval), ground))
            }
        }
    }

    /// A destination that is no bucket, with the bucket beside it.
    fn beside(
        settings: &Settings,
        (backup, mode): &(BackupSettings, BackupMode),
        (sink, interval): (Sink, SignedDuration),
        ground: Ground<'_>,
    ) -> Self {
        let errors = Shelf {
            series: ERRORS,
            prefix: backup.error_prefix.clone(),
            compression: Compression::Uncompressed,
            extension: String::new(),
            ..shelf(settings, backup, ground)
        };
        Self {
            sink,
            failures: Failures::new(errors, backup.buffer.interval),
            backup: (*mode == BackupMode::All).then(|| kept(settings, backup, ground)),
            interval: interval.min(backup.buffer.interval),
        }
    }

    fn of_bucket(settings: &Settings, s3: &S3Settings, ground: Ground<'_>) -> Self {
        let shelf = Shelf {
            bucket: Bucket::named(ground.buckets, &s3.bucket),
            stream: (settings.name.clone(), settings.version),
            series: "",
            prefix: s3.prefix.clone(),
            time_zone: s3.time_zone.clone(),
            compression: s3.compression,
            extension: s3.extension.clone(),
            begun: ground.begun,
            number: 0,
        };
        let errors = Shelf {
            series: ERRORS,
            prefix: s3.error_prefix.clone(),
            compression: Compression::Uncompressed,
            extension: String::new(),
            ..shelf.clone()
        };
        let objects = Objects::new(shelf, s3.buffer, s3.conversion.clone());
        let interval = s3.buffer.interval;
        Self {
            sink: Sink::S3(Box::new(objects)),
            failures: Failures::new(errors, interval),
            backup: s3.backup.as_ref().map(|backup| kept(settings, backup, ground)),
            interval,
        }
    }

    /// When something is written.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let backup = self.backup.as_ref().and_then(Backup::next_due);
        [self.sink.next_due(), self.failures.next_due(), backup].into_iter().flatten().min()
    }

    /// Bytes held in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        let backup = self.backup.as_ref().map_or(0, Backup::buffered_bytes);
        self.sink.buffered_bytes() + self.failures.buffered_bytes() + backup
    }

    /// Writes the failure documents and the backup whose time is up.
    pub(super) fn write_due(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        let result = self.failures.write_due(at);
        result.and(self.backup.as_mut().map_or(Ok(()), |backup| backup.write_due(at)))
    }

    /// Writes all failure documents and the backup.
    pub(super) fn write_all(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        let result = self.failures.write_all(at);
        result.and(self.backup.as_mut().map_or(Ok(()), |backup| backup.write(at)))
    }
}

/// The backup of the source's records.
fn kept(settings: &Settings, backup: &BackupSettings, ground: Ground<'_>) -> Backup {
    Backup::new(shelf(settings, backup, ground), backup.buffer)
}

/// Where records as they came are kept.
fn shelf(settings: &Settings, backup: &BackupSettings, ground: Ground<'_>) -> Shelf {
    Shelf {
        bucket: Bucket::named(ground.buckets, &backup.bucket),
        stream: (settings.name.clone(), settings.version),
        series: BACKUP,
        prefix: backup.prefix.clone(),
        time_zone: backup.time_zone.clone(),
        compression: backup.compression,
        extension: backup.compression.extension().to_owned(),
        begun: ground.begun,
        number: 0,
    }
}
