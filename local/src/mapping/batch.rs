//! Records that wait for the function, and those it is tried with.

use std::mem;

use jiff::Timestamp;

use super::event::{EVENT_BYTES_MAX, event, event_bytes};
use super::settings::Settings;

/// A record, ready to be handed over.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its sequence number.
    pub(super) sequence_number: String,
    /// When the stream took it.
    pub(super) arrival: Timestamp,
    /// The element of the event.
    pub(super) element: String,
}

/// Records that wait for the function: those of one shard whose keys belong together.
#[derive(Debug, Default)]
pub(super) struct Lane {
    entries: Vec<Entry>,
    /// Bytes of their elements, with a comma behind each.
    element_bytes: usize,
    since: Timestamp,
}

impl Lane {
    /// When the first of the records began to wait; `None` when there are none.
    pub(super) fn since(&self) -> Option<Timestamp> {
        (!self.entries.is_empty()).then_some(self.since)
    }

    /// Whether the records would make too large an event with one more.
    pub(super) fn is_full_for(&self, entry: &Entry) -> bool {
        !self.entries.is_empty()
            && event_bytes(self.element_bytes + entry.element.len() + 1) > EVENT_BYTES_MAX
    }

    /// Whether the records are as many as an event may have.
    pub(super) fn is_full(&self, settings: &Settings) -> bool {
        self.entries.len() >= settings.batch_records
    }

    /// Adds a record.
    pub(super) fn push(&mut self, entry: Entry, now: Timestamp) {
        if self.entries.is_empty() {
            self.since = now;
        }
        self.element_bytes += entry.element.len() + 1;
        self.entries.push(entry);
    }

    /// Takes the records that wait.
    pub(super) fn take(&mut self) -> Batch {
        self.element_bytes = 0;
        let entries = mem::take(&mut self.entries);
        Batch { entries, retries: 0, throttles: 0, must_wait: false, invocations: 0, is_error: false }
    }
}

/// The records of one event, in the order of their sequence numbers, and how often they were tried.
#[derive(Debug)]
pub(super) struct Batch {
    /// The records.
    pub(super) entries: Vec<Entry>,
    /// How often they were tried again.
    pub(super) retries: u32,
    /// How often it was not tried, because the function had no process free.
    pub(super) throttles: u32,
    /// Whether it was held back, so that it is tried after a while.
    pub(super) must_wait: bool,
    /// How often the function was invoked with them, also when there were others with them.
    pub(super) invocations: u32,
    /// Whether the last of them ended with an error; not so when the function reported failures.
    pub(super) is_error: bool,
}

impl Batch {
    /// How often it came back.
    pub(super) const fn tries(&self) -> u32 {
        self.retries.saturating_add(self.throttles)
    }

    /// The event.
    pub(super) fn event(&self) -> Vec<u8> {
        event(self.entries.iter().map(|entry| entry.element.as_str()))
    }

    /// Takes the records up to a place off.
    pub(super) fn split_to(&mut self, place: usize) -> Self {
        let rest = self.entries.split_off(place.min(self.entries.len()));
        let entries = mem::replace(&mut self.entries, rest);
        Self { entries, ..*self }
    }

    /// Takes the records off that arrived before a time. They are the first: a shard is in the order of arrival.
    pub(super) fn split_older(&mut self, than: Timestamp) -> Self {
        let older = self.entries.iter().take_while(|entry| entry.arrival < than).count();
        self.split_to(older)
    }
}
