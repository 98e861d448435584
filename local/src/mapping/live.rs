//! One event source mapping on the clock of the system: each lane of each shard works in a task of its own.
//!
//! A lane that fails tries again after a pause, and holds nobody up but itself, until its buffer is full: then the shard
//! waits for it, as Lambda's poller does. Positions in the stream are kept nowhere: what is in hand when everything ends
//! is still in the stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tapeline_telemetry::chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::batch::Entry;
use super::counts::Counts;
use super::lane::{Common, LaneWorker, MappingError};
use super::on_failure::OnFailure;
use super::pace::{Live, Pace as _};
use super::settings::Settings;
use crate::lambda::Invoke;
use crate::stream::StreamRecord;
use crate::streams::ShardConsumer;

/// Records that wait in front of a lane: as many as the largest batch has.
const LANE_RECORDS_MAX: usize = 10_000;
/// KiB of them: those of one event and some more, so that a lane that works finds its next batch ready.
const LANE_KIB_MAX: u32 = 8 * 1024;

/// An event source mapping under way. Clones are the same mapping.
pub(crate) struct LiveMapping<F> {
    common: Arc<Common<F>>,
    pace: Live,
}

impl<F> Clone for LiveMapping<F> {
    fn clone(&self) -> Self {
        Self { common: Arc::clone(&self.common), pace: self.pace }
    }
}

/// What a mapping did so far, and how far it is behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LiveCounts {
    /// What it did.
    pub(crate) counts: Counts,
    /// Records that it has taken and is not done with.
    pub(crate) held: u64,
    /// How long ago the oldest of them arrived, in ms; 0 when there is none.
    pub(crate) iterator_age_ms: u64,
}

impl<F> LiveMapping<F> {
    /// Sets a mapping up.
    pub(crate) fn new(settings: Settings, function: F, on_failure: Option<OnFailure>) -> Self {
        Self::on_clock(settings, function, on_failure, Timestamp::now)
    }

    fn on_clock(
        settings: Settings,
        function: F,
        on_failure: Option<OnFailure>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { common: Common::new(settings, function, on_failure), pace: Live { clock } }
    }

    /// What the mapping did so far.
    pub(crate) fn counts(&self) -> LiveCounts {
        let now = self.pace.now(0);
        let progress = self.common.progress();
        let age = progress.oldest().map(|oldest| now.duration_since(oldest).as_millis());
        LiveCounts {
            counts: progress.counts.clone(),
            held: progress.held(),
            // A record of a shard that was just made arrives a moment ahead of the clock.
            iterator_age_ms: age.and_then(|age| u64::try_from(age).ok()).unwrap_or_default(),
        }
    }
}

impl<F: Invoke> ShardConsumer for LiveMapping<F> {
    async fn consume(&self, shard_id: String, mut records: mpsc::Receiver<StreamRecord>) {
        let mut lanes = Lanes { mapping: self, shard_id, queues: BTreeMap::new(), tasks: JoinSet::new() };
        while let Some(record) = records.recv().await {
            if let Some((number, entry)) = self.common.take(&record) {
                lanes.queue(number).put(entry).await;
            }
        }
        // Without their queues the lanes hand over what they have, and end.
        let Lanes { mut tasks, queues, .. } = lanes;
        drop(queues);
        while tasks.join_next().await.is_some() {}
    }
}

/// The lanes of a shard that have had records.
struct Lanes<'m, F> {
    mapping: &'m LiveMapping<F>,
    shard_id: String,
    /// By number: at most ten.
    queues: BTreeMap<u32, Queue>,
    tasks: JoinSet<()>,
}

impl<F: Invoke> Lanes<'_, F> {
    /// The queue in front of a lane, whose task begins with it.
    fn queue(&mut self, number: u32) -> &Queue {
        let Self { mapping, shard_id, queues, tasks } = self;
        queues.entry(number).or_insert_with(|| {
            let worker = LaneWorker::new(Arc::clone(&mapping.common), shard_id.clone());
            let (sender, receiver) = mpsc::channel(LANE_RECORDS_MAX);
            tasks.spawn(run(mapping.clone(), worker, receiver));
            Queue { sender, room: Arc::new(Semaphore::new(LANE_KIB_MAX as usize)) }
        })
    }
}

/// A record on its way to a lane, with the room it takes.
type Queued = (Entry, OwnedSemaphorePermit);

/// Records on their way to a lane.
struct Queue {
    sender: mpsc::Sender<Queued>,
    /// What is left of [`LANE_KIB_MAX`].
    room: Arc<Semaphore>,
}

impl Queue {
    /// Waits for room and puts a record.
    async fn put(&self, entry: Entry) {
        let kib = u32::try_from(entry.element.len() / 1024).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib.saturating_add(1).min(LANE_KIB_MAX)).await;
        // The room is never closed; a lane that is gone was ended with its shard.
        if let Ok(room) = room {
            let _ = self.sender.send((entry, room)).await;
        }
    }
}

/// Works on one lane until nothing comes any more.
async fn run<F: Invoke>(
    mapping: LiveMapping<F>,
    mut worker: LaneWorker<F>,
    mut queue: mpsc::Receiver<Queued>,
) {
    let note = |result: Result<(), MappingError>| {
        if let Err(error) = result {
            mapping.common.progress().counts.last_failure = Some(chain(&error));
        }
    };
    let pace = &mapping.pace;
    loop {
        let due = worker.due::<Live>();
        let wait = due.map(|due| due.duration_since(pace.now(0)).unsigned_abs());
        let is_due = due.is_some_and(|due| due <= pace.now(0));
        tokio::select! {
            // What is due goes before what comes.
            biased;
            () = tokio::time::sleep(wait.unwrap_or_default()), if due.is_some() && !is_due => {}
            () = std::future::ready(()), if is_due => note(worker.hand_over(pace).await),
            queued = queue.recv() => match queued {
                Some((entry, room)) => {
                    // The batch is bounded by itself.
                    drop(room);
                    note(worker.put(entry, pace).await);
                }
                None => break,
            },
        }
    }
    note(worker.hand_over(pace).await);
}

#[cfg(test)]
mod tests;
