//! Where records leave a delivery stream: its destination, the error prefix and the backup.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::backup::Backup;
use super::compression::Compression;
use super::failures::Failures;
use super::objects::{At, Objects};
use super::settings::{BackupSettings, Destination, S3Settings, Settings};
use super::shelf::{ObjectError, Shelf};
use super::sink::Sink;
use crate::bucket::Bucket;

/// What keeps the names of failure documents apart from those of records.
const ERRORS: &str = "errors\n";
/// What keeps the names of backups apart from those of records.
const BACKUP: &str = "backup\n";

/// Where records leave.
pub(super) struct Outlets {
    pub(super) sink: Sink,
    pub(super) failures: Failures,
    pub(super) backup: Option<Backup>,
    /// The shortest time in which one of them empties its buffer.
    pub(super) interval: SignedDuration,
}

impl Outlets {
    /// The outlets of a delivery stream; `folder` holds all buckets.
    pub(super) fn new(settings: &Settings, folder: &Path) -> Self {
        match &settings.destination {
            Destination::S3(s3) => Self::of_bucket(settings, s3, folder),
        }
    }

    fn of_bucket(settings: &Settings, s3: &S3Settings, folder: &Path) -> Self {
        let shelf = Shelf {
            bucket: Bucket::named(folder, &s3.bucket),
            stream: (settings.name.clone(), settings.version),
            series: "",
            prefix: s3.prefix.clone(),
            time_zone: s3.time_zone.clone(),
            compression: s3.compression,
            extension: s3.extension.clone(),
            number: 0,
        };
        let errors = Shelf {
            bucket: shelf.bucket.clone(),
            stream: shelf.stream.clone(),
            series: ERRORS,
            prefix: s3.error_prefix.clone(),
            time_zone: s3.time_zone.clone(),
            compression: Compression::Uncompressed,
            extension: String::new(),
            number: 0,
        };
        let append_delimiter = settings.processing.append_delimiter;
        let objects =
            Objects::new(shelf, s3.buffer, s3.conversion.as_ref().map(Arc::clone), append_delimiter);
        let interval = s3.buffer.interval;
        Self {
            sink: Sink::S3(objects),
            failures: Failures::new(errors, interval),
            backup: s3.backup.as_ref().map(|backup| kept(settings, backup, folder)),
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
fn kept(settings: &Settings, backup: &BackupSettings, folder: &Path) -> Backup {
    let shelf = Shelf {
        bucket: Bucket::named(folder, &backup.bucket),
        stream: (settings.name.clone(), settings.version),
        series: BACKUP,
        prefix: backup.prefix.clone(),
        time_zone: backup.time_zone.clone(),
        compression: backup.compression,
        extension: backup.compression.extension().to_owned(),
        number: 0,
    };
    Backup::new(shelf, backup.buffer)
}
