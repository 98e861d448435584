//! The exchange's side: sockets kept open, gaps filled from the REST API.
//!
//! `plan` deals streams out to connections, `fleet` keeps those open, `connection` reads one of them; `rest` answers the
//! sequencer's questions within the exchange's limits (`pace`), and `backfill` makes frames of the answers. What is
//! decided about ids is decided in [`crate::sequence`].

mod backfill;
mod connection;
mod endpoint;
mod fleet;
mod listing;
mod pace;
mod plan;
mod rest;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Symbol};
use tapeline_telemetry::chain;
use thiserror::Error;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

pub use endpoint::{Endpoint, EndpointError};
pub use pace::weight_per_minute;
pub use plan::STREAMS_PER_CONNECTION_MAX;

use crate::frame::{Frame, Mark, Route};
use crate::seeing::Counts;
use crate::sequence::{Answer, Ask, Limits, Sequencer, Step};
use fleet::{Event, Fleet};
use pace::Pace;
use plan::{Lot, Micros, Spread};
use rest::Rest;

/// Events between the sockets and the sequencer. At 15,000 frames a second a quarter of a second; with frames of 200 bytes
/// about 2 MB.
const EVENTS_MAX: usize = 4_096;

/// Events that are taken at once, so that what waits for them is not looked at for each.
const EVENTS_AT_ONCE_MAX: usize = 256;

/// Answers that wait for the sequencer; each is up to a thousand rows long.
const ANSWERS_MAX: usize = 2;

/// How often the sequencer looks at what is due.
const DUE_INTERVAL: Duration = Duration::from_millis(50);

/// A gap waits so long for another socket before the REST API is asked. Sockets of one exchange are a fraction of this apart.
const PATIENCE: Duration = Duration::from_millis(250);

/// A gap that was not made smaller for so long is given up. A ban for two minutes, the shortest of the exchange's, passes
/// within it.
const FILL_TIME_MAX: Duration = Duration::from_mins(5);

/// The pause before the list of symbols is asked for again.
const LISTING_PAUSE: Duration = Duration::from_secs(5);

/// The most connections that carry the same streams: more would bring nothing but equal frames.
pub const REDUNDANCY_MAX: usize = 4;

/// What is read, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The market.
    pub market: Market,
    /// Whose streams are read.
    pub symbols: Symbols,
    /// Which streams of each symbol: what stands behind the `@` of a stream name, such as `aggTrade` or `kline_1m`.
    pub streams: Vec<String>,
    /// Address of the sockets, such as `wss://stream.binance.com:9443`; `ws://` on loopback only.
    pub socket_url: String,
    /// Address of the REST API, such as `https://api.binance.com`; `http://` on loopback only.
    pub rest_url: String,
    /// The most streams of one connection, from 1 to 1,024.
    pub streams_per_connection: usize,
    /// How many connections carry each stream, from 1.
    pub redundancy: usize,
    /// A connection that is silent for so long is replaced.
    pub silence: Duration,
    /// The most frames that are held back while gaps are filled, all symbols together.
    pub held_back_frames_max: usize,
    /// The request weight that the REST API may be asked for in a minute: [`weight_per_minute`], or less where other
    /// programs ask from the same address.
    pub weight_per_minute: u32,
    /// Times in microseconds instead of milliseconds; spot only.
    pub micros: bool,
}

/// Whose streams are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// These, in upper case.
    Listed(Vec<String>),
    /// All that are traded against a quote asset, as `exchangeInfo` tells.
    OfQuoteAsset(String),
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// An address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A number outside of its range.
    #[error("expected {name} from 1 to {max}, was {found}")]
    Range {
        /// What is counted.
        name: &'static str,
        /// The most.
        max: usize,
        /// The number.
        found: usize,
    },
    /// No stream is named.
    #[error("expected at least one stream, such as `aggTrade`")]
    NoStream,
    /// A text that is no symbol.
    #[error("expected a symbol such as `BTCUSDT`, was {found:?}")]
    Symbol {
        /// The text.
        found: String,
    },
    /// Futures know milliseconds alone.
    #[error("expected times in milliseconds on futures markets: only spot has microseconds")]
    Micros,
}

impl Settings {
    /// Everything about the settings that cannot be; empty for good ones.
    pub fn mistakes(&self) -> Vec<SettingsError> {
        let sockets = Endpoint::of_sockets(&self.socket_url).err();
        let rest = Endpoint::of_rest(&self.rest_url).err();
        let mut mistakes: Vec<_> = sockets.into_iter().chain(rest).map(SettingsError::from).collect();
        let numbers = [
            ("streams per connection", STREAMS_PER_CONNECTION_MAX, self.streams_per_connection),
            ("connections with the same streams", REDUNDANCY_MAX, self.redundancy),
        ];
        for (name, max, found) in numbers {
            if !(1..=max).contains(&found) {
                mistakes.push(SettingsError::Range { name, max, found });
            }
        }
        if self.streams.is_empty() {
            mistakes.push(SettingsError::NoStream);
        }
        if let Symbols::Listed(symbols) = &self.symbols {
            let wrong = symbols.iter().filter(|symbol| Symbol::parse(symbol.as_str()).is_err());
            mistakes.extend(wrong.map(|symbol| SettingsError::Symbol { found: symbol.clone() }));
        }
        if self.micros && self.market != Market::Spot {
            mistakes.push(SettingsError::Micros);
        }
        mistakes
    }

    /// The names of all streams: those of each symbol, and those that begin with `!` once.
    fn stream_names(&self, symbols: &[String]) -> Vec<String> {
        let (of_all, of_each): (Vec<_>, Vec<_>) = self.streams.iter().partition(|name| name.starts_with('!'));
        let named = symbols.iter().flat_map(|symbol| {
            let symbol = symbol.to_lowercase();
            of_each.iter().map(move |name| format!("{symbol}@{name}"))
        });
        of_all.into_iter().cloned().chain(named).collect()
    }

    /// So far apart, questions for mere doubt take half of the request weight; the other half is left to gaps.
    fn doubts_apart(&self) -> Duration {
        let doubts = self.weight_per_minute / (2 * rest::weight_max(self.market));
        Duration::from_mins(1) / doubts.max(1)
    }

    const fn in_micros(&self) -> Micros {
        if self.micros { Micros::Yes } else { Micros::No }
    }
}

/// Starts reading. Frames leave through `out` each once and in the order of their ids, per route; a route goes on behind its
/// mark in `resume`. Ends when nobody receives any more, or when the task is aborted; with settings that have
/// [`Settings::mistakes`] at once, after a line in the log.
pub fn start(
    settings: &Settings,
    resume: &[Mark],
    out: Sender<Frame>,
    counts: Arc<Counts>,
) -> JoinHandle<()> {
    let limits = Limits {
        held_back_frames_max: settings.held_back_frames_max,
        patience: PATIENCE,
        fill_time_max: FILL_TIME_MAX,
        doubts_apart: settings.doubts_apart(),
    };
    let sequencer = Sequencer::new(limits, resume);
    let settings = settings.clone();
    tokio::spawn(async move {
        let desk = Desk { out, counts, steps: Vec::new(), sequencer, beginning: Instant::now(), equal: 0 };
        if let Err(cause) = read(settings, desk).await {
            error!(cause = chain(&cause), "cannot read the exchange");
        }
    })
}

/// Reading cannot begin.
#[derive(Debug, Error)]
enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("expected to set TLS up")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Rest(#[from] rest::RestError),
}

/// Sets the sockets and the REST API up, and joins them until nobody takes frames any more.
async fn read(settings: Settings, desk: Desk) -> Result<(), StartError> {
    if let Some(mistake) = settings.mistakes().into_iter().next() {
        return Err(mistake.into());
    }
    let tls = tls::client_config()?;
    let rest_endpoint = Endpoint::of_rest(&settings.rest_url).map_err(SettingsError::from)?;
    let pace = Pace::new(settings.weight_per_minute);
    let rest = Rest::new((rest_endpoint, settings.market), settings.in_micros(), pace, tls.clone());
    let rest = Arc::new(rest);
    let symbols = tokio::select! {
        symbols = symbols(&settings.symbols, &rest) => symbols,
        () = desk.out.closed() => return Ok(()),
    };
    let (events, arriving) = mpsc::channel(EVENTS_MAX);
    let fleet = Fleet {
        endpoint: Endpoint::of_sockets(&settings.socket_url).map_err(SettingsError::from)?,
        market: settings.market,
        in_micros: settings.in_micros(),
        silence: settings.silence,
        tls: Arc::new(tls),
        events,
        counts: Arc::clone(&desk.counts),
    };
    // Dropped when the desk is done, and with them every socket and every request.
    let mut tasks = fleet.set_out(lots(&settings, &symbols));
    let (asks, asked) = mpsc::unbounded_channel();
    let (answers, answered) = mpsc::channel(ANSWERS_MAX);
    tasks.spawn(rest::answer_all(rest, asked, answers));
    desk.run(Lines { arriving, answered, asks }, &mut tasks).await;
    Ok(())
}

/// The symbols that are read. A list that the exchange does not give is asked for until it does.
async fn symbols(symbols: &Symbols, rest: &Rest) -> Vec<String> {
    let asset = match symbols {
        Symbols::Listed(symbols) => return symbols.clone(),
        Symbols::OfQuoteAsset(asset) => asset,
    };
    loop {
        let cause = match rest.symbols(asset).await {
            Ok(found) if !found.is_empty() => return found,
            Ok(_) => "nothing is traded against the quote asset".to_owned(),
            Err(cause) => chain(&cause),
        };
        warn!(asset, cause, "the exchange lists no symbols");
        sleep(LISTING_PAUSE).await;
    }
}

fn lots(settings: &Settings, symbols: &[String]) -> Vec<Lot> {
    let spread = Spread {
        market: settings.market,
        streams_per_connection: settings.streams_per_connection,
        redundancy: settings.redundancy,
    };
    let streams = settings.stream_names(symbols);
    let lots = spread.lots(&streams);
    info!(symbols = symbols.len(), streams = streams.len(), connections = lots.len(), "reading the exchange");
    lots
}

/// Where frames and answers come together: the sequencer, and what does as it says.
struct Desk {
    out: Sender<Frame>,
    counts: Arc<Counts>,
    sequencer: Sequencer,
    steps: Vec<Step>,
    beginning: Instant,
    /// Equal frames that are counted already.
    equal: u64,
}

/// What the desk hears and says.
struct Lines {
    arriving: Receiver<Event>,
    answered: Receiver<Answer>,
    asks: UnboundedSender<Ask>,
}

/// Nobody takes frames any more.
struct Unwanted;

impl Desk {
    async fn run(mut self, mut lines: Lines, tasks: &mut JoinSet<()>) {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE_MAX);
        let mut due = interval(DUE_INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = lines.arriving.recv_many(&mut events, EVENTS_AT_ONCE_MAX) => self.take(&mut events),
                Some(answer) = lines.answered.recv() => {
                    self.sequencer.answer(answer, self.beginning.elapsed(), &mut self.steps);
                }
                _ = due.tick() => self.sequencer.due(self.beginning.elapsed(), &mut self.steps),
                () = self.out.closed() => return,
                // A task that ends has panicked: without it frames would be missing for ever.
                Some(_) = tasks.join_next() => return,
            }
            if self.act(&lines.asks).await.is_err() {
                return;
            }
        }
    }

    fn take(&mut self, events: &mut Vec<Event>) {
        let now = self.beginning.elapsed();
        for event in events.drain(..) {
            match event {
                Event::Arrived(arrival) => self.sequencer.take(arrival, now, &mut self.steps),
                Event::Doubt(routes) => routes.iter().for_each(|route| self.sequencer.doubt(route, now)),
            }
        }
    }

    /// Does as the sequencer says.
    async fn act(&mut self, asks: &UnboundedSender<Ask>) -> Result<(), Unwanted> {
        for step in self.steps.drain(..) {
            match step {
                Step::Frame(frame) => self.out.send(frame).await.map_err(|_| Unwanted)?,
                Step::Ask(ask) => asks.send(ask).map_err(|_| Unwanted)?,
                told => tell(&told, &self.counts),
            }
        }
        self.counts.frames_held_back.set(i64::try_from(self.sequencer.held()).unwrap_or(i64::MAX));
        let equal = self.sequencer.equal();
        self.counts.frames_equal.add(equal - std::mem::replace(&mut self.equal, equal));
        Ok(())
    }
}

/// Counts and logs what happened to gaps.
fn tell(step: &Step, counts: &Counts) {
    match step {
        Step::Filled { route, from, frames } => {
            counts.gaps_filled.one();
            counts.frames_filled.add(*frames);
            tell_filled(route, *from, *frames);
        }
        Step::Unfilled { route, from, to, why } => {
            counts.gaps_unfilled.one();
            counts.ids_unfilled.add(to.saturating_sub(*from).saturating_add(1));
            tell_unfilled(route, (*from, *to), why.as_str());
        }
        Step::Anew { route, last, id } => tell_anew(route, *last, *id),
        Step::Frame(_) | Step::Ask(_) => {}
    }
}

fn tell_filled(route: &Route, from: u64, frames: u64) {
    info!(symbol = symbol(route), kind = kind(route), from, frames, "filled a gap");
}

fn tell_unfilled(route: &Route, (from, to): (u64, u64), why: &str) {
    warn!(symbol = symbol(route), kind = kind(route), from, to, why, "gave a gap up");
}

fn tell_anew(route: &Route, last: Option<u64>, id: u64) {
    warn!(symbol = symbol(route), kind = kind(route), last, id, "the exchange counts anew");
}

fn symbol(route: &Route) -> &str {
    route.symbol.as_deref().unwrap_or_default()
}

fn kind(route: &Route) -> &'static str {
    route.kind.map(Kind::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
