//! The effects of some lanes of a batch, in their order: load, compute, publish, series, hot item.
//!
//! The order holds for each lane. Lanes do not wait for each other where they need not: those that closed no bar are
//! written while the rows of others are published, and all writes of a batch share their places. Only the rows of a batch go
//! out in one order.

use std::collections::HashMap;

use futures_util::future::{join, join_all};
use tapeline_telemetry::chain;
use tokio::sync::{Semaphore, oneshot};

use crate::batch::LaneFrames;
use crate::lane::{Advanced, Rules, Stored, item_keys};
use crate::publish::{OutputRecord, PublishError, Publisher};
use crate::report::Report;
use crate::state::{Item, ItemKey, Part, SaveError, StateStore, StoreError, Write};

/// Items that a batch writes at once: enough to hide a store's milliseconds, few enough for its connections, of which
/// each costs a handshake when it is new.
const WRITES_AT_ONCE: usize = 32;

/// What the groups of one batch share.
#[derive(Debug)]
pub(crate) struct Group<'c, S, P> {
    rules: Rules<'c>,
    store: &'c S,
    publisher: &'c P,
    places: Semaphore,
}

/// A group's turn to publish: rows go out in the order of the groups, whichever is loaded first, so that the same batch
/// is the same sequence of records every time.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Ends with the turn of the group before.
    before: oneshot::Receiver<()>,
    /// Dropped when this turn ends.
    own: oneshot::Sender<()>,
}

/// The turns of a batch, one after another.
#[derive(Debug)]
pub(crate) struct Turns(oneshot::Receiver<()>);

impl Turns {
    /// Begins with a turn that nobody has to wait for.
    pub(crate) fn start() -> Self {
        Self(oneshot::channel().1)
    }

    /// The turn behind all that were given.
    pub(crate) fn next(&mut self) -> Turn {
        let (own, end) = oneshot::channel();
        Turn { before: std::mem::replace(&mut self.0, end), own }
    }
}

/// A lane before anything is known of it.
#[derive(Debug)]
pub(crate) struct Member<'f> {
    /// Its key in the store and in the output stream.
    pub(crate) key: String,
    /// What was last written, as far as this environment knows.
    pub(crate) cached: Option<Stored>,
    pub(crate) frames: &'f mut LaneFrames,
}

/// What became of a group.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) report: Report,
    /// What is stored now, as far as it is known.
    pub(crate) known: Vec<(String, Stored)>,
    pub(crate) failures: Vec<Failure>,
}

/// A lane that failed, from its first record on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) first_record: usize,
    pub(crate) cause: String,
}

/// A lane that was computed.
struct Work {
    key: String,
    first_record: usize,
    stored: Stored,
    advanced: Advanced,
}

impl Done {
    fn fail(&mut self, first_record: usize, cause: String) {
        self.failures.push(Failure { first_record, cause });
    }

    fn add(&mut self, other: Self) {
        self.report.add_lanes(other.report);
        self.known.extend(other.known);
        self.failures.extend(other.failures);
    }
}

impl<'c, S: StateStore, P: Publisher> Group<'c, S, P> {
    pub(crate) fn new(rules: Rules<'c>, store: &'c S, publisher: &'c P) -> Self {
        Self { rules, store, publisher, places: Semaphore::new(WRITES_AT_ONCE) }
    }

    /// Takes some lanes through the batch.
    pub(crate) async fn run(&self, turn: Turn, mut members: Vec<Member<'_>>) -> Done {
        let mut done = Done::default();
        let items = match self.load(&mut members, &mut done.report).await {
            Ok(items) => items,
            Err(error) => {
                fail_together(members, &error, &mut done);
                return done;
            }
        };
        let work = members.into_iter().map(|member| self.advance(member, &items, &mut done.report));
        let (with_rows, quiet) = work.partition(|lane| !lane.advanced.rows.is_empty());
        let (published, written) = join(self.publish_and_write(turn, with_rows), self.write(quiet)).await;
        done.add(published);
        done.add(written);
        done
    }

    /// Loads what is stored of these lanes, in one read where the cache helps or nothing is known. What is cached and not
    /// what is stored is forgotten: another environment has worked on it.
    async fn load(&self, members: &mut [Member<'_>], report: &mut Report) -> Result<Items, StoreError> {
        let bars = self.rules.bars;
        let keys = members.iter().flat_map(|member| {
            item_keys(bars, &member.key).take(if member.cached.is_some() { 1 } else { usize::MAX })
        });
        let mut items = Items::load(self.store, keys.collect(), report).await?;
        let is_stale = |member: &&mut Member<'_>| {
            member.cached.as_ref().is_some_and(|cached| cached.version != items.version(&member.key))
        };
        let stale: Vec<_> = members.iter_mut().filter(is_stale).collect();
        if !stale.is_empty() {
            let series = stale.iter().flat_map(|member| item_keys(bars, &member.key).skip(1)).collect();
            let series = Items::load(self.store, series, report).await?;
            for member in stale {
                member.cached = None;
            }
            items.merge(series);
        }
        Ok(items)
    }

    fn advance(&self, member: Member<'_>, items: &Items, report: &mut Report) -> Work {
        let Member { key, cached, frames } = member;
        let mut stored = cached.unwrap_or_else(|| Stored::from_items(self.rules, items.of(&key), report));
        let advanced = stored.advance(self.rules, frames, report);
        Work { key, first_record: frames.first_record, stored, advanced }
    }

    /// Publishes the rows of some lanes together and writes the lanes of which each row was published; the others fail.
    async fn publish_and_write(&self, turn: Turn, mut work: Vec<Work>) -> Done {
        let (mut records, mut owners) = (Vec::new(), Vec::new());
        for (at, lane) in work.iter_mut().enumerate() {
            for data in std::mem::take(&mut lane.advanced.rows) {
                records.push(OutputRecord { partition_key: lane.key.clone(), data });
                owners.push(at);
            }
        }
        let mut done = Done::default();
        // The turn before ends with a message or without: it is over either way.
        let _ = turn.before.await;
        if !records.is_empty()
            && let Err(error) = self.publisher.publish(&records).await
        {
            work = fail_unpublished(work, &owners, &error, &mut done);
        }
        drop(turn.own);
        // Their bytes are out: they need not wait in memory for the writes.
        drop(records);
        done.add(self.write(work).await);
        done
    }

    /// Writes every lane's items; a lane whose items are not all written fails, and is forgotten.
    async fn write(&self, work: Vec<Work>) -> Done {
        let mut done = Done::default();
        let writes = join_all(work.iter().map(|lane| self.save_all(&lane.advanced.writes))).await;
        for (lane, (written, result)) in work.into_iter().zip(writes) {
            done.report.items_written += written;
            match result {
                Ok(()) => {
                    done.report.add_tally(&lane.advanced.tally);
                    lane.advanced.intervals.iter().for_each(|&interval| done.report.add_bars(interval, 1));
                    done.known.push((lane.key, lane.stored));
                }
                Err(error) => {
                    done.report.state_conflicts += u64::from(matches!(error, SaveError::Condition));
                    done.fail(lane.first_record, chain(&error));
                }
            }
        }
        done
    }

    /// Writes the items of one lane: its series, and when all of them are written the hot item, which is the last. Gives
    /// how many were written, and why not all.
    async fn save_all(&self, writes: &[Write]) -> (u64, Result<(), SaveError>) {
        let Some((last, series)) = writes.split_last() else { return (0, Ok(())) };
        let saves = join_all(series.iter().map(|write| self.save(write))).await;
        let written = saves.iter().filter(|save| save.is_ok()).count() as u64;
        if let Some(error) = saves.into_iter().find_map(Result::err) {
            return (written, Err(error));
        }
        let save = self.save(last).await;
        (written + u64::from(save.is_ok()), save)
    }

    async fn save(&self, write: &Write) -> Result<(), SaveError> {
        // Nobody closes the semaphore.
        let _place = self.places.acquire().await.ok();
        self.store.save(write).await
    }
}

/// Nothing was done to these lanes: the cache is as good as it was.
fn fail_together(members: Vec<Member<'_>>, error: &StoreError, done: &mut Done) {
    let cause = chain(error);
    for member in members {
        done.fail(member.frames.first_record, cause.clone());
        done.known.extend(member.cached.map(|cached| (member.key, cached)));
    }
}

/// Fails the lanes of which a row was not published, and hands back the others.
fn fail_unpublished(work: Vec<Work>, owners: &[usize], error: &PublishError, done: &mut Done) -> Vec<Work> {
    let mut has_failed = vec![false; work.len()];
    for owner in error.places.iter().filter_map(|&place| owners.get(place)) {
        if let Some(failed) = has_failed.get_mut(*owner) {
            *failed = true;
        }
    }
    let cause = chain(error);
    let mut published = Vec::new();
    for (lane, has_failed) in work.into_iter().zip(has_failed) {
        if has_failed {
            done.fail(lane.first_record, cause.clone());
        } else {
            published.push(lane);
        }
    }
    published
}

/// What the store gave, by lane.
#[derive(Debug)]
struct Items(HashMap<String, Vec<Item>>);

impl Items {
    async fn load<S: StateStore>(
        store: &S,
        keys: Vec<ItemKey>,
        report: &mut Report,
    ) -> Result<Self, StoreError> {
        let mut items = Self(HashMap::new());
        for item in store.load(&keys).await? {
            report.items_read += 1;
            items.0.entry(item.key.lane.clone()).or_default().push(item);
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

    /// The version of a lane's hot item.
    fn version(&self, lane: &str) -> Option<u64> {
        self.of(lane).iter().find(|item| item.key.part == Part::Hot).map(|item| item.order)
    }
}
