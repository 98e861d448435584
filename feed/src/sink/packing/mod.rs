//! Frames into records: one each, or many.
//!
//! Kinesis bills a record in steps of 1 KB (on demand) and Firehose in steps of 5 KB, and a trade has 200 bytes: packing
//! is what the stream costs. A record is closed when it is full, or when its first frame has waited long enough, so a busy
//! symbol fills records and a quiet one is not late. While an earlier record of its key is on its way it stays open: it
//! could not go yet, and so a stream that is slow gets fewer and larger records instead of a queue.

mod kpl;
mod lines;
mod single;

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tapeline_market::{Date, Timestamp};
use thiserror::Error;

use self::kpl::Aggregate;
use self::lines::Lines;
use super::Record;
use crate::frame::{Frame, Mark, Route};

/// The most bytes of a record, partition key included. A data stream takes 1 MiB, a delivery stream 1,000 KiB.
pub const RECORD_BYTES_MAX: usize = 1_000_000;
/// The most bytes of all open records: what the memory of a small container holds many times.
const OPEN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most partition keys that are remembered; all symbols of all markets have a tenth.
const KEYS_MAX: usize = 100_000;

/// When a record that had to stay open is looked at again; a call takes about as long.
const AGAIN: Duration = Duration::from_millis(20);

/// How frames become records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// One frame, one record.
    Single,
    /// JSON Lines: the frames of one route and one day (UTC), because the transformer archives a record by its first.
    Lines,
    /// Aggregated as by the Kinesis Producer Library: all frames of a partition key.
    Kpl,
}

impl Packing {
    /// Names the packing as configuration does.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Lines => "lines",
            Self::Kpl => "kpl",
        }
    }
}

/// The text names no packing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected `single`, `lines` or `kpl`, was {found:?}")]
pub struct UnknownPacking {
    /// The text that was found.
    pub found: String,
}

impl FromStr for Packing {
    type Err = UnknownPacking;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Single, Self::Lines, Self::Kpl];
        let found = all.into_iter().find(|packing| packing.as_str() == text);
        found.ok_or_else(|| UnknownPacking { found: text.to_owned() })
    }
}

/// When a record is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a record, partition key included; a longer frame is a record of its own.
    pub record_bytes_max: usize,
    /// How long its first frame waits.
    pub linger: Duration,
}

/// A frame that no record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a frame that a record of {RECORD_BYTES_MAX} bytes holds, was one of {bytes}")]
pub struct TooLarge {
    /// Bytes of the frame.
    pub bytes: usize,
}

/// Packs frames into records.
#[derive(Debug)]
pub struct Packer {
    packing: Packing,
    limits: Limits,
    open: HashMap<Route, Open>,
    /// When records are to be closed, by their numbers; those closed before are passed over.
    due: BTreeMap<(Instant, u64), Route>,
    opened: u64,
    open_bytes: usize,
    keys: HashMap<Route, Arc<str>>,
}

/// A record that takes more.
#[derive(Debug)]
struct Open {
    body: Body,
    partition_key: Arc<str>,
    date: Date,
    frames: u32,
    /// Bytes of the frames alone.
    bytes: usize,
    marks: Vec<Mark>,
    oldest: Timestamp,
    /// Tells it from the record that was open for the same route before.
    number: u64,
}

#[derive(Debug)]
enum Body {
    Lines(Lines),
    Kpl(Aggregate),
}

impl Body {
    /// Bytes of the record's data with one more frame.
    fn bytes_with(&self, frame: &[u8]) -> usize {
        match self {
            Self::Lines(lines) => lines.bytes_with(frame),
            Self::Kpl(aggregate) => aggregate.bytes_with(frame),
        }
    }

    fn add(&mut self, frame: Bytes) {
        match self {
            Self::Lines(lines) => lines.add(&frame),
            Self::Kpl(aggregate) => aggregate.add(frame),
        }
    }

    fn finish(self) -> Bytes {
        match self {
            Self::Lines(lines) => lines.finish(),
            Self::Kpl(aggregate) => aggregate.finish(),
        }
    }
}

impl Packer {
    /// Packs within limits.
    pub fn new(packing: Packing, limits: Limits) -> Self {
        let (open, keys) = (HashMap::new(), HashMap::new());
        Self { packing, limits, open, due: BTreeMap::new(), opened: 0, open_bytes: 0, keys }
    }

    /// Takes a frame; records that are closed by it go to `closed`, in their order.
    ///
    /// # Errors
    /// When no record holds the frame, which is lost.
    pub fn add(&mut self, frame: Frame, now: Instant, closed: &mut Vec<Record>) -> Result<(), TooLarge> {
        let key = self.partition_key(&frame.route);
        let bytes = frame.text.len();
        if key.len() + bytes > RECORD_BYTES_MAX {
            return Err(TooLarge { bytes });
        }
        let Some(slot) = self.slot(&frame) else {
            closed.push(single::record(frame, key));
            return Ok(());
        };
        let bytes_max = self.limits.record_bytes_max;
        let has_room = self.open.get(&slot).is_some_and(|open| open.has_room(&frame, bytes_max));
        if !has_room {
            closed.extend(self.close(&slot));
            if self.new_body(&key).bytes_with(&frame.text) + key.len() > bytes_max {
                closed.push(single::record(frame, key));
                return Ok(());
            }
        }
        self.put(&slot, frame, now);
        if self.open_bytes > OPEN_BYTES_MAX {
            self.flush(closed);
        }
        Ok(())
    }

    /// Which open record a frame belongs to; `None` where it is one by itself. What no decoder knows is never packed: it
    /// would spoil the frames beside it.
    fn slot(&self, frame: &Frame) -> Option<Route> {
        frame.route.kind?;
        match self.packing {
            Packing::Single => None,
            Packing::Lines => Some(frame.route.clone()),
            Packing::Kpl => Some(Route { kind: None, ..frame.route.clone() }),
        }
    }

    fn put(&mut self, slot: &Route, frame: Frame, now: Instant) {
        if !self.open.contains_key(slot) {
            let key = self.partition_key(&frame.route);
            self.opened += 1;
            let open = Open::new(self.new_body(&key), key, (&frame, self.opened));
            self.due.insert((now + self.limits.linger, self.opened), slot.clone());
            self.open.insert(slot.clone(), open);
        }
        if let Some(open) = self.open.get_mut(slot) {
            self.open_bytes += frame.text.len();
            open.add(frame);
        }
    }

    fn new_body(&self, key: &str) -> Body {
        match self.packing {
            Packing::Kpl => Body::Kpl(Aggregate::new(key)),
            _ => Body::Lines(Lines::default()),
        }
    }

    fn partition_key(&mut self, route: &Route) -> Arc<str> {
        if let Some(key) = self.keys.get(route) {
            return Arc::clone(key);
        }
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
        let key: Arc<str> = route.partition_key().into();
        self.keys.insert(route.clone(), Arc::clone(&key));
        key
    }

    fn close(&mut self, slot: &Route) -> Option<Record> {
        let open = self.open.remove(slot)?;
        self.open_bytes -= open.bytes;
        Some(open.finish())
    }

    /// When the next record is to be closed; `None` while none is open.
    pub fn due_at(&mut self) -> Option<Instant> {
        while let Some(first) = self.due.first_entry() {
            let (at, number) = *first.key();
            if self.open.get(first.get()).is_some_and(|open| open.number == number) {
                return Some(at);
            }
            first.remove();
        }
        None
    }

    /// Closes the records that have waited for long enough, but for those whose key is busy.
    pub fn close_due(&mut self, now: Instant, is_busy: impl Fn(&str) -> bool, closed: &mut Vec<Record>) {
        while self.due_at().is_some_and(|at| at <= now) {
            let Some(((_, number), slot)) = self.due.pop_first() else { return };
            if self.open.get(&slot).is_some_and(|open| is_busy(&open.partition_key)) {
                self.due.insert((now + AGAIN, number), slot);
            } else {
                closed.extend(self.close(&slot));
            }
        }
    }

    /// Closes every record.
    pub fn flush(&mut self, closed: &mut Vec<Record>) {
        while self.due_at().is_some() {
            if let Some((_, slot)) = self.due.pop_first() {
                closed.extend(self.close(&slot));
            }
        }
    }
}

impl Open {
    fn new(body: Body, partition_key: Arc<str>, (first, number): (&Frame, u64)) -> Self {
        let (date, oldest) = (first.time().date(), first.received);
        Self { body, partition_key, date, frames: 0, bytes: 0, marks: Vec::new(), oldest, number }
    }

    fn has_room(&self, frame: &Frame, record_bytes_max: usize) -> bool {
        let is_of_the_day = matches!(self.body, Body::Kpl(_)) || self.date == frame.time().date();
        is_of_the_day && self.partition_key.len() + self.body.bytes_with(&frame.text) <= record_bytes_max
    }

    fn add(&mut self, frame: Frame) {
        self.frames += 1;
        self.bytes += frame.text.len();
        mark(&mut self.marks, &frame);
        self.body.add(frame.text);
    }

    fn finish(self) -> Record {
        let data = self.body.finish();
        let Self { partition_key, frames, marks, oldest, .. } = self;
        Record { partition_key, data, frames, marks, oldest }
    }
}

/// Notes the last id of a frame's route.
fn mark(marks: &mut Vec<Mark>, frame: &Frame) {
    let Some(ids) = frame.ids else { return };
    match marks.iter_mut().find(|mark| mark.route == frame.route) {
        Some(mark) => mark.last_id = mark.last_id.max(ids.last),
        None => marks.push(Mark { route: frame.route.clone(), last_id: ids.last }),
    }
}

#[cfg(test)]
mod tests;
