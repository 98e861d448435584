//! One socket: what it subscribed to goes out, with the faults that were asked for.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Floor;
use super::asked::{self, Asked, Request, STREAMS_MAX};
use super::counts::Counts;
use super::fault::Fault;
use super::line::Line;
use super::told::{Told, in_microseconds};
use crate::sample::dice::Dice;

/// Frames that are written before others have a turn.
const TURN_FRAMES: usize = 256;
/// Frames that are held back at most, to come later.
const HELD_MAX: usize = 64;
/// How many frames later a frame comes at most.
const LATER_MAX: i64 = 30;
/// How long a connection stands still at most, in milliseconds.
const DELAY_MS_MAX: i64 = 300;
/// How long after its announcement a connection ends. The exchange gives ten minutes; a session may be played fast.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// How long a client may take what was written to it. Behind that it is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// Pings that come at once.
const PINGS: usize = 3;

/// Texts that are no frames of the exchange: of something in front of it, cut, over two lines, empty, of wrong types.
const GARBAGE: [&str; 5] = [
    "<html><body>502 Bad Gateway</body></html>",
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","#,
    "no frame\nand over two lines",
    "",
    r#"{"e":"trade","E":"yesterday","s":7,"t":"abc"}"#,
];
/// A text frame of four bytes that are not UTF-8, as it is on the wire.
const NOT_UTF8: [u8; 6] = [0x81, 0x04, 0xff, 0xfe, 0xfd, 0xfc];
/// Bytes where a text should be.
const BINARY: &[u8] = &[0x00, 0x9f, 0x92, 0x96];

/// The connection has ended, whoever ended it.
struct Gone;

impl From<Error> for Gone {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Serves a socket until one side ends it.
pub(super) async fn serve(connection: TcpStream, floor: Arc<Floor>) {
    let Ok((web, asked)) = asked::shake_hands(connection, &floor).await else { return };
    let place = floor.counts.connections.fetch_add(1, Ordering::Relaxed);
    floor.counts.open.fetch_add(1, Ordering::Relaxed);
    let (line, frames) = Line::new();
    let mut socket = Socket {
        line: Arc::new(line),
        dice: Dice::new(floor.manners.seed, &format!("connection {place}")),
        end: Instant::now() + floor.manners.life,
        held: VecDeque::new(),
        pinged: None,
        web,
        asked,
        floor,
    };
    socket.floor.hub.subscribe(&socket.line, &socket.asked.streams);
    let Err(Gone) = socket.run(frames).await;
    socket.floor.hub.unsubscribe(&socket.line, &socket.asked.streams);
    socket.floor.counts.open.fetch_sub(1, Ordering::Relaxed);
}

/// A connection and what is known of it.
struct Socket {
    web: WebSocketStream<TcpStream>,
    asked: Asked,
    floor: Arc<Floor>,
    line: Arc<Line>,
    dice: Dice,
    /// When the connection ends.
    end: Instant,
    /// Frames that come later, each with the number of frames that come before it.
    held: VecDeque<(i64, Message)>,
    /// When a ping was sent that is not answered yet.
    pinged: Option<Instant>,
}

impl Socket {
    async fn run(&mut self, mut frames: Receiver<Told>) -> Result<std::convert::Infallible, Gone> {
        let mut pings = self.pings();
        loop {
            tokio::select! {
                frame = frames.recv() => self.tell_all(frame.ok_or(Gone)?, &mut frames).await?,
                message = self.web.next() => self.hear(message.ok_or(Gone)??).await?,
                _ = pings.tick() => self.ping().await?,
                () = tokio::time::sleep_until(self.end) => return Err(self.close(CloseCode::Away).await),
            }
            if self.line.is_cut() {
                Counts::add(&self.floor.counts.too_slow);
                return Err(self.close(CloseCode::Policy).await);
            }
        }
    }

    fn pings(&self) -> Interval {
        let every = self.floor.manners.ping;
        let mut pings = tokio::time::interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings
    }

    /// Writes what is there, up to a turn.
    async fn tell_all(&mut self, first: Told, frames: &mut Receiver<Told>) -> Result<(), Gone> {
        self.tell(&first).await?;
        for _ in 1..TURN_FRAMES {
            match frames.try_recv() {
                Ok(frame) => self.tell(&frame).await?,
                Err(_) => break,
            }
        }
        self.flush().await
    }

    /// Writes a frame, or what becomes of it.
    async fn tell(&mut self, frame: &Told) -> Result<(), Gone> {
        let message = self.message(frame);
        match self.fault() {
            None => self.write(message).await?,
            Some(fault) => self.suffer(fault, message).await?,
        }
        self.tell_held().await
    }

    fn message(&self, frame: &Told) -> Message {
        let text = if self.asked.is_raw { &frame.raw } else { &frame.combined };
        if self.asked.is_micros {
            return Message::text(in_microseconds(&String::from_utf8_lossy(text)));
        }
        // Frames are made of texts.
        Utf8Bytes::try_from(text.clone()).map_or(Message::Binary(Bytes::new()), Message::Text)
    }

    fn fault(&mut self) -> Option<Fault> {
        if !self.floor.hub.is_faulty() {
            return None;
        }
        let fault = self.floor.manners.faults.of_frame(&mut self.dice)?;
        self.floor.counts.struck(fault);
        Some(fault)
    }

    /// Lets a fault befall a frame.
    async fn suffer(&mut self, fault: Fault, message: Message) -> Result<(), Gone> {
        match fault {
            Fault::Disconnect if self.dice.chance(500) => return Err(self.close(CloseCode::Restart).await),
            Fault::Disconnect => return Err(self.flush().await.err().unwrap_or(Gone)),
            Fault::HalfFrame => return Err(self.write_half(&message).await),
            Fault::Lose => return Ok(()),
            Fault::Silence => return Err(self.say_nothing().await),
            Fault::Reorder => {
                self.hold(message);
                return Ok(());
            }
            Fault::Duplicate => self.hold(message.clone()),
            Fault::Delay => self.stand_still().await?,
            Fault::Garbage => self.write_garbage().await?,
            Fault::Control => self.write_control().await?,
            Fault::Shutdown => self.announce_end().await?,
            Fault::Ping => self.write_pings().await?,
            // These befall requests.
            Fault::Throttle | Fault::Ban | Fault::ServerError | Fault::Slow => {}
        }
        self.write(message).await
    }

    fn hold(&mut self, message: Message) {
        if self.held.len() < HELD_MAX {
            let later = self.dice.draw(0..=LATER_MAX);
            self.held.push_back((later, message));
        }
    }

    /// Writes the held frames whose turn has come.
    async fn tell_held(&mut self) -> Result<(), Gone> {
        for _ in 0..self.held.len() {
            match self.held.pop_front() {
                Some((0, message)) => self.write(message).await?,
                Some((later, message)) => self.held.push_back((later - 1, message)),
                None => {}
            }
        }
        Ok(())
    }

    async fn stand_still(&mut self) -> Result<(), Gone> {
        self.flush().await?;
        let ms = u64::try_from(self.dice.draw(1..=DELAY_MS_MAX)).unwrap_or(1);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(())
    }

    /// Keeps the connection open until the client ends it, without a word: a pong would be one.
    async fn say_nothing(&mut self) -> Gone {
        let mut unheard = [0; 512];
        let connection = self.web.get_mut();
        while matches!(connection.read(&mut unheard).await, Ok(1..)) {}
        Gone
    }

    async fn write_half(&mut self, message: &Message) -> Gone {
        if self.flush().await.is_err() {
            return Gone;
        }
        let payload = message.clone().into_data();
        // Final text frame, its length in the next two bytes: RFC 6455, section 5.2.
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        let half = payload.slice(..payload.len() / 2);
        let wire = [&[0x81, 0x7e], &length[..], &half].concat();
        // It ends in any case.
        let _ = self.web.get_mut().write_all(&wire).await;
        Gone
    }

    async fn write_garbage(&mut self) -> Result<(), Gone> {
        let place = self.dice.place(GARBAGE.len() + 2);
        if let Some(text) = GARBAGE.get(place) {
            return self.write(Message::text(*text)).await;
        }
        if place == GARBAGE.len() {
            return self.write(Message::Binary(Bytes::from_static(BINARY))).await;
        }
        self.flush().await?;
        Ok(self.web.get_mut().write_all(&NOT_UTF8).await?)
    }

    async fn write_control(&mut self) -> Result<(), Gone> {
        let reply = if self.dice.chance(500) {
            json!({"result": null, "id": self.dice.draw(1..=9)})
        } else {
            json!({"code": 2, "msg": "Invalid request: property name must be a string"})
        };
        self.write(Message::text(reply.to_string())).await
    }

    /// Announces the end of the connection, as the exchange does before it is maintained.
    async fn announce_end(&mut self) -> Result<(), Gone> {
        let event = json!({"e": "serverShutdown", "E": self.floor.time()});
        let text =
            if self.asked.is_raw { event } else { json!({"stream": "!serverShutdown", "data": event}) };
        self.end = self.end.min(Instant::now() + SHUTDOWN_GRACE);
        self.write(Message::text(text.to_string())).await
    }

    async fn write_pings(&mut self) -> Result<(), Gone> {
        for _ in 0..PINGS {
            self.write_ping().await?;
        }
        Ok(())
    }

    async fn write_ping(&mut self) -> Result<(), Gone> {
        let payload = self.floor.time().to_string();
        self.pinged.get_or_insert_with(Instant::now);
        Ok(self.web.feed(Message::Ping(payload.into())).await?)
    }

    /// Pings; a client that did not answer the ping before is gone.
    async fn ping(&mut self) -> Result<(), Gone> {
        if self.pinged.is_some_and(|at| at.elapsed() > self.floor.manners.pong) {
            Counts::add(&self.floor.counts.unanswered);
            return Err(self.close(CloseCode::Policy).await);
        }
        self.write_ping().await?;
        self.flush().await
    }

    /// Takes what the client says.
    async fn hear(&mut self, message: Message) -> Result<(), Gone> {
        match message {
            Message::Text(text) => {
                let reply = self.obey(asked::request(&text));
                self.web.send(Message::text(reply.to_string())).await?;
            }
            Message::Pong(_) => {
                self.pinged = None;
                Counts::add(&self.floor.counts.pongs);
            }
            Message::Close(_) => return Err(Gone),
            // Pings are answered where they are read.
            Message::Ping(_) => self.flush().await?,
            Message::Binary(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    /// Subscribes or unsubscribes; what is answered.
    fn obey(&mut self, request: Result<Request, Value>) -> Value {
        match request {
            Ok(Request::Subscribe { streams, id })
                if self.asked.streams.len() + streams.len() <= STREAMS_MAX =>
            {
                self.floor.hub.subscribe(&self.line, &streams);
                self.asked.streams.extend(streams);
                json!({"result": null, "id": id})
            }
            Ok(Request::Subscribe { .. }) => json!({"code": 4, "msg": "Too many subscriptions"}),
            Ok(Request::Unsubscribe { streams, id }) => {
                self.floor.hub.unsubscribe(&self.line, &streams);
                self.asked.streams.retain(|stream| !streams.contains(stream));
                json!({"result": null, "id": id})
            }
            Err(refusal) => refusal,
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Gone> {
        self.floor.count_sent(message.len());
        let written = tokio::time::timeout(WRITE_PATIENCE, self.web.feed(message)).await;
        Ok(written.map_err(|_| Gone)??)
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        let flushed = tokio::time::timeout(WRITE_PATIENCE, self.web.flush()).await;
        Ok(flushed.map_err(|_| Gone)??)
    }

    /// Ends the connection in order.
    async fn close(&mut self, code: CloseCode) -> Gone {
        // It ends in any case.
        let closing = self.web.close(Some(CloseFrame { code, reason: Utf8Bytes::default() }));
        let _ = tokio::time::timeout(WRITE_PATIENCE, closing).await;
        Gone
    }
}
