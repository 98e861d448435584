//! Who listens to which stream.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::line::Line;
use super::told::Told;

/// Lines by stream name.
type Listeners = HashMap<String, Vec<Arc<Line>>>;

/// The subscriptions of all connections.
#[derive(Debug)]
pub(crate) struct Hub {
    listeners: RwLock<Listeners>,
    /// Number of streams that somebody listens to.
    streams: watch::Sender<usize>,
    /// Whether faults happen now.
    is_faulty: AtomicBool,
}

impl Hub {
    /// Nobody listens.
    pub(crate) fn new() -> Self {
        Self {
            listeners: RwLock::default(),
            streams: watch::Sender::new(0),
            is_faulty: AtomicBool::new(false),
        }
    }

    /// Lets a line have the frames of streams.
    pub(crate) fn subscribe<'a>(&self, line: &Arc<Line>, streams: impl IntoIterator<Item = &'a String>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        for stream in streams {
            let lines = listeners.entry(stream.clone()).or_default();
            if !lines.iter().any(|known| Arc::ptr_eq(known, line)) {
                lines.push(Arc::clone(line));
            }
        }
        self.streams.send_replace(listeners.len());
    }

    /// Takes streams away from a line.
    pub(crate) fn unsubscribe<'a>(&self, line: &Arc<Line>, streams: impl IntoIterator<Item = &'a String>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        for stream in streams {
            if let Some(lines) = listeners.get_mut(stream) {
                lines.retain(|known| !Arc::ptr_eq(known, line));
            }
        }
        listeners.retain(|_, lines| !lines.is_empty());
        self.streams.send_replace(listeners.len());
    }

    /// Tells a frame to those who listen to its stream.
    pub(crate) fn tell(&self, frame: &Told) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for line in listeners.get(&*frame.stream).into_iter().flatten() {
            line.tell(frame);
        }
    }

    /// Waits until so many streams are listened to.
    pub(crate) async fn listened_to(&self, streams: usize) {
        // The sender is part of this: it is not gone.
        let _ = self.streams.subscribe().wait_for(|count| *count >= streams).await;
    }

    /// Begins or ends the time of faults.
    pub(crate) fn set_faulty(&self, is_faulty: bool) {
        self.is_faulty.store(is_faulty, Ordering::Relaxed);
    }

    /// Whether faults happen now.
    pub(crate) fn is_faulty(&self) -> bool {
        self.is_faulty.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    fn told(stream: &str) -> Told {
        Told { stream: stream.into(), combined: Bytes::new(), raw: Bytes::new() }
    }

    #[test]
    fn a_stream_goes_to_those_who_listen_to_it() {
        let hub = Hub::new();
        let (line, mut frames) = Line::new();
        let (line, streams) = (Arc::new(line), ["a@trade".to_owned(), "b@trade".to_owned()]);
        hub.subscribe(&line, &streams);
        hub.tell(&told("a@trade"));
        hub.tell(&told("c@trade"));
        assert_eq!(&*frames.try_recv().unwrap().stream, "a@trade");
        assert!(frames.try_recv().is_err());
        hub.unsubscribe(&line, &streams[..1]);
        hub.tell(&told("a@trade"));
        hub.tell(&told("b@trade"));
        assert_eq!(&*frames.try_recv().unwrap().stream, "b@trade");
    }

    #[tokio::test]
    async fn the_session_waits_for_its_listeners() {
        let hub = Hub::new();
        let (line, _frames) = Line::new();
        hub.subscribe(&Arc::new(line), &["a@trade".to_owned(), "b@trade".to_owned()]);
        hub.listened_to(2).await;
    }
}
