//! One socket, from its opening to its end.
//!
//! A connection ends when the exchange closes it, when it breaks, when it is silent, or when its successor has taken over.
//! It announces that it needs a successor some time before the exchange ends it: after a day, or on the exchange's word.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::fleet::Event;
use crate::clock;
use crate::frame::Route;
use crate::seeing::Counts;
use crate::sequence::{Identifier, Nature};

/// The longest message that is read. All tickers of a market in one message have 1 MB.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Opening takes no longer: TCP, TLS and the request for the socket.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);

/// A ping of ours is written within this time, or the connection is stuck.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// How often a connection looks at its age and at the silence.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Unreadable frames make a connection's routes doubtful, but not more often than this.
const DOUBTS_APART: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection was not opened.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    /// Refused, or not understood.
    #[error("expected the exchange to open a socket")]
    Socket(#[source] Box<tungstenite::Error>),
    /// Too slow.
    #[error("expected the exchange to open a socket within {} s", OPEN_TIME_MAX.as_secs())]
    Late,
}

/// How a connection ended.
#[derive(Debug, Error)]
pub(super) enum End {
    /// The exchange closed it.
    #[error("the exchange closed it")]
    Closed,
    /// It broke, or said what no socket says.
    #[error("it broke")]
    Broken(#[source] Box<tungstenite::Error>),
    /// Nothing was heard, not even an answer to a ping.
    #[error("it was silent")]
    Silent,
    /// Its successor has taken over.
    #[error("its successor took over")]
    Retired,
    /// Nobody takes frames any more.
    #[error("nobody takes frames any more")]
    Unwanted,
}

/// What a connection needs to know.
pub(super) struct Terms {
    /// What it carries whose gaps can be filled.
    pub(super) sequenced: Arc<[Route]>,
    /// Tells frames apart.
    pub(super) identifier: Identifier,
    /// Silent for so long, it is given up.
    pub(super) silence: Duration,
    /// So old, it needs a successor.
    pub(super) age_max: Duration,
    /// Where frames go.
    pub(super) events: Sender<Event>,
    /// What is counted.
    pub(super) counts: Arc<Counts>,
}

/// An open connection. When this is dropped, so is the socket.
pub(super) struct Connection {
    task: JoinSet<(End, Heard)>,
    needs_successor: oneshot::Receiver<()>,
    retire_at: oneshot::Sender<Instant>,
}

/// Whether a connection brought a message at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

/// What becomes of a connection next.
pub(super) enum Turn {
    /// It ends soon.
    NeedsSuccessor,
    /// It has ended.
    Ended(End, Heard),
}

impl Connection {
    /// Opens a socket and reads it in a task of its own.
    ///
    /// # Errors
    /// When the exchange does not open it in time.
    pub(super) async fn open(url: &str, tls: &Arc<ClientConfig>, terms: Terms) -> Result<Self, OpenError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connector = Connector::Rustls(Arc::clone(tls));
        let opening = connect_async_tls_with_config(url, Some(config), true, Some(connector));
        let opened = timeout(OPEN_TIME_MAX, opening).await.map_err(|_| OpenError::Late)?;
        let (socket, _) = opened.map_err(|error| OpenError::Socket(Box::new(error)))?;
        let (announce, needs_successor) = oneshot::channel();
        let (retire_at, retiring) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(Reading::new(socket, terms, announce).run(retiring));
        Ok(Self { task, needs_successor, retire_at })
    }

    /// Waits until the connection needs a successor, or ends.
    pub(super) async fn turn(&mut self) -> Turn {
        tokio::select! {
            Ok(()) = &mut self.needs_successor => Turn::NeedsSuccessor,
            ended = self.task.join_next() => ended_turn(ended),
        }
    }

    /// Leaves an open connection to itself until a time; gives how it ended if it is open no longer.
    pub(super) fn retire(mut self, at: Instant) -> Option<End> {
        if let Some(Ok((end, _))) = self.task.try_join_next() {
            return Some(end);
        }
        // A connection that ended just now needs no word.
        let _ = self.retire_at.send(at);
        self.task.detach_all();
        None
    }
}

fn ended_turn(ended: Option<Result<(End, Heard), tokio::task::JoinError>>) -> Turn {
    match ended {
        Some(Ok((end, heard))) => Turn::Ended(end, heard),
        _ => Turn::Ended(End::Closed, Heard::Nothing),
    }
}

/// A socket that is read.
struct Reading {
    socket: Socket,
    terms: Terms,
    announce: Option<oneshot::Sender<()>>,
    opened_at: Instant,
    heard_at: Instant,
    has_heard: Heard,
    is_pinged: bool,
    /// Frames could not be read; when that was last told.
    is_doubtful: bool,
    doubted_at: Option<Instant>,
}

impl Reading {
    fn new(socket: Socket, terms: Terms, announce: oneshot::Sender<()>) -> Self {
        let now = Instant::now();
        Self {
            socket,
            terms,
            announce: Some(announce),
            opened_at: now,
            heard_at: now,
            has_heard: Heard::Nothing,
            is_pinged: false,
            is_doubtful: false,
            doubted_at: None,
        }
    }

    async fn run(mut self, mut retiring: oneshot::Receiver<Instant>) -> (End, Heard) {
        self.terms.counts.connections.add(1);
        let end = self.read(&mut retiring).await;
        self.terms.counts.connections.add(-1);
        if matches!(end, End::Retired | End::Unwanted) {
            // A word of farewell; whoever does not listen any more does not miss it.
            let _ = timeout(WRITE_TIME_MAX, self.socket.close(None)).await;
        }
        // What could not be read last was not told yet.
        if self.is_doubtful {
            let _ = self.tell_doubt().await;
        }
        (end, self.has_heard)
    }

    async fn read(&mut self, retiring: &mut oneshot::Receiver<Instant>) -> End {
        let mut look = interval(LOOK_INTERVAL.min(self.terms.silence / 4).max(Duration::from_millis(1)));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retire_at = None;
        loop {
            let step = tokio::select! {
                message = self.socket.next() => self.hear(message).await,
                _ = look.tick() => self.look(retire_at).await,
                at = &mut *retiring, if retire_at.is_none() => {
                    retire_at = at.ok();
                    // Whoever kept the connection has dropped it.
                    retire_at.map(|_| ()).ok_or(End::Unwanted)
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        let message = message.ok_or(End::Closed)?.map_err(broken)?;
        let heard = match message {
            // Copied out of the read buffer, of which a frame that waits would keep 128 KiB alive.
            Message::Text(text) => self.pass(Bytes::copy_from_slice(text.as_bytes())).await,
            Message::Binary(bytes) => self.pass(Bytes::copy_from_slice(&bytes)).await,
            // The pong is queued already; it goes out with the next read.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => Err(End::Closed),
        };
        // Read behind the handing on: a sink that made it wait is no silence of the exchange.
        (self.heard_at, self.has_heard, self.is_pinged) = (Instant::now(), Heard::Something, false);
        heard
    }

    /// Hands a frame on, whatever it says.
    async fn pass(&mut self, text: Bytes) -> Result<(), End> {
        let received = clock::now();
        let counts = &self.terms.counts;
        counts.frames_received.one();
        counts.bytes_received.add(text.len() as u64);
        counts.last_frame_us.set(received.micros());
        let arrival = self.terms.identifier.identify(text, received);
        match arrival.nature {
            Nature::Market => {}
            Nature::Control => counts.frames_control.one(),
            Nature::Shutdown => {
                counts.frames_control.one();
                self.announce();
            }
            Nature::Unreadable => {
                counts.frames_unknown.one();
                self.is_doubtful = true;
            }
        }
        self.terms.events.send(Event::Arrived(arrival)).await.map_err(|_| End::Unwanted)
    }

    fn announce(&mut self) {
        if let Some(announce) = self.announce.take() {
            // Nobody waits for it who has a successor already.
            let _ = announce.send(());
        }
    }

    /// Does what is due by now.
    async fn look(&mut self, retire_at: Option<Instant>) -> Result<(), End> {
        let now = Instant::now();
        if retire_at.is_some_and(|at| at <= now) {
            return Err(End::Retired);
        }
        if now.duration_since(self.opened_at) >= self.terms.age_max {
            self.announce();
        }
        if self.is_doubtful && self.doubted_at.is_none_or(|at| now.duration_since(at) >= DOUBTS_APART) {
            (self.is_doubtful, self.doubted_at) = (false, Some(now));
            self.tell_doubt().await?;
        }
        let silent = now.duration_since(self.heard_at);
        if silent >= self.terms.silence {
            return Err(End::Silent);
        }
        // Streams may be quiet: a ping asks whether somebody is there.
        if silent >= self.terms.silence / 2 && !self.is_pinged {
            self.is_pinged = true;
            let ping = self.socket.send(Message::Ping(Bytes::new()));
            timeout(WRITE_TIME_MAX, ping).await.map_err(|_| End::Silent)?.map_err(broken)?;
        }
        Ok(())
    }

    async fn tell_doubt(&self) -> Result<(), End> {
        let doubt = Event::Doubt(Arc::clone(&self.terms.sequenced));
        self.terms.events.send(doubt).await.map_err(|_| End::Unwanted)
    }
}

fn broken(error: tungstenite::Error) -> End {
    End::Broken(Box::new(error))
}
