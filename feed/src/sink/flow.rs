//! Drives the sink: frames are packed, records are put, and what the stream does not take goes by way of the disk.
//!
//! Memory keeps up to `QUEUE_BYTES_MAX` of records. When it is full, everything that waits is written to the spool, in
//! its order, and what comes later goes behind it; from then on memory is filled from the spool until that is empty. So at
//! any moment either nothing waits on the disk, or nothing that is older waits in memory alone: after a kill the disk has
//! what comes first, and the exchange is asked for what comes behind the checkpoint. A full spool lets frames wait where they
//! come from.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tapeline_telemetry::chain;
use thiserror::Error;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{info, warn};

use super::ledger::Ledger;
use super::packing::Packer;
use super::producer::{Answer, Call, Producer, Queued, Settled};
use super::spool::{Opened, Spool, SpoolError};
use super::{Record, Stream};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::clock;
use crate::frame::{Frame, Mark};
use crate::record::Recorder;
use crate::seeing::{BILLED_BYTES, Counts};

/// The most bytes of records in memory.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most records in memory: each takes some hundred bytes besides its own.
const QUEUE_RECORDS_MAX: usize = 32_000;
/// Frames that are taken at a time.
const FRAMES_AT_ONCE: usize = 256;
/// How often the disk is asked to make safe what it has, and the checkpoint is written. What a kill takes with it is read
/// from the exchange again.
const SAFE_EVERY: Duration = Duration::from_millis(500);
/// How often a stream that takes nothing is told of.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// The sink cannot go on.
#[derive(Debug, Error)]
pub enum FlowError {
    /// The spool is of no use any more.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// What the disk has is not safe: nobody knows what a later attempt would mean.
    #[error("expected the disk to keep the spool")]
    Sync(#[source] io::Error),
    /// The checkpoint of the end was not written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A part of the sink panicked.
    #[error("expected a task to end")]
    Task(#[from] tokio::task::JoinError),
}

/// What the sink works with.
#[derive(Debug)]
pub struct Parts<S> {
    /// The stream.
    pub stream: S,
    /// Packs frames.
    pub packer: Packer,
    /// The disk.
    pub spool: Opened,
    /// Where the marks are kept.
    pub checkpoint: Checkpoint,
    /// The marks of the last run.
    pub marks: Vec<Mark>,
    /// Writes frames to files too.
    pub recorder: Option<Recorder>,
    /// What is counted.
    pub counts: Arc<Counts>,
}

/// The sink at work.
#[derive(Debug)]
pub struct Flow<S> {
    stream: Arc<S>,
    packer: Packer,
    producer: Producer,
    spool: Spool,
    ledger: Ledger,
    checkpoint: Checkpoint,
    recorder: Option<Recorder>,
    counts: Arc<Counts>,
    /// The number of the next record.
    next_number: u64,
    /// Records that neither memory nor disk takes; while there are any, no frame is taken.
    stalled: VecDeque<(u64, Record)>,
    tasks: JoinSet<Done>,
    is_syncing: bool,
    is_saving: bool,
    warned: Option<Instant>,
}

/// What a task has done.
enum Done {
    Put { call: Call, answer: Answer, took: Duration },
    Synced(Result<Vec<(u64, Vec<Mark>)>, io::Error>),
    Saved(Result<(), CheckpointError>),
}

impl<S: Stream> Flow<S> {
    /// Joins the parts.
    pub fn new(parts: Parts<S>) -> Self {
        let Parts { stream, packer, spool, checkpoint, marks, recorder, counts } = parts;
        Self {
            stream: Arc::new(stream),
            packer,
            producer: Producer::default(),
            spool: spool.spool,
            ledger: Ledger::resume(&marks),
            checkpoint,
            recorder,
            counts,
            next_number: spool.next_number,
            stalled: VecDeque::new(),
            tasks: JoinSet::new(),
            is_syncing: false,
            is_saving: false,
            warned: None,
        }
    }

    /// Takes frames until `ending`, or until none can come any more; then puts what is left, for as long as `deadline`
    /// allows. What the stream has not taken by then is on the disk.
    ///
    /// # Errors
    /// When the disk fails; what the checkpoint then says still holds.
    pub async fn run(
        mut self,
        mut frames: Receiver<Frame>,
        ending: impl Future<Output = ()>,
        deadline: Duration,
    ) -> Result<(), FlowError> {
        let (mut taken, mut until) = (Vec::with_capacity(FRAMES_AT_ONCE), None);
        let mut safe = interval(SAFE_EVERY);
        safe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(ending);
        loop {
            let now = instant();
            let is_over = frames.is_closed() && frames.is_empty();
            if is_over {
                until.get_or_insert(now + deadline);
                self.close_all();
            }
            self.advance(now)?;
            if until.is_some_and(|until| now >= until || (is_over && self.is_done())) {
                return self.finish().await;
            }
            let wake = [self.packer.due_at(), self.producer.wake_at(), until].into_iter().flatten().min();
            tokio::select! {
                _ = frames.recv_many(&mut taken, FRAMES_AT_ONCE), if self.stalled.is_empty() && !is_over => {
                    self.mark_beginnings(&taken).await?;
                    self.take(&mut taken);
                }
                Some(done) = self.tasks.join_next() => self.note(done?)?,
                () = sleep_until(wake.unwrap_or(now).into()), if wake.is_some() => {}
                _ = safe.tick() => self.make_safe(),
                () = &mut ending, if until.is_none() => {
                    frames.close();
                    until = Some(instant() + deadline);
                }
            }
        }
    }

    /// Marks routes of which nothing was put yet, before anything is: a kill before the next checkpoint would leave a gap
    /// behind what was put that nobody hears of.
    async fn mark_beginnings(&mut self, frames: &[Frame]) -> Result<(), FlowError> {
        let mut has_new = false;
        for frame in frames {
            has_new |= self.ledger.open(frame);
        }
        if !has_new {
            return Ok(());
        }
        // Two at once would write the same file.
        while self.is_saving
            && let Some(done) = self.tasks.join_next().await
        {
            self.note(done?)?;
        }
        if let Some(marks) = self.ledger.news() {
            let checkpoint = self.checkpoint.clone();
            let saved = tokio::task::spawn_blocking(move || checkpoint.save(&marks)).await?;
            self.note(Done::Saved(saved))?;
        }
        Ok(())
    }

    /// Packs frames.
    fn take(&mut self, frames: &mut Vec<Frame>) {
        let (now, mut closed) = (instant(), Vec::new());
        for frame in frames.drain(..) {
            self.counts.frames(frame.route.kind).one();
            if let Some(recorder) = &self.recorder {
                recorder.take(&frame.text, &self.counts);
            }
            if let Err(error) = self.packer.add(frame, now, &mut closed) {
                self.counts.frames_too_large.one();
                warn!(error = error.to_string(), "frame left out");
            }
        }
        self.stow_all(closed);
    }

    /// Closes the records that take more.
    fn close_all(&mut self) {
        let mut closed = Vec::new();
        self.packer.flush(&mut closed);
        self.stow_all(closed);
    }

    /// Does what can be done now.
    fn advance(&mut self, now: Instant) -> Result<(), FlowError> {
        let mut closed = Vec::new();
        let producer = &self.producer;
        self.packer.close_due(now, |key| producer.is_busy(key), &mut closed);
        self.stow_all(closed);
        while let Some((number, record)) = self.stalled.pop_front() {
            if let Err(record) = self.place(number, record) {
                self.stalled.push_front((number, record));
                break;
            }
        }
        while self.has_memory(0)
            && let Some(spooled) = self.spool.next_record()?
        {
            let queued = Queued { number: spooled.number, is_spooled: true, record: spooled.record };
            self.producer.push(queued, now);
        }
        while let Some(call) = self.producer.next_call(now) {
            self.put(call);
        }
        Ok(())
    }

    fn stow_all(&mut self, records: Vec<Record>) {
        for record in records {
            let number = self.next_number;
            self.next_number += 1;
            self.ledger.begin(number, &record.marks);
            let record = if self.stalled.is_empty() { self.place(number, record) } else { Err(record) };
            if let Err(record) = record {
                if self.stalled.is_empty() {
                    self.counts.spool_full.one();
                    self.warn("frames wait: neither memory nor spool has room", None);
                }
                self.stalled.push_back((number, record));
            }
        }
    }

    /// Places a record in memory or on the disk; hands it back when neither has room.
    fn place(&mut self, number: u64, record: Record) -> Result<(), Record> {
        if self.spool.is_read() && self.has_memory(record.bytes()) {
            self.producer.push(Queued { number, is_spooled: false, record }, instant());
            return Ok(());
        }
        if (self.spool.is_read() && !self.spool_memory()) || !self.spool.has_room(&record) {
            return Err(record);
        }
        match self.spool.append(number, &record) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.warn("the spool does not grow", Some(&error));
                Err(record)
            }
        }
    }

    fn has_memory(&self, bytes: usize) -> bool {
        self.producer.bytes() + bytes <= QUEUE_BYTES_MAX && self.producer.records() < QUEUE_RECORDS_MAX
    }

    /// Writes what waits in memory to the spool, oldest first; false if not all of it fits.
    fn spool_memory(&mut self) -> bool {
        let mut alone: Vec<_> = self.producer.queued_mut().filter(|queued| !queued.is_spooled).collect();
        alone.sort_unstable_by_key(|queued| queued.number);
        for queued in alone {
            if !self.spool.has_room(&queued.record) {
                return false;
            }
            if let Err(error) = self.spool.append_read(queued.number, &queued.record) {
                self.warn("the spool does not grow", Some(&error));
                return false;
            }
            queued.is_spooled = true;
        }
        true
    }

    fn put(&mut self, mut call: Call) {
        let (stream, entries) = (Arc::clone(&self.stream), std::mem::take(&mut call.entries));
        self.tasks.spawn(async move {
            let start = Instant::now();
            let answer = stream.put(entries).await;
            Done::Put { call, answer, took: start.elapsed() }
        });
    }

    fn note(&mut self, done: Done) -> Result<(), FlowError> {
        match done {
            Done::Put { call, answer, took } => return self.settle(call, answer, took),
            Done::Synced(records) => {
                self.is_syncing = false;
                for (number, marks) in records.map_err(FlowError::Sync)? {
                    self.ledger.settle(number, &marks);
                }
            }
            Done::Saved(result) => {
                self.is_saving = false;
                if let Err(error) = result {
                    self.ledger.repeat();
                    self.warn("the checkpoint stays behind", Some(&error));
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, call: Call, answer: Answer, took: Duration) -> Result<(), FlowError> {
        self.counts.calls.one();
        self.counts.call_us.add(micros(took));
        if let Err(error) = &answer {
            self.counts.calls_failed.one();
            self.warn("call failed; its records go again", Some(error));
        }
        let has_answer = answer.is_ok();
        let jitter = rand::random();
        let Settled { taken, refused, refusal } = self.producer.settle(call, answer, (instant(), jitter));
        self.counts.records_retried.add(refused as u64);
        match refusal {
            Some(refusal) => self.warn("records refused; they go again", Some(&refusal)),
            None if has_answer && refused == 0 => self.tell_recovered(),
            None => {}
        }
        for queued in taken {
            self.count(&queued.record);
            self.ledger.settle(queued.number, &queued.record.marks);
            if queued.is_spooled {
                self.spool.release(queued.number)?;
            }
        }
        Ok(())
    }

    /// Says once that what was warned of is over.
    fn tell_recovered(&mut self) {
        if self.warned.take().is_some() {
            info!("the stream takes records again");
        }
    }

    fn count(&self, taken: &Record) {
        let bytes = taken.bytes() as u64;
        self.counts.records_put.one();
        self.counts.frames_put.add(taken.frames.into());
        self.counts.bytes_put.add(bytes);
        self.counts.bytes_billed.add(bytes.next_multiple_of(BILLED_BYTES));
        self.counts.last_put_us.set(clock::now().micros());
    }

    /// Has the disk make safe what it has, writes the checkpoint, and shows how full everything is.
    fn make_safe(&mut self) {
        self.show();
        if !self.is_syncing
            && let Some(sync) = self.spool.sync()
        {
            self.is_syncing = true;
            self.tasks.spawn_blocking(move || Done::Synced(sync.run()));
        }
        if !self.is_saving
            && let Some(marks) = self.ledger.news()
        {
            self.is_saving = true;
            let checkpoint = self.checkpoint.clone();
            self.tasks.spawn_blocking(move || Done::Saved(checkpoint.save(&marks)));
        }
    }

    fn show(&self) {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.counts.records_waiting.set(signed(self.producer.records() as u64));
        self.counts.spool_bytes.set(signed(self.spool.bytes()));
        let lag = self.producer.oldest().map_or(0, |oldest| clock::now().micros() - oldest.micros());
        self.counts.lag_us.set(lag);
    }

    /// Whether the stream has taken everything.
    fn is_done(&self) -> bool {
        self.producer.records() == 0 && self.spool.is_read() && self.stalled.is_empty()
    }

    /// Leaves what the stream has not taken on the disk, and the last checkpoint.
    async fn finish(mut self) -> Result<(), FlowError> {
        self.close_all();
        while self.is_syncing || self.is_saving {
            let Some(done) = self.tasks.join_next().await else { break };
            self.note(done?)?;
        }
        let is_whole = self.spool_memory() && self.stalled.is_empty();
        self.show();
        let (sync, checkpoint, recorder) = (self.spool.sync(), self.checkpoint.clone(), self.recorder.take());
        let mut ledger = std::mem::take(&mut self.ledger);
        let last = move || {
            for (number, marks) in
                sync.map_or_else(|| Ok(Vec::new()), |sync| sync.run().map_err(FlowError::Sync))?
            {
                ledger.settle(number, &marks);
            }
            if let Some(marks) = ledger.news() {
                checkpoint.save(&marks)?;
            }
            drop(recorder);
            Ok::<_, FlowError>(())
        };
        tokio::task::spawn_blocking(last).await??;
        info!(
            frames = self.counts.frames_put.now(),
            spool_bytes = self.spool.bytes(),
            is_whole,
            "ended; what the spool holds is put by the next start"
        );
        Ok(())
    }

    /// Warns, but not again and again.
    fn warn(&mut self, what: &'static str, error: Option<&dyn std::error::Error>) {
        let now = instant();
        if self.warned.is_none_or(|warned| now >= warned + WARN_EVERY) {
            self.warned = Some(now);
            warn!(
                error = error.map(chain),
                waiting = self.producer.records(),
                spool_bytes = self.spool.bytes(),
                "{what}"
            );
        }
    }
}

/// The runtime's clock, which tests may move.
fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
