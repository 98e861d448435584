//! What leads from the session to one connection: a queue that never makes the session wait.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::told::Told;

/// Frames that wait for one connection. Whoever is so far behind is cut off, as the exchange does: here after a second of
/// fifteen thousand frames.
const WAITING_MAX: usize = 16_384;

/// The session's end of a queue.
#[derive(Debug)]
pub(crate) struct Line {
    queue: Sender<Told>,
    is_cut: AtomicBool,
}

impl Line {
    /// A queue.
    pub(crate) fn new() -> (Self, Receiver<Told>) {
        let (queue, frames) = mpsc::channel(WAITING_MAX);
        (Self { queue, is_cut: AtomicBool::new(false) }, frames)
    }

    /// Hands a frame on, unless the connection is cut off.
    pub(crate) fn tell(&self, frame: &Told) {
        if !self.is_cut() && self.queue.try_send(frame.clone()).is_err() {
            self.is_cut.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a frame did not fit. From then on there are none.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }
}
