//! A test exchange: the sockets and the REST API of Binance on one loopback port, driven by the tape of a sample session.
//!
//! It stands in for the exchange where the feed is tested, measured and shown. What trades, and under which ids, follows
//! from the seed alone; so do the faults that are asked for, connection by connection. Whatever it does to the frames of a
//! socket, its history has every trade, as the exchange's has.

mod asked;
pub(crate) mod command;
mod counts;
mod door;
mod fault;
mod history;
mod hub;
mod ledger;
mod line;
mod play;
mod rest;
mod rows;
mod socket;
mod told;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use counts::Counts;
use fault::Faults;
use history::History;
use hub::Hub;

/// The exchange cannot be opened, or does not go on.
#[derive(Debug, Error)]
pub(crate) enum ExchangeError {
    /// The session is not one.
    #[error(transparent)]
    Session(#[from] crate::sample::SampleError),
    /// The port cannot be had.
    #[error(transparent)]
    Port(#[from] crate::endpoints::EndpointError),
    /// The file of trades cannot be written.
    #[error("cannot write the trades to {}", .path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nothing can be served.
    #[error("cannot serve the exchange")]
    Serve(#[source] io::Error),
    /// Where it is cannot be printed.
    #[error("cannot print")]
    Print(#[source] io::Error),
    /// Being asked to end cannot be waited for.
    #[error("cannot wait for Ctrl-C")]
    Signal(#[source] io::Error),
}

/// How the exchange treats its clients.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    /// Seed of the faults.
    pub(crate) seed: u64,
    /// What goes wrong, and how often.
    pub(crate) faults: Faults,
    /// Time between two pings on a connection.
    pub(crate) ping: Duration,
    /// Time in which a ping must be answered.
    pub(crate) pong: Duration,
    /// After this time a connection ends.
    pub(crate) life: Duration,
    /// Most attempts to connect within five minutes.
    pub(crate) attempts_max: usize,
    /// Most weight of requests within a minute of the session's time.
    pub(crate) weight_max: u32,
    /// How long that minute takes.
    pub(crate) minute: Duration,
}

/// What all connections and requests share.
#[derive(Debug)]
pub(crate) struct Floor {
    manners: Manners,
    hub: Hub,
    history: History,
    counts: Counts,
    /// The attempts to connect of the last minutes.
    attempts: Mutex<VecDeque<Instant>>,
    /// Whether the session was asked to end.
    is_ending: AtomicBool,
}

impl Floor {
    /// Nothing has happened yet.
    fn new(manners: Manners, history: History) -> Self {
        let (hub, counts) = (Hub::new(), Counts::default());
        Self { manners, hub, history, counts, attempts: Mutex::default(), is_ending: AtomicBool::new(false) }
    }

    /// Whether one more may connect.
    fn admits(&self) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while attempts.front().is_some_and(|at| now.duration_since(*at) >= asked::ATTEMPTS_WINDOW) {
            attempts.pop_front();
        }
        let is_admitted = attempts.len() < self.manners.attempts_max;
        if is_admitted {
            attempts.push_back(now);
        }
        is_admitted
    }

    /// The session's time, epoch milliseconds.
    fn time(&self) -> i64 {
        self.counts.time()
    }

    /// Counts what was written to a socket.
    fn count_sent(&self, bytes: usize) {
        Counts::add(&self.counts.sent);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.counts.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
