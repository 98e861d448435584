//! `GET /healthz`: whether frames come in and records go out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tapeline_market::Timestamp;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Counts;
use crate::clock;

/// A stream that takes nothing for so long while records wait is more than a restart of a shard.
const PUT_MAX: Duration = Duration::from_mins(1);
/// How long a feed may take to answer its health check; containers' checks have 5 seconds by default.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// The first line of an answer is shorter.
const ANSWER_BYTES_MAX: u64 = 1024;

/// What the feed's health is told by.
#[derive(Debug, Clone)]
pub struct Health {
    counts: Arc<Counts>,
    silence: Duration,
    started: Timestamp,
}

impl Health {
    /// A feed that is to receive something at least every `silence`.
    pub const fn new(counts: Arc<Counts>, silence: Duration, started: Timestamp) -> Self {
        Self { counts, silence, started }
    }

    /// What is wrong; `None` for a healthy feed.
    fn complaint(&self, now: Timestamp) -> Option<&'static str> {
        let since = |micros: i64| {
            let since_us = now.micros() - micros.max(self.started.micros());
            Duration::from_micros(u64::try_from(since_us).unwrap_or_default())
        };
        // Twice: the silent connection is to be replaced first.
        if since(self.counts.last_frame_us.now()) > self.silence * 2 {
            return Some("silent: no frame came for too long\n");
        }
        let is_waiting = self.counts.records_waiting.now() > 0;
        if is_waiting && since(self.counts.last_put_us.now()) > PUT_MAX {
            return Some("stuck: the stream took no record for too long\n");
        }
        None
    }

    /// Answers, for ever.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, self.router()).await
    }

    fn router(self) -> Router {
        let answer = async move || match self.complaint(clock::now()) {
            None => (StatusCode::OK, "healthy\n"),
            Some(complaint) => (StatusCode::SERVICE_UNAVAILABLE, complaint),
        };
        Router::new().route("/healthz", get(answer))
    }
}

/// A feed is not healthy, or does not say so.
#[derive(Debug, Error)]
pub enum UnhealthyError {
    /// Nobody answers.
    #[error("expected a feed at {address}")]
    NoAnswer {
        /// Where it was asked.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It says so itself.
    #[error("expected a healthy feed, was {answer:?}")]
    Unhealthy {
        /// The first line of its answer.
        answer: String,
    },
}

/// Asks a feed how it is: an image without a shell has nothing else to do it with.
///
/// # Errors
/// When it is not healthy.
pub async fn check(address: SocketAddr) -> Result<(), UnhealthyError> {
    let asked = tokio::time::timeout(ANSWER_MAX, ask(address)).await;
    let answer = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|source| UnhealthyError::NoAnswer { address, source })?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(UnhealthyError::Unhealthy { answer }) }
}

/// The first line of the answer.
async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    /// A feed that started at 1000 s and may be silent for 30 s.
    fn check_at(seconds: i64, counted: impl FnOnce(&Counts), expected: Option<&str>) {
        let counts = Arc::new(Counts::default());
        counted(&counts);
        let health = Health::new(counts, Duration::from_secs(30), at(1000));
        assert_eq!(health.complaint(at(seconds)).map(|text| text.split(':').next().unwrap()), expected);
    }

    #[test]
    fn a_feed_is_silent_when_its_last_frame_is_old() {
        check_at(1060, |_| {}, None);
        check_at(1061, |_| {}, Some("silent"));
        check_at(1100, |counts| counts.last_frame_us.set(1_050_000_000), None);
    }

    #[test]
    fn a_feed_is_stuck_when_records_wait_and_none_is_taken() {
        let counted = |waiting| {
            move |counts: &Counts| {
                counts.last_frame_us.set(2_000_000_000);
                counts.last_put_us.set(1_939_000_000);
                counts.records_waiting.set(waiting);
            }
        };
        check_at(2000, counted(0), None);
        check_at(2000, counted(1), Some("stuck"));
        check_at(1999, counted(1), None);
    }

    #[tokio::test]
    async fn the_check_of_a_container_asks_the_running_feed() {
        let counts = Arc::new(Counts::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health::new(Arc::clone(&counts), Duration::from_secs(30), clock::now());
        tokio::spawn(health.serve(listener));
        check(address).await.unwrap();
        counts.records_waiting.set(1);
        let long_ago = Health::new(counts, Duration::from_secs(30), Timestamp::EPOCH);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(long_ago.serve(listener));
        let error = check(address).await.unwrap_err();
        assert_eq!(error.to_string(), "expected a healthy feed, was \"HTTP/1.1 503 Service Unavailable\"");
    }
}
