//! A place for objects of one kind: their bucket, and how they are named there.

use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;

use super::compression::Compression;
use super::object_name::ObjectName;
use super::prefix::{PartitionKeys, Prefix, PrefixError, RenderContext};
use crate::bucket::{Bucket, PutError, check_key};
use crate::convert::{ConverterError, FinishError};

/// An object cannot be written.
#[derive(Debug, Error)]
pub(crate) enum ObjectError {
    /// The bucket does not take it.
    #[error(transparent)]
    Put(#[from] PutError),
    /// Its prefix cannot be evaluated.
    #[error("cannot name an object")]
    Prefix(#[from] PrefixError),
    /// The table's columns cannot be converted to.
    #[error(transparent)]
    Converter(#[from] ConverterError),
    /// The file cannot be finished.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// Its compression cannot hold it.
    #[error("cannot compress an object")]
    Compress(#[source] io::Error),
}

/// Where objects of one kind go.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pub(super) bucket: Bucket,
    /// The delivery stream's name and the version of its configuration.
    pub(super) stream: (String, u32),
    /// What keeps names apart from those of the stream's other shelves.
    pub(super) series: &'static str,
    pub(super) prefix: Prefix,
    pub(super) time_zone: TimeZone,
    pub(super) compression: Compression,
    pub(super) extension: String,
    /// When the stream's clock started.
    pub(super) begun: Timestamp,
    /// Objects written so far: their running number.
    pub(super) number: u64,
}

/// What an object is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// When its oldest record arrived.
    pub(super) arrival: Timestamp,
    /// The partition keys of its records.
    pub(super) partition_keys: &'a PartitionKeys,
    /// `None` for what is delivered.
    pub(super) error_output_type: Option<&'a str>,
}

impl Shelf {
    /// Proves that an object can be named, before anything is added to it.
    pub(super) fn check_name(&self, subject: Subject<'_>) -> Result<(), ObjectError> {
        Ok(check_key(&self.key(subject)?)?)
    }

    /// Writes an object; hands back how many bytes it has.
    pub(super) fn put(&mut self, subject: Subject<'_>, content: Vec<u8>) -> Result<u64, ObjectError> {
        self.number += 1;
        let key = self.key(subject)?;
        let name = key.rsplit('/').next().unwrap_or_default();
        let name = name.strip_suffix(&self.extension).unwrap_or(name);
        let content = self.compression.compress(content, name).map_err(ObjectError::Compress)?;
        self.bucket.put(&key, &content)?;
        Ok(content.len() as u64)
    }

    fn key(&self, subject: Subject<'_>) -> Result<String, PrefixError> {
        let Subject { arrival, partition_keys, error_output_type } = subject;
        let context = RenderContext { arrival, partition_keys, error_output_type, seed: self.number };
        let prefix = self.prefix.render(&context)?;
        let (stream, version) = (&self.stream.0, self.stream.1);
        let name = ObjectName {
            stream,
            version,
            series: self.series,
            prefix: &prefix,
            arrival,
            time_zone: &self.time_zone,
            begun: self.begun,
            number: self.number,
            extension: &self.extension,
        };
        Ok(name.key())
    }
}
