//! What the exchange has done: for tests, which ask whether enough went wrong, and for whoever watches.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::fault::Fault;

/// Where the session is.
const WAITING: u64 = 0;
const PLAYING: u64 = 1;
const OVER: u64 = 2;

/// Counters, written by all connections.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Frames of the session that were told, whoever listened.
    pub(crate) frames: AtomicU64,
    /// Frames that were written to sockets, repeats and garbage included.
    pub(crate) sent: AtomicU64,
    /// Bytes of them.
    pub(crate) sent_bytes: AtomicU64,
    /// Connections that were accepted.
    pub(crate) connections: AtomicU64,
    /// Those that are open.
    pub(crate) open: AtomicU64,
    /// Attempts to connect that were refused.
    pub(crate) refused: AtomicU64,
    /// Connections that were ended because their client read too slowly.
    pub(crate) too_slow: AtomicU64,
    /// Connections that were ended because a ping was not answered.
    pub(crate) unanswered: AtomicU64,
    /// Pongs that came.
    pub(crate) pongs: AtomicU64,
    /// Requests to the REST API.
    pub(crate) requests: AtomicU64,
    /// Rows of trades that were answered.
    pub(crate) rows: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
    stage: AtomicU64,
    /// The session's time, epoch milliseconds.
    time: AtomicI64,
}

impl Counts {
    /// Counts one more.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a fault that happened.
    pub(crate) fn struck(&self, fault: Fault) {
        if let Some(counter) = self.faults.get(fault.place()) {
            Self::add(counter);
        }
    }

    /// The session has begun.
    pub(crate) fn begin(&self) {
        self.stage.store(PLAYING, Ordering::Release);
    }

    /// The session is over, and all its trades are in the file.
    pub(crate) fn end(&self) {
        self.stage.store(OVER, Ordering::Release);
    }

    /// Moves the session's time on.
    pub(crate) fn set_time(&self, time: i64) {
        self.time.store(time, Ordering::Relaxed);
    }

    /// The session's time, epoch milliseconds.
    pub(crate) fn time(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    /// All of it as a document.
    pub(crate) fn document(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let session = match self.stage.load(Ordering::Acquire) {
            WAITING => "waiting",
            PLAYING => "playing",
            _ => "over",
        };
        let struck = Fault::ALL.iter().zip(&self.faults);
        let faults: Map<_, _> =
            struck.map(|(fault, count)| (fault.to_string(), Value::from(read(count)))).collect();
        json!({
            "session": session,
            "time": self.time(),
            "frames": read(&self.frames),
            "sent": read(&self.sent),
            "sent_bytes": read(&self.sent_bytes),
            "connections": read(&self.connections),
            "open": read(&self.open),
            "refused": read(&self.refused),
            "too_slow": read(&self.too_slow),
            "unanswered": read(&self.unanswered),
            "pongs": read(&self.pongs),
            "requests": read(&self.requests),
            "rows": read(&self.rows),
            "faults": faults,
        })
    }
}
