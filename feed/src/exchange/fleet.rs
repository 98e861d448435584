//! All sockets: opened, replaced, and opened again.
//!
//! Each connection has a keeper. Who needs a successor goes on until that has been open for a while, so that no frame falls
//! between the two; what both bring is dropped by its ids. With each connection that opens, the keeper makes its routes
//! doubtful: a trade may be missing without a later one that would show it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tapeline_market::Market;
use tapeline_telemetry::chain;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::connection::{Connection, End, Heard, OpenError, Terms, Turn};
use super::endpoint::Endpoint;
use super::pace::{Attempts, Pauses};
use super::plan::{Lot, Micros};
use crate::frame::Route;
use crate::seeing::Counts;
use crate::sequence::{Arrival, Identifier};

/// Both connections are read for so long when one succeeds the other: frames that were under way when the successor opened
/// still come over the one before.
const OVERLAP: Duration = Duration::from_secs(5);

/// The age at which a connection is replaced. The exchange ends it after 24 hours; the difference leaves room for the ration
/// of attempts, and for the hour in which not all are replaced at once.
const AGE_MAX: Duration = Duration::from_hours(22);
const AGE_SPREAD: Duration = Duration::from_hours(1);

/// What connections tell.
#[derive(Debug)]
pub(super) enum Event {
    /// A frame.
    Arrived(Arrival),
    /// Frames of these routes may have been lost.
    Doubt(Arc<[Route]>),
}

/// What all keepers share.
pub(super) struct Fleet {
    pub(super) endpoint: Endpoint,
    pub(super) market: Market,
    pub(super) in_micros: Micros,
    pub(super) silence: Duration,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) events: Sender<Event>,
    pub(super) counts: Arc<Counts>,
}

/// The ration of attempts, for all connections together.
struct Ration {
    attempts: Mutex<Attempts>,
    beginning: Instant,
}

/// Keeps one connection open.
struct Keeper {
    lot: Lot,
    url: String,
    fleet: Arc<Fleet>,
    ration: Arc<Ration>,
    pauses: Pauses,
}

impl Fleet {
    /// Keeps a connection for each lot open. Dropping what it gives closes all of them.
    pub(super) fn set_out(self, lots: Vec<Lot>) -> JoinSet<()> {
        let fleet = Arc::new(self);
        let ration = Arc::new(Ration { attempts: Mutex::new(Attempts::new()), beginning: Instant::now() });
        let mut keepers = JoinSet::new();
        for lot in lots {
            let url = lot.url(&fleet.endpoint, fleet.in_micros);
            let (fleet, ration) = (Arc::clone(&fleet), Arc::clone(&ration));
            keepers.spawn(Keeper { lot, url, fleet, ration, pauses: Pauses::default() }.keep());
        }
        keepers
    }
}

impl Ration {
    /// Waits until one more attempt is allowed.
    async fn admitted(&self) {
        loop {
            let admitted = {
                let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
                attempts.admit(self.beginning.elapsed())
            };
            match admitted {
                Ok(()) => return,
                Err(until) => sleep_until(self.beginning + until).await,
            }
        }
    }
}

impl Keeper {
    async fn keep(mut self) {
        let mut connection = self.open().await;
        while !self.fleet.events.is_closed() {
            // Whatever the connection before did not bring to its end may be missing.
            self.doubt().await;
            connection = match connection.turn().await {
                Turn::NeedsSuccessor => self.succeed(connection).await,
                Turn::Ended(end, heard) => self.replace(&end, heard).await,
            };
        }
    }

    /// Opens the successor of a connection that ends soon, and reads both for a while.
    async fn succeed(&mut self, before: Connection) -> Connection {
        let successor = self.open().await;
        if let Some(end) = before.retire(Instant::now() + OVERLAP) {
            warn!(
                streams = self.lot.len(),
                end = chain(&end),
                "a connection ended before its successor was open"
            );
        }
        successor
    }

    /// Opens a connection in place of one that was lost.
    async fn replace(&mut self, end: &End, heard: Heard) -> Connection {
        warn!(streams = self.lot.len(), end = chain(end), "lost a connection");
        if heard == Heard::Something {
            self.pauses.succeeded();
        }
        sleep(self.pauses.next(rand::random())).await;
        let connection = self.open().await;
        self.fleet.counts.reconnects.one();
        connection
    }

    /// Opens a connection, however often it takes.
    async fn open(&mut self) -> Connection {
        loop {
            self.ration.admitted().await;
            let terms = Terms {
                sequenced: Arc::clone(&self.lot.sequenced),
                identifier: Identifier::new(self.fleet.market),
                silence: self.fleet.silence,
                age_max: AGE_MAX + AGE_SPREAD.mul_f64(rand::random()),
                events: self.fleet.events.clone(),
                counts: Arc::clone(&self.fleet.counts),
            };
            match Connection::open(&self.url, &self.fleet.tls, terms).await {
                Ok(connection) => {
                    info!(streams = self.lot.len(), "opened a connection");
                    return connection;
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// Waits after an attempt that failed.
    async fn rest(&mut self, error: &OpenError) {
        warn!(streams = self.lot.len(), cause = chain(error), "could not open a connection");
        sleep(self.pauses.next(rand::random())).await;
    }

    async fn doubt(&self) {
        // Who takes no frames has no doubts either.
        let _ = self.fleet.events.send(Event::Doubt(Arc::clone(&self.lot.sequenced))).await;
    }
}
