//! Which records the next call takes.
//!
//! `PutRecords` takes some entries of a call and refuses others, and it promises no order among them. So a call has one
//! record of a key at most, and the next one of that key waits for the answer: what failed goes again alone, and nothing of
//! its key has gone past it. Calls for other keys go on meanwhile.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::pause;
use super::{Entry, EntryError, PutError, Record, SequenceNumber};

/// Records of one call; the service takes no more.
const RECORDS_PER_CALL_MAX: usize = 500;
/// Bytes of one call. The service takes 10 MiB; what is in flight is held twice, and larger calls save nothing.
const BYTES_PER_CALL_MAX: usize = 1024 * 1024;
/// Calls at a time: together they carry 500 MB/s at the 8 ms that a call takes.
const CALLS_MAX: usize = 4;
/// A second call beside the first is worth its price for so many records, or for one that has waited for so long.
const WORTH_RECORDS: usize = 100;
const WORTH_WAIT: Duration = Duration::from_millis(10);

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number, in the order of all records.
    pub number: u64,
    /// Whether the disk has it too.
    pub is_spooled: bool,
    /// The record.
    pub record: Record,
}

/// The records of one call, which stay queued until it is settled.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    keys: Vec<Arc<str>>,
    /// What to put, in the order of the keys.
    pub entries: Vec<Entry>,
}

/// What became of a call.
#[derive(Debug, Default)]
pub struct Settled {
    /// Records that the stream has taken.
    pub taken: Vec<Queued>,
    /// Records that go again.
    pub refused: usize,
    /// Why the last of them does.
    pub refusal: Option<EntryError>,
}

/// The answer to a call.
pub type Answer = Result<Vec<Result<SequenceNumber, EntryError>>, PutError>;

/// Queues records by their keys.
#[derive(Debug, Default)]
pub struct Producer {
    lanes: HashMap<Arc<str>, Lane>,
    /// Keys whose first record may go, since when.
    ready: VecDeque<(Instant, Arc<str>)>,
    /// Keys whose first record failed, and when it may go again.
    waiting: BTreeSet<(Instant, Arc<str>)>,
    /// No call before this: the last one failed as a whole.
    paused_until: Option<Instant>,
    failures: u32,
    calls: usize,
    records: usize,
    bytes: usize,
}

/// The records of one key.
#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Queued>,
    /// How often the first was refused in a row.
    failures: u32,
}

impl Producer {
    /// Queues a record behind those of its key.
    pub fn push(&mut self, queued: Queued, now: Instant) {
        self.records += 1;
        self.bytes += queued.record.bytes();
        let key = Arc::clone(&queued.record.partition_key);
        let lane = self.lanes.entry(Arc::clone(&key)).or_default();
        lane.queue.push_back(queued);
        if lane.queue.len() == 1 {
            self.ready.push_back((now, key));
        }
    }

    /// The next call, if it is time for one.
    pub fn next_call(&mut self, now: Instant) -> Option<Call> {
        self.wake(now);
        if self.is_paused(now) || self.ready.is_empty() || self.calls == CALLS_MAX || !self.is_worth_it(now) {
            return None;
        }
        let (mut keys, mut entries, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some((since, key)) = self.ready.pop_front() {
            let Some(first) = self.lanes.get(&key).and_then(|lane| lane.queue.front()) else { continue };
            bytes += first.record.bytes();
            if !keys.is_empty() && (bytes > BYTES_PER_CALL_MAX || keys.len() == RECORDS_PER_CALL_MAX) {
                self.ready.push_front((since, key));
                break;
            }
            entries.push(Entry { partition_key: Arc::clone(&key), data: first.record.data.clone() });
            keys.push(key);
        }
        self.calls += 1;
        Some(Call { keys, entries })
    }

    /// While the service is out of reach one call at a time asks whether it is back.
    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until) || (self.failures > 0 && self.calls > 0)
    }

    fn is_worth_it(&self, now: Instant) -> bool {
        self.calls == 0
            || self.ready.len() >= WORTH_RECORDS
            || self.ready.front().is_some_and(|(since, _)| now >= *since + WORTH_WAIT)
    }

    /// Keys that have waited long enough may go again.
    fn wake(&mut self, now: Instant) {
        while self.waiting.first().is_some_and(|(until, _)| *until <= now) {
            self.ready.extend(self.waiting.pop_first().map(|(_, key)| (now, key)));
        }
    }

    /// When there may be a call though nothing happens before; `None` while only an answer or a record can bring one.
    pub fn wake_at(&self) -> Option<Instant> {
        let waiting = self.waiting.first().map(|(until, _)| *until);
        let ready =
            self.ready.front().filter(|_| self.calls < CALLS_MAX).map(|(since, _)| *since + WORTH_WAIT);
        let next = [waiting, ready].into_iter().flatten().min()?;
        match self.paused_until {
            _ if self.failures > 0 && self.calls > 0 => None,
            Some(until) => Some(next.max(until)),
            None => Some(next),
        }
    }

    /// Notes the answer to a call; `jitter` is random.
    pub fn settle(&mut self, call: Call, answer: Answer, (now, jitter): (Instant, u32)) -> Settled {
        self.calls -= 1;
        let mut settled = Settled::default();
        match answer {
            Ok(results) => {
                (self.failures, self.paused_until) = (0, None);
                let mut results = results.into_iter();
                for key in call.keys {
                    // One result for each entry: a missing one is a refusal without a word.
                    match results.next() {
                        Some(Ok(_)) => settled.taken.extend(self.taken(key, now)),
                        result => {
                            self.refused(key, now, jitter);
                            settled.refused += 1;
                            settled.refusal = result.and_then(Result::err).or(settled.refusal.take());
                        }
                    }
                }
            }
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                self.paused_until = Some(now + pause(self.failures, jitter));
                settled.refused = call.keys.len();
                self.ready.extend(call.keys.into_iter().map(|key| (now, key)));
            }
        }
        settled
    }

    /// The first record of a key is in the stream: the next may go.
    fn taken(&mut self, key: Arc<str>, now: Instant) -> Option<Queued> {
        let lane = self.lanes.get_mut(&key)?;
        lane.failures = 0;
        let taken = lane.queue.pop_front()?;
        self.records -= 1;
        self.bytes -= taken.record.bytes();
        if lane.queue.is_empty() {
            self.lanes.remove(&key);
        } else {
            self.ready.push_back((now, key));
        }
        Some(taken)
    }

    /// The first record of a key goes again, after a pause.
    fn refused(&mut self, key: Arc<str>, now: Instant, jitter: u32) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.failures = lane.failures.saturating_add(1);
            self.waiting.insert((now + pause(lane.failures, jitter), key));
        }
    }

    /// Whether a record of a key is on its way.
    pub fn is_busy(&self, key: &str) -> bool {
        self.lanes.contains_key(key)
    }

    /// Records that the stream has not taken, in no order.
    pub fn queued_mut(&mut self) -> impl Iterator<Item = &mut Queued> {
        self.lanes.values_mut().flat_map(|lane| lane.queue.iter_mut())
    }

    /// How many these are.
    pub const fn records(&self) -> usize {
        self.records
    }

    /// Their bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Calls that are not answered yet.
    pub const fn calls(&self) -> usize {
        self.calls
    }

    /// When the first frame was received that the stream does not have.
    pub fn oldest(&self) -> Option<tapeline_market::Timestamp> {
        self.lanes.values().filter_map(|lane| lane.queue.front()).map(|queued| queued.record.oldest).min()
    }
}

#[cfg(test)]
mod tests;
