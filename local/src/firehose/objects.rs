//! The objects under way: one for each active partition, and one for each type of failure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use thiserror::Error;

use super::bucket::{Bucket, PutError, check_key};
use super::failure::FailureType;
use super::object_name::ObjectName;
use super::prefix::{PrefixError, RenderContext};
use super::settings::Settings;
use crate::convert::{ConversionError, Converter, ConverterError, FinishError};

/// How many partitions may be active at once: the service's default quota.
pub(crate) const ACTIVE_PARTITIONS_MAX: usize = 500;
/// How many bytes of failure documents make an object, whatever the buffer hints say.
const FAILURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The partition keys of a record: name and value.
pub(crate) type PartitionKeys = BTreeMap<String, String>;

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
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Objects with records.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) object_bytes: u64,
    /// Objects with failure documents.
    pub(crate) error_objects: u64,
    /// Rows by the partition key `kind`; under `all` without such a key.
    pub(crate) rows: BTreeMap<String, u64>,
}

/// The objects under way.
#[derive(Default)]
pub(crate) struct Objects {
    active: BTreeMap<PartitionKeys, Object>,
    failures: BTreeMap<FailureType, FailureObject>,
    /// Objects begun so far: their running number.
    number: u64,
    pub(crate) written: Written,
}

/// An object that records are added to.
struct Object {
    content: Content,
    /// Arrival of its oldest record, which names it.
    oldest: Timestamp,
    /// When its first record was buffered.
    since: Timestamp,
    /// Bytes of its records.
    bytes: usize,
}

enum Content {
    Parquet(Box<Converter>),
    Plain { bytes: Vec<u8>, records: u64 },
}

impl Content {
    /// Rows of a converted object, records of another.
    fn rows(&self) -> u64 {
        match self {
            Self::Parquet(converter) => converter.rows(),
            Self::Plain { records, .. } => *records,
        }
    }
}

struct FailureObject {
    lines: Vec<u8>,
    oldest: Timestamp,
    since: Timestamp,
}

/// Where and when something is added.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) bucket: &'a Bucket,
    pub(crate) now: Timestamp,
}

impl Objects {
    /// Whether a record with these keys needs a partition more than may be active.
    pub(crate) fn is_full_for(&self, keys: &PartitionKeys) -> bool {
        self.active.len() >= ACTIVE_PARTITIONS_MAX && !self.active.contains_key(keys)
    }

    /// Proves that an object for these keys can be named, before anything is added to it.
    pub(crate) fn check_name(
        &self,
        keys: &PartitionKeys,
        arrival: Timestamp,
        place: Place<'_>,
    ) -> Result<(), ObjectError> {
        if self.active.contains_key(keys) || keys.is_empty() {
            return Ok(());
        }
        let subject = Subject { partition_keys: keys, error_output_type: None, number: self.number };
        Ok(check_key(&subject.key(arrival, place.settings)?)?)
    }

    /// Adds a record's data, with its arrival, to the object of its partition; `Ok(Err(..))` when it does not convert.
    pub(crate) fn add(
        &mut self,
        keys: &PartitionKeys,
        (data, arrival): (&[u8], Timestamp),
        place: Place<'_>,
    ) -> Result<Result<(), ConversionError>, ObjectError> {
        if !self.active.contains_key(keys) {
            self.active.insert(keys.clone(), Object::new(arrival, place)?);
        }
        let Some(object) = self.active.get_mut(keys) else { return Ok(Ok(())) };
        if let Err(error) = object.push(data, place.settings) {
            self.active.retain(|_, object| object.content.rows() > 0);
            return Ok(Err(error));
        }
        object.oldest = object.oldest.min(arrival);
        if object.bytes >= place.settings.buffer_bytes {
            self.write_if(place, |found, _| found == keys)?;
        }
        Ok(Ok(()))
    }

    /// Adds a failure document, with the arrival of its record.
    pub(crate) fn add_failure(
        &mut self,
        what: FailureType,
        (document, arrival): (&[u8], Timestamp),
        place: Place<'_>,
    ) -> Result<(), ObjectError> {
        let new = FailureObject { lines: Vec::new(), oldest: arrival, since: place.now };
        let object = self.failures.entry(what).or_insert(new);
        object.lines.extend_from_slice(document);
        object.oldest = object.oldest.min(arrival);
        if object.lines.len() >= FAILURE_BYTES_MAX {
            self.write_failures_if(place, |found, _| found == what)?;
        }
        Ok(())
    }

    /// When the first record of the longest buffered object was buffered.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let objects = self.active.values().map(|object| object.since);
        objects.chain(self.failures.values().map(|object| object.since)).min()
    }

    /// Writes every object whose time is up.
    pub(crate) fn write_due(&mut self, place: Place<'_>) -> Result<(), ObjectError> {
        let interval = place.settings.buffer_interval;
        let written = self.write_if(place, |_, object| place.now.duration_since(object.since) >= interval);
        written.and(
            self.write_failures_if(place, |_, object| place.now.duration_since(object.since) >= interval),
        )
    }

    /// Writes every object.
    pub(crate) fn write_all(&mut self, place: Place<'_>) -> Result<(), ObjectError> {
        let written = self.write_if(place, |_, _| true);
        written.and(self.write_failures_if(place, |_, _| true))
    }

    fn write_if(
        &mut self,
        place: Place<'_>,
        is_due: impl Fn(&PartitionKeys, &Object) -> bool,
    ) -> Result<(), ObjectError> {
        let due: Vec<_> = self.active.extract_if(.., |keys, object| is_due(keys, object)).collect();
        // One that cannot be written does not keep the others from it; the first error is told.
        let mut result = Ok(());
        for (keys, object) in due {
            result = result.and(self.write(&keys, object, place));
        }
        result
    }

    fn write(&mut self, keys: &PartitionKeys, object: Object, place: Place<'_>) -> Result<(), ObjectError> {
        self.number += 1;
        let subject = Subject { partition_keys: keys, error_output_type: None, number: self.number };
        let key = subject.key(object.oldest, place.settings)?;
        let rows = object.content.rows();
        let content = match object.content {
            Content::Parquet(converter) => converter.finish()?,
            Content::Plain { bytes, .. } => bytes,
        };
        place.bucket.put(&key, &content)?;
        let kind = keys.get("kind").map_or("all", String::as_str);
        *self.written.rows.entry(kind.to_owned()).or_default() += rows;
        self.written.objects += 1;
        self.written.object_bytes += content.len() as u64;
        Ok(())
    }

    fn write_failures_if(
        &mut self,
        place: Place<'_>,
        is_due: impl Fn(FailureType, &FailureObject) -> bool,
    ) -> Result<(), ObjectError> {
        let due: Vec<_> = self.failures.extract_if(.., |what, object| is_due(*what, object)).collect();
        let mut result = Ok(());
        for (what, object) in due {
            result = result.and(self.write_failures(what, &object, place));
        }
        result
    }

    fn write_failures(
        &mut self,
        what: FailureType,
        object: &FailureObject,
        place: Place<'_>,
    ) -> Result<(), ObjectError> {
        self.number += 1;
        let (none, what) = (PartitionKeys::new(), Some(what.as_str()));
        let subject = Subject { partition_keys: &none, error_output_type: what, number: self.number };
        let key = subject.key(object.oldest, place.settings)?;
        place.bucket.put(&key, &object.lines)?;
        self.written.error_objects += 1;
        Ok(())
    }
}

/// What an object is of.
struct Subject<'a> {
    partition_keys: &'a PartitionKeys,
    /// `None` for what is delivered.
    error_output_type: Option<&'a str>,
    /// The running number of the object.
    number: u64,
}

impl Subject<'_> {
    /// The object's key.
    fn key(&self, arrival: Timestamp, settings: &Settings) -> Result<String, PrefixError> {
        let Self { partition_keys, error_output_type, number } = *self;
        let (prefix, extension) = match error_output_type {
            None => (&settings.prefix, settings.extension.as_str()),
            Some(_) => (&settings.error_prefix, ""),
        };
        let context = RenderContext { arrival, partition_keys, error_output_type, seed: number };
        let prefix = prefix.render(&context)?;
        let name = ObjectName {
            stream: &settings.name,
            version: 1,
            prefix: &prefix,
            arrival,
            time_zone: &settings.time_zone,
            number,
            extension,
        };
        Ok(name.key())
    }
}

impl Object {
    fn new(oldest: Timestamp, place: Place<'_>) -> Result<Self, ConverterError> {
        let content = match &place.settings.conversion {
            None => Content::Plain { bytes: Vec::new(), records: 0 },
            Some(conversion) => {
                let converter =
                    Converter::new(&conversion.schema, &conversion.open_x, conversion.compression)?;
                Content::Parquet(Box::new(converter))
            }
        };
        Ok(Self { content, oldest, since: place.now, bytes: 0 })
    }

    fn push(&mut self, data: &[u8], settings: &Settings) -> Result<(), ConversionError> {
        match &mut self.content {
            Content::Parquet(converter) => {
                converter.push(data)?;
            }
            Content::Plain { bytes, records } => {
                bytes.extend_from_slice(data);
                if settings.append_delimiter {
                    bytes.push(b'\n');
                }
                *records += 1;
            }
        }
        self.bytes += data.len();
        Ok(())
    }
}
