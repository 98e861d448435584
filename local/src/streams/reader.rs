//! Reads a stream: finds its shards, has each of them read in a task of its own, and follows when they are resharded.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrokinesis::types::{Shard, Stream, StreamStatus};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::cursor::{Cursor, Start};
use super::lineage::{Lineage, is_closed};
use super::{End, Position, ShardConsumer, Shutdown, Source};
use crate::stream::StreamRecord;

/// How often the shards of a stream are looked at: Lambda finds new ones within seconds.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often a shard is looked at that takes no records any more. Two looks at its end are made: a record that was on its
/// way when the shard was closed is put within microseconds.
const ENDING_INTERVAL: Duration = Duration::from_millis(50);
/// Records on their way from a shard to its consumer.
const SHARD_RECORDS_MAX: usize = 64;

/// Reads a stream until it is deleted or reading is told to stop; a stream that is not there yet is waited for.
///
/// Told to stop, it reads what there is and has the consumer finish. Dropping the future abandons everything at once.
pub(crate) async fn read<C: ShardConsumer>(source: Source, consumer: C, mut shutdown: Shutdown) -> End {
    let appeared = tokio::select! {
        // A stream that is there is read, if only to its end.
        biased;
        appeared = appear(&source) => appeared,
        () = told(&mut shutdown) => return End::Finished,
    };
    let start = appeared.start(source.position);
    Reader {
        source,
        consumer,
        start,
        lineage: Lineage::default(),
        shards: BTreeMap::new(),
        tasks: JoinSet::new(),
    }
    .run(appeared.stream, shutdown)
    .await
}

/// Waits until somebody says that it is over.
async fn told(shutdown: &mut Shutdown) {
    // Nobody is left to say it: that is as good.
    let _ = shutdown.wait_for(|is_over| *is_over).await;
}

/// A stream that is there.
struct Appeared {
    stream: Stream,
    /// Whether it was there from the beginning.
    at_once: bool,
}

impl Appeared {
    /// Where its first shards are read from.
    fn start(&self, position: Position) -> Start {
        match position {
            Position::Latest if self.at_once => Start::Tip,
            Position::Latest | Position::TrimHorizon => Start::From(Timestamp::MIN),
            Position::AtTimestamp(time) => Start::From(to_the_second(time)),
        }
    }
}

/// The second in which a time is: arrivals are told so.
fn to_the_second(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor)).unwrap_or(time)
}

async fn appear(source: &Source) -> Appeared {
    let mut at_once = true;
    loop {
        match look(source).await {
            Some(stream) => return Appeared { stream, at_once },
            None => at_once = false,
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The stream, if it can be read.
async fn look(source: &Source) -> Option<Stream> {
    let stream = source.store.get_stream(&source.stream).await.ok()?;
    matches!(stream.stream_status, StreamStatus::Active | StreamStatus::Updating).then_some(stream)
}

/// A stream that is read.
struct Reader<C> {
    source: Source,
    consumer: C,
    /// Where the shards are read from that were there when reading began.
    start: Start,
    lineage: Lineage,
    /// The shards that are read, by their task.
    shards: BTreeMap<Id, Reading>,
    tasks: JoinSet<()>,
}

/// A shard that is read.
struct Reading {
    shard_id: String,
    /// Becomes true when nothing comes behind what is there.
    is_ending: watch::Sender<bool>,
}

impl<C: ShardConsumer> Reader<C> {
    async fn run(mut self, first: Stream, mut shutdown: Shutdown) -> End {
        let created = first.stream_creation_timestamp.0.to_bits();
        if self.start == Start::Tip {
            self.pass_over_closed(&first);
        }
        self.begin(&first.shards, self.start, false).await;
        // Everything that is not there now is made later, and read as a whole.
        let from = if let Start::From(from) = self.start { from } else { Timestamp::MIN };
        let mut look_at = Instant::now() + LOOK_INTERVAL;
        loop {
            tokio::select! {
                () = told(&mut shutdown) => return self.finish(End::Finished, from).await,
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep_until(look_at) => look_at = Instant::now() + LOOK_INTERVAL,
            }
            let stream = look(&self.source).await;
            let Some(stream) = stream.filter(|found| found.stream_creation_timestamp.0.to_bits() == created)
            else {
                return self.finish(End::Deleted, from).await;
            };
            self.end_closed(&stream.shards);
            self.begin(&stream.shards, Start::From(from), false).await;
        }
    }

    /// Notes that the records of closed shards are not wanted: reading begins behind them.
    fn pass_over_closed(&mut self, stream: &Stream) {
        for shard in stream.shards.iter().filter(|shard| is_closed(shard)) {
            self.lineage.finish(shard.shard_id.clone());
        }
    }

    /// Has the shards read that are ready.
    async fn begin(&mut self, shards: &[Shard], start: Start, is_last: bool) {
        for shard in self.lineage.ready(shards) {
            self.lineage.begin(shard.shard_id.clone());
            let cursor = Cursor::new(&self.source.store, &self.source.stream, shard, start).await;
            let Some(cursor) = cursor else { continue };
            let (is_ending, ending) = watch::channel(is_last || is_closed(shard));
            let task = run_shard(cursor, self.consumer.clone(), ending, self.source.poll_interval);
            let id = self.tasks.spawn(task).id();
            self.shards.insert(id, Reading { shard_id: shard.shard_id.clone(), is_ending });
        }
    }

    /// Tells the tasks of closed shards that nothing comes behind what is there.
    fn end_closed(&self, shards: &[Shard]) {
        let closed = shards.iter().filter(|shard| is_closed(shard));
        let closed: Vec<_> = closed.map(|shard| &shard.shard_id).collect();
        for reading in self.shards.values().filter(|reading| closed.contains(&&reading.shard_id)) {
            reading.is_ending.send_if_modified(|is_ending| !std::mem::replace(is_ending, true));
        }
    }

    /// Notes that the task of a shard has ended. One that panicked does no more either.
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        if let Some(reading) = self.shards.remove(&id) {
            self.lineage.finish(reading.shard_id);
        }
    }

    /// Has everything read that is there, and waits until the consumer is done with it.
    async fn finish(mut self, end: End, from: Timestamp) -> End {
        let finish_max = self.source.finish_max;
        // What has the name of a stream that was deleted is another one.
        let begins = (end == End::Finished).then_some(from);
        let finished = tokio::time::timeout(finish_max, self.finish_all(begins)).await;
        finished.map_or(End::Abandoned, |()| end)
    }

    async fn finish_all(&mut self, begins: Option<Timestamp>) {
        loop {
            if let (Some(from), Some(stream)) = (begins, look(&self.source).await) {
                self.begin(&stream.shards, Start::From(from), true).await;
            }
            for reading in self.shards.values() {
                reading.is_ending.send_replace(true);
            }
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.ended(ended),
                None => return,
            }
        }
    }
}

/// Reads a shard to its end, and waits until its consumer is done with it.
async fn run_shard<C: ShardConsumer>(
    cursor: Cursor,
    consumer: C,
    ending: watch::Receiver<bool>,
    poll_interval: Duration,
) {
    let (sender, receiver) = mpsc::channel(SHARD_RECORDS_MAX);
    let done = consumer.consume(cursor.shard_id().to_owned(), receiver);
    tokio::join!(feed(cursor, sender, ending, poll_interval), done);
}

/// Gives the records of a shard to its consumer, until there are no more or nobody takes them.
async fn feed(
    mut cursor: Cursor,
    sender: mpsc::Sender<StreamRecord>,
    mut ending: watch::Receiver<bool>,
    poll_interval: Duration,
) {
    let mut was_at_end = false;
    loop {
        let records = cursor.read().await;
        let is_idle = records.is_empty();
        for record in records {
            if sender.send(record).await.is_err() {
                return;
            }
        }
        let is_ending = *ending.borrow();
        let is_at_end = is_ending && is_idle && cursor.is_at_tip().await;
        if is_at_end && was_at_end {
            return;
        }
        was_at_end = is_at_end;
        if is_ending && is_idle {
            tokio::time::sleep(ENDING_INTERVAL).await;
        } else if is_idle {
            // Whoever waits is woken when the end is near, and as well when the reader is gone.
            let _ = tokio::time::timeout(poll_interval, ending.wait_for(|is_ending| *is_ending)).await;
        }
    }
}
