//! `tapeline exchange`: the test exchange until Ctrl-C.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::door::Door;
use super::fault::{Chance, Faults};
use super::history::History;
use super::ledger::Ledger;
use super::play::{Pace, Play};
use super::{ExchangeError, Floor, Manners, rest};
use crate::endpoints::Port;
use crate::sample::{MINUTES_MAX, PACE_MAX, START_MS, SampleOptions, Session};

/// Where the exchange listens unless it is told otherwise: beside `tapeline up`.
const PORT: u16 = 4581;
/// Rows of each symbol's history: what a busy symbol trades in a day at the pace of a sample session.
const HISTORY_ROWS: usize = 100_000;
/// A session is played at most so many times as fast: its day then takes less than a second.
const SPEED_MAX: f64 = 100_000.0;
const MINUTE_MS: i64 = 60_000;

/// Serves a made-up exchange on this machine: Binance's sockets and REST API, driven by a sample session.
///
/// Equal seeds make equal trades, and equal faults of the first, second ... connection. Sockets answer under /stream and
/// /ws, requests under /api/v3, /fapi/v1 and /dapi/v1: exchangeInfo, aggTrades, trades, historicalTrades, time. What it has done is
/// told under /_exchange/status; POST /_exchange/end has the session end. Behind its end the exchange stays and is silent.
///
/// Faults of frames: disconnect, half-frame, silence, shutdown, lose, delay, duplicate, reorder, garbage, control, ping.
/// Faults of requests: throttle (429), ban (418), server-error (5xx), slow.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExchangeArgs {
    /// Port of sockets and requests, on loopback; 0 has the system choose.
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,
    /// Seed of trades and faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Symbols, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "BTCUSDT,ETHUSDT,SOLUSDT,DOGEUSDT")]
    symbols: Vec<String>,
    /// Length of the session in minutes of its own time.
    #[arg(long, default_value_t = MINUTES_MAX, value_parser = clap::value_parser!(u32).range(1..=i64::from(MINUTES_MAX)))]
    minutes: u32,
    /// How many times as busy as usual takers are.
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PACE_MAX)))]
    pace: u32,
    /// How many times as fast as its own time the session is played.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Plays so many frames a second instead, whatever their times.
    #[arg(long, value_name = "COUNT", conflicts_with = "speed", value_parser = clap::value_parser!(u32).range(1..))]
    frames_per_second: Option<u32>,
    /// Begins when so many streams are listened to.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    await_streams: usize,
    /// Something that goes wrong in one of N frames or requests; can be given several times.
    #[arg(long = "fault", value_name = "NAME=N")]
    faults: Vec<Chance>,
    /// Milliseconds at the session's beginning and end in which nothing goes wrong, in its own time.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    calm_ms: i64,
    /// Most trades, and most aggregate trades, that the history has of each symbol.
    #[arg(long, value_name = "ROWS", default_value_t = HISTORY_ROWS)]
    history: usize,
    /// File to which every trade is written as it is made: symbol, kind and id.
    #[arg(long, value_name = "FILE")]
    trades: Option<PathBuf>,
    /// Milliseconds between two pings on a connection.
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    ping_ms: u64,
    /// Milliseconds in which a ping must be answered.
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    pong_ms: u64,
    /// Milliseconds after which a connection ends.
    #[arg(long, value_name = "MS", default_value_t = 24 * 60 * 60 * 1_000)]
    life_ms: u64,
    /// Most attempts to connect within five minutes; those beyond are refused.
    #[arg(long, value_name = "COUNT", default_value_t = 300)]
    attempts: usize,
    /// Most weight of requests within a minute of the session's time; those beyond are refused.
    #[arg(long, value_name = "WEIGHT", default_value_t = 6_000)]
    weight: u32,
}

fn speed(text: &str) -> Result<f64, String> {
    let times = text.parse::<f64>().ok().filter(|times| *times > 0.0 && *times <= SPEED_MAX);
    times.ok_or_else(|| format!("expected a number above 0 and up to {SPEED_MAX}"))
}

impl ExchangeArgs {
    fn session(&self) -> SampleOptions {
        let symbols = self.symbols.iter().map(|symbol| symbol.trim().to_ascii_uppercase()).collect();
        SampleOptions { seed: self.seed, symbols, minutes: self.minutes, pace: self.pace, start: START_MS }
    }

    fn manners(&self) -> Manners {
        Manners {
            seed: self.seed,
            faults: Faults::new(&self.faults),
            // A timer of no time is none.
            ping: Duration::from_millis(self.ping_ms.max(1)),
            pong: Duration::from_millis(self.pong_ms),
            life: Duration::from_millis(self.life_ms),
            attempts_max: self.attempts,
            weight_max: self.weight,
            minute: Duration::from_mins(1).div_f64(self.speed),
        }
    }

    fn play(&self, options: &SampleOptions) -> Result<Play, ExchangeError> {
        let ledger = Ledger::create(self.trades.as_deref()).map_err(|source| ExchangeError::Ledger {
            path: self.trades.clone().unwrap_or_default(),
            source,
        })?;
        Ok(Play {
            session: Session::new(options)?,
            pace: self.frames_per_second.map_or(Pace::Times(self.speed), Pace::FramesPerSecond),
            span: (options.start, options.start + i64::from(options.minutes) * MINUTE_MS),
            calm_ms: self.calm_ms,
            awaited_streams: self.await_streams,
            ledger,
        })
    }
}

/// An exchange that accepts connections, and whose session has not begun.
pub(super) struct Opened {
    pub(super) address: SocketAddr,
    pub(super) floor: Arc<Floor>,
    door: Door,
    play: Play,
    trades: PathBuf,
}

impl Opened {
    /// Takes the port and prepares the session.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub(super) fn open(args: &ExchangeArgs) -> Result<Self, ExchangeError> {
        let options = args.session();
        let play = args.play(&options)?;
        let (listener, address) = Port::take(args.port)?.into_parts();
        let floor = Arc::new(Floor::new(args.manners(), History::new(options.symbols, args.history)));
        floor.counts.set_time(options.start);
        let door = Door::open(listener, address, &floor);
        Ok(Self { address, floor, door, play, trades: args.trades.clone().unwrap_or_default() })
    }

    /// Plays the session and serves, behind its end as well.
    ///
    /// # Errors
    /// When a trade cannot be noted, or nothing can be served.
    pub(super) async fn run(self) -> Result<(), ExchangeError> {
        let (floor, path) = (self.floor, self.trades);
        let played = async {
            let played = self.play.run(Arc::clone(&floor)).await;
            played.map_err(|source| ExchangeError::Ledger { path, source })?;
            std::future::pending::<Result<(), ExchangeError>>().await
        };
        tokio::select! {
            played = played => played,
            served = axum::serve(self.door, rest::router(&floor)) => served.map_err(ExchangeError::Serve),
        }
    }
}

/// Serves until Ctrl-C, or until the system asks it to end.
///
/// # Errors
/// See [`ExchangeError`].
pub(crate) async fn run(args: &ExchangeArgs) -> Result<(), ExchangeError> {
    let opened = Opened::open(args)?;
    let (address, floor) = (opened.address, Arc::clone(&opened.floor));
    let mut out = io::stdout();
    let opening = format!("export EXCHANGE_SOCKET_URL=ws://{address} EXCHANGE_REST_URL=http://{address}\n");
    out.write_all(opening.as_bytes()).and_then(|()| out.flush()).map_err(ExchangeError::Print)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ExchangeError::Signal)?;
    let ended = tokio::select! {
        ended = opened.run() => ended,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(ExchangeError::Signal),
        _ = terminate.recv() => Ok(()),
    };
    eprintln!("{}", floor.counts.document());
    ended
}
