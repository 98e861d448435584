//! The objects under way: one for each active partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tapeline_telemetry::chain;

use super::failure::{Failure, FailureType};
use super::prefix::PartitionKeys;
use super::settings::{Buffer, Conversion};
use super::shelf::{ObjectError, Shelf, Subject};
use crate::convert::{ConversionError, Converter, ConverterError};

/// How many partitions may be active at once: the service's default quota.
const ACTIVE_PARTITIONS_MAX: usize = 500;

/// How much memory rows may take that are not yet in a row group, those of all partitions together. Each partition alone
/// may gather a row group of 128 MB; beyond this the largest are written down early, compressed to about a tenth.
const ROWS_BYTES_MAX: usize = 48 * 1024 * 1024;

/// How much memory the objects may take together: one of the largest buffer, 128 MB, and half of another. Beyond this the
/// largest is delivered early. Firehose too calls its buffers hints.
const HELD_BYTES_MAX: usize = 192 * 1024 * 1024;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Objects with records.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) object_bytes: u64,
    /// Objects with failure documents.
    pub(crate) error_objects: u64,
    /// Objects with records as they came from the source.
    pub(crate) backup_objects: u64,
    /// Rows by the partition key `kind`; under `all` without such a key.
    pub(crate) rows: BTreeMap<String, u64>,
}

/// When something is done, and where it is counted.
pub(super) struct At<'a> {
    pub(super) now: Timestamp,
    pub(super) written: &'a mut Written,
}

/// The objects under way.
pub(crate) struct Objects {
    shelf: Shelf,
    buffer: Buffer,
    conversion: Option<Arc<Conversion>>,
    active: BTreeMap<Arc<PartitionKeys>, Object>,
    /// When the first record of the longest buffered object was buffered.
    since: Option<Timestamp>,
    limits: Limits,
    /// Memory of rows that are not yet in a row group.
    rows_bytes: usize,
    /// Memory of all objects.
    held_bytes: usize,
}

/// How much memory there may be of either.
struct Limits {
    rows_bytes: usize,
    held_bytes: usize,
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

    /// Memory of rows that are not yet in a row group, and of everything.
    fn memory(&self) -> (usize, usize) {
        match self {
            Self::Parquet(converter) => (converter.rows_bytes(), converter.buffered_bytes()),
            Self::Plain { bytes, .. } => (0, bytes.len()),
        }
    }
}

/// Why a record is not added.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It has no partition.
    Partition(Failure),
    /// It does not convert.
    Conversion(ConversionError),
}

impl Objects {
    /// No objects yet.
    pub(super) const fn new(shelf: Shelf, buffer: Buffer, conversion: Option<Arc<Conversion>>) -> Self {
        Self {
            shelf,
            buffer,
            conversion,
            active: BTreeMap::new(),
            since: None,
            limits: Limits { rows_bytes: ROWS_BYTES_MAX, held_bytes: HELD_BYTES_MAX },
            rows_bytes: 0,
            held_bytes: 0,
        }
    }

    /// Adds a record's data, with its arrival, to the object of its partition; `Ok(Err(..))` when it is not taken.
    pub(super) fn add(
        &mut self,
        keys: &Arc<PartitionKeys>,
        record: (&[u8], Timestamp),
        at: &mut At<'_>,
    ) -> Result<Result<(), Refusal>, ObjectError> {
        let pushed = match self.push(keys, record) {
            Some(pushed) => Some(pushed),
            None => {
                if let Some(failure) = self.partition_failure(keys, record.1) {
                    return Ok(Err(Refusal::Partition(failure)));
                }
                self.begin(keys, record.1, at.now)?;
                self.push(keys, record)
            }
        };
        match pushed {
            Some(Err(error)) => {
                self.forget_if_empty(keys);
                return Ok(Err(Refusal::Conversion(error)));
            }
            Some(Ok(bytes)) if bytes >= self.buffer.bytes => self.write_if(at, |found, _| found == keys)?,
            _ => {}
        }
        self.relieve(at).map(Ok)
    }

    /// Adds a record to the object of its partition; `None` when that is not active. Hands back the object's bytes.
    fn push(
        &mut self,
        keys: &Arc<PartitionKeys>,
        (data, arrival): (&[u8], Timestamp),
    ) -> Option<Result<usize, ConversionError>> {
        let object = self.active.get_mut(keys)?;
        let (rows_before, held_before) = object.content.memory();
        if let Err(error) = object.push(data) {
            return Some(Err(error));
        }
        object.oldest = object.oldest.min(arrival);
        let (rows, held) = object.content.memory();
        self.rows_bytes = self.rows_bytes + rows - rows_before;
        self.held_bytes = self.held_bytes + held - held_before;
        Some(Ok(object.bytes))
    }

    /// Why a record cannot begin the object of a partition. The service's names of these errors are documented nowhere.
    fn partition_failure(&self, keys: &PartitionKeys, arrival: Timestamp) -> Option<Failure> {
        let failure = |code: &str, message: String| {
            Some(Failure::new(FailureType::Partitioning, 1, format!("DynamicPartitioning.{code}"), message))
        };
        if let Some(key) = self.shelf.prefix.missing_key(keys) {
            let message = format!("the prefix names the key {key}, the record has none");
            return failure("MissingPartitionKey", message);
        }
        if self.active.len() >= ACTIVE_PARTITIONS_MAX {
            let message = format!("at most {ACTIVE_PARTITIONS_MAX} partitions may be active");
            return failure("ActivePartitionLimitExceeded", message);
        }
        // Without keys the name cannot depend on records: a name that is wrong is no record's fault.
        let subject = Subject { arrival, partition_keys: keys, error_output_type: None };
        let unnamed = (*keys != PartitionKeys::default()).then(|| self.shelf.check_name(subject).err());
        unnamed.flatten().and_then(|error| failure("InvalidPrefix", chain(&error)))
    }

    fn begin(
        &mut self,
        keys: &Arc<PartitionKeys>,
        oldest: Timestamp,
        now: Timestamp,
    ) -> Result<(), ConverterError> {
        let content = match &self.conversion {
            None => Content::Plain { bytes: Vec::new(), records: 0 },
            Some(conversion) => {
                let Conversion { schema, open_x, compression, .. } = conversion.as_ref();
                Content::Parquet(Box::new(Converter::new(schema, open_x, *compression)?))
            }
        };
        let object = Object { content, oldest, since: now, bytes: 0 };
        self.held_bytes += object.content.memory().1;
        self.since = Some(self.since.map_or(now, |since| since.min(now)));
        self.active.insert(Arc::clone(keys), object);
        Ok(())
    }

    /// A partition whose only record was not taken is not active.
    fn forget_if_empty(&mut self, keys: &Arc<PartitionKeys>) {
        if self.active.get(keys).is_some_and(|object| object.content.rows() == 0) {
            let object = self.active.remove(keys);
            self.released(object.iter());
        }
    }

    /// Keeps the memory of all objects together within its bounds.
    fn relieve(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        while self.rows_bytes > self.limits.rows_bytes {
            let largest = self.active.values_mut().max_by_key(|object| object.content.memory().0);
            let Some(Object { content: Content::Parquet(converter), .. }) = largest else { break };
            let (rows, held) = (converter.rows_bytes(), converter.buffered_bytes());
            converter.write_row_group();
            self.rows_bytes = self.rows_bytes + converter.rows_bytes() - rows;
            self.held_bytes = self.held_bytes + converter.buffered_bytes() - held;
        }
        while self.held_bytes > self.limits.held_bytes && !self.active.is_empty() {
            let largest = self.active.iter().max_by_key(|(_, object)| object.content.memory().1);
            let Some(keys) = largest.map(|(keys, _)| Arc::clone(keys)) else { break };
            self.write_if(at, |found, _| *found == keys)?;
        }
        Ok(())
    }

    /// When the longest buffered object is written.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.since?.checked_add(self.buffer.interval).ok()
    }

    /// Bytes held in memory.
    pub(super) const fn buffered_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Writes every object whose time is up.
    pub(super) fn write_due(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        let (now, interval) = (at.now, self.buffer.interval);
        if self.next_due().is_none_or(|due| due > now) {
            return Ok(());
        }
        self.write_if(at, |_, object| now.duration_since(object.since) >= interval)
    }

    /// Writes every object.
    pub(super) fn write_all(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        self.write_if(at, |_, _| true)
    }

    fn write_if(
        &mut self,
        at: &mut At<'_>,
        is_due: impl Fn(&Arc<PartitionKeys>, &Object) -> bool,
    ) -> Result<(), ObjectError> {
        let due: Vec<_> = self.active.extract_if(.., |keys, object| is_due(keys, object)).collect();
        self.released(due.iter().map(|(_, object)| object));
        // One that cannot be written does not keep the others from it; the first error is told.
        let mut result = Ok(());
        for (keys, object) in due {
            result = result.and(self.write(&keys, object, at));
        }
        result
    }

    /// Counts objects out that are no longer active.
    fn released<'o>(&mut self, objects: impl Iterator<Item = &'o Object>) {
        for object in objects {
            let (rows, held) = object.content.memory();
            self.rows_bytes -= rows;
            self.held_bytes -= held;
        }
        self.since = self.active.values().map(|object| object.since).min();
    }

    fn write(&mut self, keys: &PartitionKeys, object: Object, at: &mut At<'_>) -> Result<(), ObjectError> {
        let rows = object.content.rows();
        let content = match object.content {
            Content::Parquet(converter) => converter.finish()?,
            Content::Plain { bytes, .. } => bytes,
        };
        let subject = Subject { arrival: object.oldest, partition_keys: keys, error_output_type: None };
        at.written.object_bytes += self.shelf.put(subject, content)?;
        at.written.objects += 1;
        let kind = keys.lambda.get("kind").or_else(|| keys.query.get("kind")).map_or("all", String::as_str);
        *at.written.rows.entry(kind.to_owned()).or_default() += rows;
        Ok(())
    }
}

impl Object {
    fn push(&mut self, data: &[u8]) -> Result<(), ConversionError> {
        match &mut self.content {
            Content::Parquet(converter) => {
                converter.push(data)?;
            }
            Content::Plain { bytes, records } => {
                bytes.extend_from_slice(data);
                *records += 1;
            }
        }
        self.bytes += data.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::bucket::Bucket;
    use crate::convert::{Compression, OpenX, Schema};
    use crate::firehose::prefix::{Prefix, PrefixUse};
    use crate::firehose::{Compression as ObjectCompression, Table};

    fn objects(folder: &std::path::Path, conversion: Option<Arc<Conversion>>, limits: Limits) -> Objects {
        let prefix = "kind=!{partitionKeyFromLambda:kind}/";
        let shelf = Shelf {
            bucket: Bucket::named(folder, "archive"),
            stream: ("archive".to_owned(), 1),
            series: "",
            prefix: Prefix::parse(prefix, TimeZone::UTC, PrefixUse::Delivery).unwrap(),
            time_zone: TimeZone::UTC,
            compression: ObjectCompression::Uncompressed,
            extension: String::new(),
            begun: Timestamp::UNIX_EPOCH,
            number: 0,
        };
        let buffer = Buffer { bytes: usize::MAX, interval: SignedDuration::from_secs(60) };
        Objects { limits, ..Objects::new(shelf, buffer, conversion) }
    }

    fn conversion() -> Arc<Conversion> {
        let columns = [("text".to_owned(), "string".to_owned())];
        Arc::new(Conversion {
            schema: Schema::parse(&columns).unwrap(),
            open_x: OpenX::default(),
            compression: Compression::Snappy,
            table: Table { database: "tapeline".to_owned(), name: "texts".to_owned() },
        })
    }

    /// Adds records of these kinds; hands back what was written.
    fn add(objects: &mut Objects, records: &[(&str, &str)]) -> Written {
        let mut written = Written::default();
        let at = &mut At { now: Timestamp::UNIX_EPOCH, written: &mut written };
        for (kind, data) in records {
            let lambda = [("kind".to_owned(), (*kind).to_owned())].into();
            let keys = Arc::new(PartitionKeys { lambda, ..PartitionKeys::default() });
            objects.add(&keys, (data.as_bytes(), at.now), at).unwrap().unwrap();
        }
        written
    }

    #[test]
    fn the_largest_object_is_delivered_early_when_all_of_them_hold_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let mut objects = objects(folder.path(), None, Limits { rows_bytes: 0, held_bytes: 8 });
        assert_eq!(add(&mut objects, &[("a", "12345"), ("b", "123")]).objects, 0);
        assert_eq!(objects.buffered_bytes(), 8);
        let written = add(&mut objects, &[("b", "4")]);
        assert_eq!((written.rows, objects.buffered_bytes()), (BTreeMap::from([("a".to_owned(), 1)]), 4));
    }

    #[test]
    fn rows_are_compressed_early_when_those_of_all_objects_take_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { rows_bytes: 10_000, held_bytes: usize::MAX };
        let mut objects = objects(folder.path(), Some(conversion()), limits);
        let row = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000));
        for _ in 0..30 {
            assert_eq!(add(&mut objects, &[("a", &row), ("b", &row)]).objects, 0);
            assert!(objects.rows_bytes <= 10_000, "{}", objects.rows_bytes);
        }
        let held: usize = objects.active.values().map(|object| object.content.memory().1).sum();
        assert_eq!(objects.held_bytes, held);
        let mut written = Written::default();
        objects.write_all(&mut At { now: Timestamp::UNIX_EPOCH, written: &mut written }).unwrap();
        assert_eq!(written.rows, BTreeMap::from([("a".to_owned(), 30), ("b".to_owned(), 30)]));
        assert_eq!((objects.rows_bytes, objects.held_bytes), (0, 0));
    }
}
