//! The function itself: the bytes of an invocation to the bytes of its answer.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use tapeline_lambda_wire::kinesis::{Event, EventError, answer};
use thiserror::Error;

use crate::batch::{Batch, LaneFrames};
use crate::config::Config;
use crate::group::{Done, Failure, Group, Member, Turns};
use crate::lane::{Rules, Stored, lane_key};
use crate::publish::Publisher;
use crate::report::Report;
use crate::row::Keys;
use crate::state::StateStore;

/// Lanes that go through a batch together: as many as one call of the store reads where the cache knows them, and whose
/// rows fit into one call of the output stream when three bars of each are closed.
const LANES_PER_GROUP: usize = 100;
/// Groups under way at once: while the services answer for one, another is computed. More would only hold more rows.
const GROUPS_AT_ONCE: usize = 4;
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
    batch: Batch,
}

impl<S: StateStore, P: Publisher> Calculator<S, P> {
    /// Sets the function up.
    pub fn new(config: Config, store: S, publisher: P) -> Self {
        let keys = Keys::of(&config.plan);
        Self { config, keys, store, publisher, cache: HashMap::new(), batch: Batch::default() }
    }

    /// Answers one invocation: everything that was not done is named by the first sequence number to come again.
    ///
    /// # Errors
    /// When the payload is no event, or what failed cannot be named: the whole batch comes again.
    pub async fn calculate(&mut self, payload: &[u8]) -> Result<Calculated, CalculateError> {
        let event = Event::parse(payload)?;
        let mut report = Report::default();
        let lanes = self.batch.read(&event, &self.config.bars, &mut report);
        report.lanes = lanes.len() as u64;
        let group = Group::new(Rules::of(&self.config, &self.keys), &self.store, &self.publisher);
        let (mut known, mut failures, mut turns) = (Vec::new(), Vec::new(), Turns::start());
        let groups = lanes.chunks_mut(LANES_PER_GROUP).map(|lanes| {
            let members = lanes.iter_mut().map(|frames| member(&self.config, &mut self.cache, frames));
            group.run(turns.next(), members.collect())
        });
        let mut groups = stream::iter(groups).buffered(GROUPS_AT_ONCE);
        while let Some(Done { report: lanes, known: some, failures: others }) = groups.next().await {
            report.add_lanes(lanes);
            known.extend(some);
            failures.extend(others);
        }
        drop(groups);
        self.remember(known);
        report.lanes_failed = failures.len() as u64;
        let answer = answer_for(&event, failures, &mut report)?;
        Ok(Calculated { answer, report })
    }

    fn remember(&mut self, lanes: Vec<(String, Stored)>) {
        if self.cache.len() + lanes.len() > CACHE_LANES_MAX {
            // More symbols than the cache holds come by turns; those of this batch are the likeliest to come again.
            self.cache.clear();
        }
        self.cache.extend(lanes.into_iter().take(CACHE_LANES_MAX));
    }
}

fn member<'f>(
    config: &Config,
    cache: &mut HashMap<String, Stored>,
    frames: &'f mut LaneFrames,
) -> Member<'f> {
    let key = lane_key(&config.bars, &frames.symbol);
    let cached = cache.remove(&key);
    Member { key, cached, frames }
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

#[cfg(test)]
mod tests;
