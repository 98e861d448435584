//! Failure documents on their way to the error prefix: one object under way for each type of failure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::failure::FailureType;
use super::objects::At;
use super::prefix::PartitionKeys;
use super::shelf::{ObjectError, Shelf, Subject};

/// How many bytes of failure documents make an object, whatever the buffer hints say.
const FAILURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The failure documents under way.
pub(super) struct Failures {
    shelf: Shelf,
    interval: SignedDuration,
    active: BTreeMap<FailureType, Lines>,
}

struct Lines {
    text: Vec<u8>,
    oldest: Timestamp,
    since: Timestamp,
}

impl Failures {
    /// No documents yet; `interval` is the time after which they are written.
    pub(super) const fn new(shelf: Shelf, interval: SignedDuration) -> Self {
        Self { shelf, interval, active: BTreeMap::new() }
    }

    /// Adds a document, with the arrival of its record.
    pub(super) fn add(
        &mut self,
        what: FailureType,
        (document, arrival): (&[u8], Timestamp),
        at: &mut At<'_>,
    ) -> Result<(), ObjectError> {
        let new = Lines { text: Vec::new(), oldest: arrival, since: at.now };
        let object = self.active.entry(what).or_insert(new);
        object.text.extend_from_slice(document);
        object.oldest = object.oldest.min(arrival);
        if object.text.len() >= FAILURE_BYTES_MAX {
            self.write_if(at, |found, _| found == what)?;
        }
        Ok(())
    }

    /// When the longest buffered documents are written.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let since = self.active.values().map(|object| object.since).min()?;
        since.checked_add(self.interval).ok()
    }

    /// Bytes held in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.active.values().map(|object| object.text.len()).sum()
    }

    /// Writes the documents whose time is up.
    pub(super) fn write_due(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        let (now, interval) = (at.now, self.interval);
        self.write_if(at, |_, object| now.duration_since(object.since) >= interval)
    }

    /// Writes all documents.
    pub(super) fn write_all(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        self.write_if(at, |_, _| true)
    }

    fn write_if(
        &mut self,
        at: &mut At<'_>,
        is_due: impl Fn(FailureType, &Lines) -> bool,
    ) -> Result<(), ObjectError> {
        let due: Vec<_> = self.active.extract_if(.., |what, object| is_due(*what, object)).collect();
        let mut result = Ok(());
        for (what, object) in due {
            result = result.and(self.write(what, object, at));
        }
        result
    }

    fn write(&mut self, what: FailureType, object: Lines, at: &mut At<'_>) -> Result<(), ObjectError> {
        let none = PartitionKeys::default();
        let error_output_type = Some(what.as_str());
        let subject = Subject { arrival: object.oldest, partition_keys: &none, error_output_type };
        self.shelf.put(subject, object.text)?;
        at.written.error_objects += 1;
        Ok(())
    }
}
