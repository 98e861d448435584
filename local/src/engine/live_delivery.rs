//! One delivery stream under way live: a task of its own that takes records from a queue and lets buffers expire on the
//! clock of the system.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use tapeline_telemetry::chain;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::functions::Processor;
use super::status::DeliveryStatus;
use crate::firehose::{Delivery, DeliveryError, DestinationError, Settings};
use crate::stream::StreamRecord;

/// Batches that wait for the task: a producer that is faster is made to wait. A producer's has at most 4 MiB; a reader's
/// has at most 64 records, which are 64 MiB if each is as large as can be.
const BATCHES_MAX: usize = 4;
/// How long a producer waits for room before it is told to come again.
const ROOM_WAIT: Duration = Duration::from_secs(1);
/// Lines that a slow watcher may be behind before it misses some.
const WATCHED_MAX: usize = 1024;

/// The delivery stream cannot take records now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its queue is full: it may take them later.
    Full,
    /// It stopped.
    Stopped,
}

/// A delivery stream under way. Dropping it lets the task finish what it has.
pub(super) struct LiveDelivery {
    surroundings: Surroundings,
    commands: mpsc::Sender<Command>,
    status: Arc<Mutex<DeliveryStatus>>,
}

/// What a delivery stream works with, whatever its settings.
struct Surroundings {
    function: Processor,
    /// The folder of all buckets.
    buckets: PathBuf,
    delivered: broadcast::Sender<Bytes>,
}

impl Surroundings {
    /// A delivery stream that begins now.
    fn begin(&self, settings: Settings) -> Result<Delivery<Processor>, DestinationError> {
        let mut delivery = Delivery::new(settings, self.function.clone(), &self.buckets, Timestamp::now())?;
        delivery.watch(self.delivered.clone());
        Ok(delivery)
    }
}

enum Command {
    /// Takes records.
    Put(Vec<StreamRecord>),
    /// Looks what has become due.
    Look,
    /// Goes on with other settings.
    Replace(Box<Delivery<Processor>>),
    /// Delivers what is buffered, and ends.
    Finish(oneshot::Sender<()>),
}

impl LiveDelivery {
    /// Starts the task. `buckets` is the folder of all buckets.
    ///
    /// # Errors
    /// When nothing can be sent to the destination.
    pub(super) fn start(
        settings: Settings,
        function: Processor,
        buckets: PathBuf,
    ) -> Result<Self, DestinationError> {
        let (delivered, _) = broadcast::channel(WATCHED_MAX);
        let surroundings = Surroundings { function, buckets, delivered };
        let delivery = surroundings.begin(settings)?;
        let (commands, queue) = mpsc::channel(BATCHES_MAX);
        let status = Arc::default();
        let run = Run { delivery, past: DeliveryStatus::default(), told: Arc::clone(&status) };
        tokio::spawn(run.run(queue));
        Ok(Self { surroundings, commands, status })
    }

    /// What it has done so far.
    pub(super) fn status(&self) -> DeliveryStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it delivers from now on.
    pub(super) fn watch(&self) -> broadcast::Receiver<Bytes> {
        self.surroundings.delivered.subscribe()
    }

    /// Hands records over to the task.
    pub(super) async fn put(&self, records: Vec<StreamRecord>) -> Result<(), Refusal> {
        self.source().put(records).await
    }

    /// What a reader of its stream hands records to.
    pub(super) fn source(&self) -> Source {
        Source(self.commands.clone())
    }

    /// Goes on with other settings; what is buffered is delivered by the present ones.
    ///
    /// # Errors
    /// When nothing can be sent to the new destination.
    pub(super) async fn replace(&self, settings: Settings) -> Result<(), DestinationError> {
        let delivery = self.surroundings.begin(settings)?;
        // One that stopped tells so in its status.
        let _ = self.commands.send(Command::Replace(Box::new(delivery))).await;
        Ok(())
    }

    /// Delivers everything that is buffered, and ends the task.
    pub(super) async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.commands.send(Command::Finish(done)).await.is_ok() {
            // It fails when the task stopped by an error before, which its status tells.
            let _ = finished.await;
        }
    }
}

/// Hands records over to a delivery stream.
#[derive(Debug, Clone)]
pub(super) struct Source(mpsc::Sender<Command>);

impl Source {
    /// Hands records over; a producer that is faster than the task waits a little.
    pub(super) async fn put(&self, records: Vec<StreamRecord>) -> Result<(), Refusal> {
        match self.0.send_timeout(Command::Put(records), ROOM_WAIT).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Refusal::Full),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(Refusal::Stopped),
        }
    }

    /// Hands records over, however long it takes: a stream keeps them.
    pub(super) async fn deliver(&self, records: Vec<StreamRecord>) -> Result<(), Refusal> {
        self.0.send(Command::Put(records)).await.map_err(|_| Refusal::Stopped)
    }
}

/// A delivery stream with its present settings, and what it did with earlier ones.
struct Run {
    delivery: Delivery<Processor>,
    past: DeliveryStatus,
    told: Arc<Mutex<DeliveryStatus>>,
}

/// What the task does after a command.
enum Next {
    Go,
    End,
}

impl Run {
    /// Works until it is told to finish, or nobody can hand anything over any more.
    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let stopped = loop {
            let due = self.delivery.next_due();
            let command = tokio::select! {
                command = queue.recv() => command,
                () = self.delivery.answered() => Some(Command::Look),
                () = until(due) => Some(Command::Look),
            };
            let result = self.obey(command).await;
            self.tell(None);
            match result {
                Ok(Next::Go) => {}
                Ok(Next::End) => return,
                Err(error) => break error,
            }
        };
        self.tell(Some(chain(&stopped)));
    }

    async fn obey(&mut self, command: Option<Command>) -> Result<Next, DeliveryError> {
        self.delivery.settle().await?;
        self.delivery.advance(Timestamp::now()).await?;
        match command {
            Some(Command::Look) => Ok(Next::Go),
            Some(Command::Put(records)) => {
                for record in records {
                    self.delivery.put(record).await?;
                }
                Ok(Next::Go)
            }
            Some(Command::Replace(delivery)) => {
                self.delivery.finish().await?;
                self.past = self.status(None);
                self.delivery = *delivery;
                Ok(Next::Go)
            }
            Some(Command::Finish(done)) => {
                let finished = self.delivery.finish().await;
                self.tell(None);
                // Who asked may have gone.
                let _ = done.send(());
                finished.map(|()| Next::End)
            }
            None => self.delivery.finish().await.map(|()| Next::End),
        }
    }

    fn tell(&self, stopped: Option<String>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = self.status(stopped);
    }

    fn status(&self, stopped: Option<String>) -> DeliveryStatus {
        let (counts, written, past) = (self.delivery.counts(), self.delivery.written(), &self.past);
        DeliveryStatus {
            records: past.records + counts.records_in,
            buffered_bytes: self.delivery.buffered_bytes() as u64,
            invocations: past.invocations + counts.invocations,
            invocations_failed: past.invocations_failed + counts.invocations_failed,
            objects: past.objects + written.objects,
            records_failed: past.records_failed + counts.records.failed(),
            stopped,
        }
    }
}

/// Waits until a time of the system's clock; for ever without one.
async fn until(due: Option<Timestamp>) {
    let Some(due) = due else { return std::future::pending().await };
    // What is due already has waited no time.
    let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(wait).await;
}
