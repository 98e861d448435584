//! The source's records as they came, beside what is delivered: `S3BackupMode` of a bucket, and of other destinations where
//! all documents are kept.

use jiff::Timestamp;

use super::objects::At;
use super::prefix::PartitionKeys;
use super::settings::Buffer;
use super::shelf::{ObjectError, Shelf, Subject};

/// The backup under way: one object.
pub(super) struct Backup {
    shelf: Shelf,
    buffer: Buffer,
    object: Option<Object>,
}

struct Object {
    bytes: Vec<u8>,
    oldest: Timestamp,
    since: Timestamp,
}

impl Backup {
    /// Nothing kept yet.
    pub(super) const fn new(shelf: Shelf, buffer: Buffer) -> Self {
        Self { shelf, buffer, object: None }
    }

    /// Keeps a record's data, with its arrival. No delimiter is put behind it: the records are untouched.
    pub(super) fn add(
        &mut self,
        (data, arrival): (&[u8], Timestamp),
        at: &mut At<'_>,
    ) -> Result<(), ObjectError> {
        let new = || Object { bytes: Vec::new(), oldest: arrival, since: at.now };
        let object = self.object.get_or_insert_with(new);
        object.bytes.extend_from_slice(data);
        object.oldest = object.oldest.min(arrival);
        if object.bytes.len() >= self.buffer.bytes { self.write(at) } else { Ok(()) }
    }

    /// When the object is written.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.object.as_ref()?.since.checked_add(self.buffer.interval).ok()
    }

    /// Bytes held in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.object.as_ref().map_or(0, |object| object.bytes.len())
    }

    /// Writes the object if its time is up.
    pub(super) fn write_due(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        if self.next_due().is_some_and(|due| due <= at.now) { self.write(at) } else { Ok(()) }
    }

    /// Writes the object, if there is one.
    pub(super) fn write(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        let Some(object) = self.object.take() else { return Ok(()) };
        let none = PartitionKeys::default();
        let subject = Subject { arrival: object.oldest, partition_keys: &none, error_output_type: None };
        self.shelf.put(subject, object.bytes)?;
        at.written.backup_objects += 1;
        Ok(())
    }
}
