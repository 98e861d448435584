//! The function itself: the bytes of an invocation to the bytes of its answer.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use tapeline_lambda_wire::kinesis::{Event, EventError, answer};
use tapeline_lambda_wire::log::chain;
use thiserror::Error;

use crate::batch::{self, LaneFrames};
use crate::config::Config;
use crate::lane::{Advanced, Rules, Stored, item_keys, lane_key};
use crate::publish::{OutputRecord, Publisher};
use crate::report::Report;
use crate::row::Keys;
use crate::state::{Item, ItemKey, Part, SaveError, StateStore, StoreError, Write};

/// Lanes that are written at once: enough to hide a store's milliseconds, few enough for its connections.
const SAVES_AT_ONCE: usize = 16;
/// Lanes kept between invocations, about 50 kB each at three intervals: all symbols of the spot market.
const CACHE_LANES_MAX: usize = 2000;

/// The invocation as a whole failed: the batch comes again.
#[derive(Debug, Error)]
pub enum CalculateError {
    /// The payload is no event.
    #[error("expected the event of a Kinesis stream")]
    Event(#[from] EventError),
    /// A lane failed whose first record has no sequence number to answer.
    #[error("expected a sequence number in record {at} to retry from: {cause}")]
    NoSequenceNumber {
        /// Place of the record in the event, from 0.
        at: usize,
        /// Why the lane failed.
        cause: String,
    },
}

impl CalculateError {
    /// A name to alarm on.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Event(_) => "Tapeline.InvalidEvent",
            Self::NoSequenceNumber { .. } => "Tapeline.NoSequenceNumber",
        }
    }
}

/// An answered invocation.
#[derive(Debug)]
pub struct Calculated {
    /// The answer: a JSON text.
    pub answer: Vec<u8>,
    /// What happened to the batch.
    pub report: Report,
}

/// Takes one batch after another: folds, publishes, and only then remembers.
///
/// The order of effects makes every crash harmless: rows are published before the state moves on, so what happens twice
/// is published twice under the same `id` and in the same bytes; nothing is folded twice into what is remembered.
#[derive(Debug)]
pub struct Calculator<S, P> {
    config: Config,
    keys: Keys,
    store: S,
    publisher: P,
    /// What was last written, by lane. Never trusted: the store is asked for the version every time.
    cache: HashMap<String, Stored>,
}

/// A lane on its way through a batch.
struct Work {
    key: String,
    first_record: usize,
    stored: Stored,
    advanced: Advanced,
}

/// A lane that failed, from its first record on.
struct Failure {
    first_record: usize,
    cause: String,
}

impl<S: StateStore, P: Publisher> Calculator<S, P> {
    /// Sets the function up.
    pub fn new(config: Config, store: S, publisher: P) -> Self {
        let keys = Keys::of(&config.plan);
        Self { config, keys, store, publisher, cache: HashMap::new() }
    }

    /// Answers one invocation: everything that was not done is named by the first sequence number to come again.
    ///
    /// # Errors
    /// Only when the payload is no event, or what failed cannot be named.
    pub async fn calculate(&mut self, payload: &[u8]) -> Result<Calculated, CalculateError> {
        let event = Event::parse(payload)?;
        let mut report = Report::default();
        let lanes = batch::lanes(&event, &self.config.bars, &mut report);
        report.lanes = lanes.len() as u64;
        let failures = match self.load(&lanes, &mut report).await {
            Ok(stored) => {
                let work = self.advance(lanes, stored, &mut report);
                let (published, mut failures) = self.publish(work).await;
                failures.extend(self.checkpoint(published, &mut report).await);
                failures
            }
            Err(error) => failed_together(&lanes, &error),
        };
        report.lanes_failed = failures.len() as u64;
        let answer = answer_for(&event, failures, &mut report)?;
        Ok(Calculated { answer, report })
    }

    /// Loads what is stored of these lanes, in one read where the cache helps or nothing is known.
    async fn load(&mut self, lanes: &[LaneFrames], report: &mut Report) -> Result<Vec<Stored>, StoreError> {
        let bars = &self.config.bars;
        let keys: Vec<_> = lanes.iter().map(|lane| lane_key(bars, &lane.symbol)).collect();
        let is_cached = |key: &String| self.cache.contains_key(key);
        let wanted = keys
            .iter()
            .flat_map(|key| item_keys(bars, key).take(if is_cached(key) { 1 } else { usize::MAX }));
        let mut items = Items::load(&self.store, wanted.collect(), report).await?;
        let stale: Vec<_> = keys.iter().filter(|key| self.is_stale(key, &items)).cloned().collect();
        if !stale.is_empty() {
            let series = stale.iter().flat_map(|key| item_keys(bars, key).skip(1)).collect();
            items.merge(Items::load(&self.store, series, report).await?);
            for key in &stale {
                self.cache.remove(key);
            }
        }
        let rules = Rules::of(&self.config, &self.keys);
        let stored = keys.iter().map(|key| {
            self.cache.remove(key).unwrap_or_else(|| Stored::from_items(rules, items.of(key), report))
        });
        Ok(stored.collect())
    }

    /// Whether a lane in the cache is not what is stored: another environment has worked on it.
    fn is_stale(&self, key: &str, items: &Items) -> bool {
        let version = items.of(key).iter().find(|item| item.key.part == Part::Hot).map(|item| item.order);
        self.cache.get(key).is_some_and(|cached| cached.version != version)
    }

    fn advance(&self, lanes: Vec<LaneFrames>, stored: Vec<Stored>, report: &mut Report) -> Vec<Work> {
        let rules = Rules::of(&self.config, &self.keys);
        let work = lanes.into_iter().zip(stored).map(|(frames, mut stored)| {
            let (key, first_record) = (lane_key(rules.bars, &frames.symbol), frames.first_record);
            let advanced = stored.advance(rules, frames, report);
            Work { key, first_record, stored, advanced }
        });
        work.collect()
    }

    /// Publishes the rows of all lanes together; a lane of which a row was not published fails.
    async fn publish(&self, mut work: Vec<Work>) -> (Vec<Work>, Vec<Failure>) {
        let (mut records, mut owners) = (Vec::new(), Vec::new());
        for (at, lane) in work.iter_mut().enumerate() {
            for data in std::mem::take(&mut lane.advanced.rows) {
                records.push(OutputRecord { partition_key: lane.key.clone(), data });
                owners.push(at);
            }
        }
        if records.is_empty() {
            return (work, Vec::new());
        }
        let Err(error) = self.publisher.publish(&records).await else { return (work, Vec::new()) };
        let mut has_failed = vec![false; work.len()];
        for owner in error.places.iter().filter_map(|&place| owners.get(place)) {
            if let Some(failed) = has_failed.get_mut(*owner) {
                *failed = true;
            }
        }
        let cause = chain(&error);
        let (failed, published): (Vec<_>, Vec<_>) =
            work.into_iter().zip(has_failed).partition(|(_, failed)| *failed);
        let failure =
            |(lane, _): (Work, bool)| Failure { first_record: lane.first_record, cause: cause.clone() };
        (published.into_iter().map(|(lane, _)| lane).collect(), failed.into_iter().map(failure).collect())
    }

    /// Writes every lane's items; a lane whose items are not all written fails, and is forgotten.
    async fn checkpoint(&mut self, work: Vec<Work>, report: &mut Report) -> Vec<Failure> {
        let store = &self.store;
        let saves = work.into_iter().map(async |mut lane| {
            let writes = std::mem::take(&mut lane.advanced.writes);
            let (written, result) = save_all(store, &writes).await;
            (lane, written, result)
        });
        let mut saves = futures_util::stream::iter(saves).buffered(SAVES_AT_ONCE);
        let (mut failures, mut done) = (Vec::new(), Vec::new());
        while let Some((lane, written, result)) = saves.next().await {
            report.items_written += written;
            match result {
                Ok(()) => {
                    report.add_tally(&lane.advanced.tally);
                    lane.advanced.intervals.iter().for_each(|&interval| report.add_bar(interval));
                    done.push((lane.key, lane.stored));
                }
                Err(error) => {
                    report.state_conflicts += u64::from(matches!(error, SaveError::Condition));
                    failures.push(Failure { first_record: lane.first_record, cause: chain(&error) });
                }
            }
        }
        drop(saves);
        self.remember(done);
        failures
    }

    fn remember(&mut self, lanes: Vec<(String, Stored)>) {
        if self.cache.len() + lanes.len() > CACHE_LANES_MAX {
            // More symbols than the cache holds come by turns; those of this batch are the likeliest to come again.
            self.cache.clear();
        }
        self.cache.extend(lanes.into_iter().take(CACHE_LANES_MAX));
    }
}

/// Writes one after the other; gives how many were written, and why not all.
async fn save_all<S: StateStore>(store: &S, writes: &[Write]) -> (u64, Result<(), SaveError>) {
    let mut written = 0;
    for write in writes {
        if let Err(error) = store.save(write).await {
            return (written, Err(error));
        }
        written += 1;
    }
    (written, Ok(()))
}

fn failed_together(lanes: &[LaneFrames], error: &StoreError) -> Vec<Failure> {
    let cause = chain(error);
    lanes.iter().map(|lane| Failure { first_record: lane.first_record, cause: cause.clone() }).collect()
}

/// The answer: the first record of any lane that failed. From there on everything comes again; lanes that did not fail
/// know what they have seen.
fn answer_for(
    event: &Event<'_>,
    failures: Vec<Failure>,
    report: &mut Report,
) -> Result<Vec<u8>, CalculateError> {
    let Some(first) = failures.into_iter().min_by_key(|failure| failure.first_record) else {
        return Ok(answer(None));
    };
    let number =
        event.records.get(first.first_record).and_then(|record| record.sequence_number().map(String::from));
    report.last_failure = Some(first.cause.clone());
    match number {
        Some(number) => Ok(answer(Some(&number))),
        None => Err(CalculateError::NoSequenceNumber { at: first.first_record, cause: first.cause }),
    }
}

/// What the store gave, by lane.
struct Items(HashMap<String, Vec<Item>>);

impl Items {
    async fn load<S: StateStore>(
        store: &S,
        keys: Vec<ItemKey>,
        report: &mut Report,
    ) -> Result<Self, StoreError> {
        let mut items = Self(HashMap::new());
        if !keys.is_empty() {
            for item in store.load(&keys).await? {
                report.items_read += 1;
                items.0.entry(item.key.lane.clone()).or_default().push(item);
            }
        }
        Ok(items)
    }

    fn merge(&mut self, others: Self) {
        for (lane, items) in others.0 {
            self.0.entry(lane).or_default().extend(items);
        }
    }

    fn of(&self, lane: &str) -> &[Item] {
        self.0.get(lane).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
