//! Flags and environment variables, read once and checked together.
//!
//! Raw first ([`Flags`], all text), then resolved ([`Config`]): so everything that is wrong is told at once, by the names
//! of the flags. A flag comes before its environment variable; an empty value counts as none, because that is what a
//! template's empty parameter becomes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use tapeline_market::{Market, Symbol};
use thiserror::Error;
use tracing::level_filters::LevelFilter;

use crate::exchange::{
    self, Endpoint, REDUNDANCY_MAX, STREAMS_PER_CONNECTION_MAX, Symbols, weight_per_minute,
};
use crate::sink::packing::{Packing, RECORD_BYTES_MAX};

/// A connection of 200 busy streams carries some thousand frames a second.
const STREAMS_PER_CONNECTION_DEFAULT: usize = 200;
/// Above, it is another exchange's limit; a test exchange has none.
const REQUEST_WEIGHT_MAX: u32 = 1_000_000;
/// The exchange sends a ping every 20 seconds, so three of them have been missed.
const SILENCE_DEFAULT_MS: u64 = 60_000;
/// Below, a pause of the scheduler would look like a silent connection.
const SILENCE_MIN_MS: u64 = 100;
const SILENCE_MAX_MS: u64 = 600_000;
/// About 20 MB of trades: some minutes of all symbols, which is longer than a gap takes to fill.
const HELD_BACK_DEFAULT: usize = 50_000;
const HELD_BACK_MAX: usize = 10_000_000;
/// A few kilobytes of a busy symbol come together in this time; nobody who reads bars notices it.
const LINGER_DEFAULT_MS: u64 = 200;
const LINGER_MAX_MS: u64 = 10_000;
/// Hours of all trades of a market.
const SPOOL_DEFAULT_BYTES: u64 = 1 << 30;
/// Room for some segments of the spool.
const SPOOL_MIN_BYTES: u64 = 16 << 20;
/// Each segment of the spool is an open file, and a process may have a thousand by default.
const SPOOL_MAX_BYTES: u64 = 4 << 30;
/// Fargate kills a task 30 seconds after it asked it to end.
const DEADLINE_DEFAULT_MS: u64 = 20_000;
const DEADLINE_MAX_MS: u64 = 600_000;
/// Small enough for four records beside each other in the function's smallest buffer.
const RECORD_BYTES_DEFAULT: usize = 48 * 1024;
const RECORD_BYTES_MIN: usize = 1024;

/// Reads exchange sockets into a Kinesis data stream, not one trade missing.
///
/// Every flag may be set by the environment variable named with it. Region and credentials are found as by the AWS SDKs:
/// environment, profile, the role of the task or of the machine.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "tapeline-feed", version)]
pub struct Flags {
    /// Market: `spot`, `usdm` or `coinm` [default: spot].
    #[arg(long, env = "FEED_MARKET")]
    pub market: Option<String>,
    /// Symbols, comma-separated, such as BTCUSDT,ETHUSDT.
    #[arg(long, env = "FEED_SYMBOLS", value_name = "LIST")]
    pub symbols: Option<String>,
    /// All symbols that are traded against this asset, such as USDT; in place of --symbols.
    #[arg(long, env = "FEED_QUOTE_ASSET", value_name = "ASSET")]
    pub quote_asset: Option<String>,
    /// Streams of each symbol, comma-separated, as the exchange names them behind the `@`: aggTrade, trade, bookTicker,
    /// `kline_1m`, depth@100ms [default: trade, of futures aggTrade].
    #[arg(long, env = "FEED_STREAMS", value_name = "LIST")]
    pub streams: Option<String>,
    /// Kinesis data stream that takes the records; may be missing only beside --record.
    #[arg(long, env = "FEED_STREAM", value_name = "NAME")]
    pub stream: Option<String>,
    /// How frames become records: `single`, `lines` (JSON Lines of a symbol and kind) or `kpl` [default: lines].
    #[arg(long, env = "FEED_PACKING")]
    pub packing: Option<String>,
    /// The most bytes of a packed record [default: 49152].
    #[arg(long, env = "FEED_RECORD_BYTES", value_name = "BYTES")]
    pub record_bytes: Option<String>,
    /// How long a record waits for more frames, in milliseconds [default: 200].
    #[arg(long, env = "FEED_LINGER_MS", value_name = "MS")]
    pub linger_ms: Option<String>,
    /// Address of the exchange's sockets [default: the market's].
    #[arg(long, env = "FEED_SOCKET_URL", value_name = "URL")]
    pub socket_url: Option<String>,
    /// Address of the exchange's REST API [default: the market's].
    #[arg(long, env = "FEED_REST_URL", value_name = "URL")]
    pub rest_url: Option<String>,
    /// Address of Kinesis, such as that of `tapeline up` [default: the region's].
    #[arg(long, env = "AWS_ENDPOINT_URL_KINESIS", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// AWS region [default: as the AWS SDKs find it].
    #[arg(long, env = "AWS_REGION")]
    pub region: Option<String>,
    /// Unit of the exchange's times: `ms` or `us` [default: ms].
    #[arg(long, env = "FEED_TIME_UNIT", value_name = "UNIT")]
    pub time_unit: Option<String>,
    /// The most streams of one connection, up to 1024 [default: 200].
    #[arg(long, env = "FEED_STREAMS_PER_CONNECTION", value_name = "NUMBER")]
    pub streams_per_connection: Option<String>,
    /// Connections that carry each stream; what comes twice goes out once [default: 1].
    #[arg(long, env = "FEED_REDUNDANCY", value_name = "NUMBER")]
    pub redundancy: Option<String>,
    /// A connection that is silent for so long is replaced, in milliseconds [default: 60000].
    #[arg(long, env = "FEED_SILENCE_MS", value_name = "MS")]
    pub silence_ms: Option<String>,
    /// The most frames held back while gaps are filled [default: 50000].
    #[arg(long, env = "FEED_HELD_BACK", value_name = "FRAMES")]
    pub held_back: Option<String>,
    /// Request weight that the REST API may be asked for in a minute; less than the default where other programs ask from
    /// the same address [default: 75 % of the market's limit].
    #[arg(long, env = "FEED_REQUEST_WEIGHT", value_name = "WEIGHT")]
    pub request_weight: Option<String>,
    /// Folder of what outlives a restart: the checkpoint and the spool [default: feed-state].
    #[arg(long, env = "FEED_STATE", value_name = "DIR")]
    pub state: Option<String>,
    /// The most bytes that wait on the disk while the stream is out of reach [default: 1073741824].
    #[arg(long, env = "FEED_SPOOL_BYTES", value_name = "BYTES")]
    pub spool_bytes: Option<String>,
    /// How long the end may take to put what is left, in milliseconds [default: 20000].
    #[arg(long, env = "FEED_DEADLINE_MS", value_name = "MS")]
    pub deadline_ms: Option<String>,
    /// Writes every frame to this file too, as JSON Lines; `.gz` and `.zst` compress.
    #[arg(long, env = "FEED_RECORD", value_name = "FILE")]
    pub record: Option<String>,
    /// Address that answers GET /healthz, such as 127.0.0.1:8080 [default: none].
    #[arg(long, env = "FEED_HEALTH", value_name = "ADDRESS")]
    pub health: Option<String>,
    /// Asks a running feed at --health how it is, and ends with that: the health check of a container.
    #[arg(long)]
    pub check_health: bool,
    /// Least severe level that is logged: `error`, `warn`, `info`, `debug` or `trace` [default: info].
    #[arg(long, env = "FEED_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// How the feed was set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is read, and from where.
    pub exchange: exchange::Settings,
    /// The Kinesis data stream; `None` where frames are only recorded.
    pub stream: Option<String>,
    /// How frames become records.
    pub packing: Packing,
    /// The most bytes of a packed record, its partition key included.
    pub record_bytes_max: usize,
    /// How long a record waits for more frames.
    pub linger: Duration,
    /// Address of Kinesis; `None` for the region's.
    pub endpoint_url: Option<String>,
    /// AWS region; `None` where the AWS SDKs' places tell it.
    pub region: Option<String>,
    /// Folder of the checkpoint and the spool.
    pub state: PathBuf,
    /// The most bytes of the spool.
    pub spool_bytes_max: u64,
    /// How long the end may take.
    pub deadline: Duration,
    /// Recording of every frame.
    pub record: Option<PathBuf>,
    /// Address that answers health checks.
    pub health: Option<SocketAddr>,
    /// Whether this process is the health check.
    pub is_health_check: bool,
    /// The least severe level that is logged.
    pub log_level: LevelFilter,
}

/// One flag that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The flag.
    pub flag: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

/// Some flags cannot be used; all of them are named.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// One for each bad flag.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.problems.iter().map(|problem| format!("{}: {}", problem.flag, problem.message));
        f.write_str(&texts.collect::<Vec<_>>().join("; "))
    }
}

impl Config {
    /// Checks the flags.
    ///
    /// # Errors
    /// Names every flag that cannot be used.
    pub fn from_flags(flags: &Flags) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        let is_health_check = flags.check_health;
        let deadline = whole("milliseconds", 0, DEADLINE_MAX_MS);
        let linger = whole("milliseconds", 0, LINGER_MAX_MS);
        let record_bytes = whole("bytes", RECORD_BYTES_MIN, RECORD_BYTES_MAX);
        let spool_bytes = whole("bytes", SPOOL_MIN_BYTES, SPOOL_MAX_BYTES);
        let config = Self {
            exchange: exchange_settings(&mut reader, flags),
            stream: reader.read("--stream", flags.stream.as_deref(), stream_name),
            packing: reader.read("--packing", flags.packing.as_deref(), str::parse).unwrap_or(Packing::Lines),
            record_bytes_max: reader
                .read("--record-bytes", flags.record_bytes.as_deref(), record_bytes)
                .unwrap_or(RECORD_BYTES_DEFAULT),
            linger: millis(reader.read("--linger-ms", flags.linger_ms.as_deref(), linger), LINGER_DEFAULT_MS),
            endpoint_url: reader.read("--endpoint-url", flags.endpoint_url.as_deref(), endpoint),
            region: reader.read("--region", flags.region.as_deref(), text),
            state: reader.read("--state", flags.state.as_deref(), path).unwrap_or("feed-state".into()),
            spool_bytes_max: reader
                .read("--spool-bytes", flags.spool_bytes.as_deref(), spool_bytes)
                .unwrap_or(SPOOL_DEFAULT_BYTES),
            deadline: millis(
                reader.read("--deadline-ms", flags.deadline_ms.as_deref(), deadline),
                DEADLINE_DEFAULT_MS,
            ),
            record: reader.read("--record", flags.record.as_deref(), path),
            health: reader.read("--health", flags.health.as_deref(), address),
            is_health_check,
            log_level: reader
                .read("--log-level", flags.log_level.as_deref(), level)
                .unwrap_or(LevelFilter::INFO),
        };
        if is_health_check {
            return config.health_check(reader);
        }
        reader.check_together(flags);
        if config.exchange.micros && config.exchange.market != Market::Spot {
            let message = "expected `ms` on futures markets: only spot has microseconds";
            reader.note("--time-unit", message.to_owned());
        }
        reader.finish(config)
    }

    /// A health check needs to know where to ask, and nothing else.
    fn health_check(self, mut reader: Reader) -> Result<Self, ConfigError> {
        reader.problems.retain(|problem| problem.flag == "--health");
        if self.health.is_none() && reader.problems.is_empty() {
            reader.note("--health", "expected the address to check, was not set".to_owned());
        }
        reader.finish(self)
    }
}

fn exchange_settings(reader: &mut Reader, flags: &Flags) -> exchange::Settings {
    let market = reader.read("--market", flags.market.as_deref(), str::parse).unwrap_or(Market::Spot);
    let hosts = Hosts::of(market);
    let streams = whole("streams", 1, STREAMS_PER_CONNECTION_MAX);
    let weight = whole("units of weight", 1, REQUEST_WEIGHT_MAX);
    let silence = whole("milliseconds", SILENCE_MIN_MS, SILENCE_MAX_MS);
    exchange::Settings {
        market,
        symbols: symbols(reader, flags),
        streams: reader
            .read("--streams", flags.streams.as_deref(), |text| list(text, stream))
            .unwrap_or_else(|| vec![hosts.stream.to_owned()]),
        socket_url: reader
            .read("--socket-url", flags.socket_url.as_deref(), Endpoint::of_sockets)
            .map_or_else(|| hosts.socket.to_owned(), |endpoint| endpoint.to_string()),
        rest_url: reader
            .read("--rest-url", flags.rest_url.as_deref(), Endpoint::of_rest)
            .map_or_else(|| hosts.rest.to_owned(), |endpoint| endpoint.to_string()),
        streams_per_connection: reader
            .read("--streams-per-connection", flags.streams_per_connection.as_deref(), streams)
            .unwrap_or(STREAMS_PER_CONNECTION_DEFAULT),
        redundancy: reader
            .read("--redundancy", flags.redundancy.as_deref(), whole("connections", 1, REDUNDANCY_MAX))
            .unwrap_or(1),
        silence: millis(
            reader.read("--silence-ms", flags.silence_ms.as_deref(), silence),
            SILENCE_DEFAULT_MS,
        ),
        held_back_frames_max: reader
            .read("--held-back", flags.held_back.as_deref(), whole("frames", 1, HELD_BACK_MAX))
            .unwrap_or(HELD_BACK_DEFAULT),
        weight_per_minute: reader
            .read("--request-weight", flags.request_weight.as_deref(), weight)
            .unwrap_or(weight_per_minute(market)),
        micros: reader.read("--time-unit", flags.time_unit.as_deref(), is_micros).unwrap_or(false),
    }
}

fn millis(given: Option<u64>, default: u64) -> Duration {
    Duration::from_millis(given.unwrap_or(default))
}

fn symbols(reader: &mut Reader, flags: &Flags) -> Symbols {
    let listed = reader.read("--symbols", flags.symbols.as_deref(), |text| list(text, symbol));
    match (listed, reader.read("--quote-asset", flags.quote_asset.as_deref(), symbol)) {
        (None, Some(asset)) => Symbols::OfQuoteAsset(asset),
        (listed, _) => Symbols::Listed(listed.unwrap_or_default()),
    }
}

/// Where a market is found (documentation of July 2026, "General WSS information" and "General API Information").
struct Hosts {
    socket: &'static str,
    rest: &'static str,
    /// What of the market has ids without holes: single trades of the spot market, aggregate trades of futures.
    stream: &'static str,
}

impl Hosts {
    const fn of(market: Market) -> Self {
        let (socket, rest, stream) = match market {
            Market::Spot => ("wss://stream.binance.com:9443", "https://api.binance.com", "trade"),
            Market::Usdm => ("wss://fstream.binance.com", "https://fapi.binance.com", "aggTrade"),
            Market::Coinm => ("wss://dstream.binance.com", "https://dapi.binance.com", "aggTrade"),
        };
        Self { socket, rest, stream }
    }
}

/// Reads flags one by one and keeps what is wrong with them.
#[derive(Debug, Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    /// Reads a flag; `None` where it was not given, and for a bad value until the start is refused.
    fn read<T, E: fmt::Display>(
        &mut self,
        flag: &'static str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        parse(text).map_err(|error| self.note(flag, error.to_string())).ok()
    }

    /// What no flag can tell by itself.
    fn check_together(&mut self, flags: &Flags) {
        let is_set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        match (is_set(&flags.symbols), is_set(&flags.quote_asset)) {
            (true, true) => {
                self.note("--quote-asset", "expected either this or --symbols, was both".to_owned());
            }
            (false, false) => {
                self.note("--symbols", "expected symbols, or --quote-asset, was neither".to_owned());
            }
            _ => {}
        }
        if !is_set(&flags.stream) && !is_set(&flags.record) {
            self.note("--stream", "expected a stream, or --record, was neither".to_owned());
        }
    }

    fn note(&mut self, flag: &'static str, message: String) {
        self.problems.push(Problem { flag, message });
    }

    fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: self.problems }) }
    }
}

/// Reads a whole number within bounds.
fn whole<T>(unit: &'static str, min: T, max: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    move |text| {
        let number = text.parse::<T>().ok().filter(|number| (&min..=&max).contains(&number));
        number.ok_or_else(|| format!("expected {unit} from {min} to {max}, was {text:?}"))
    }
}

fn list<T, E: fmt::Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    text.split(',').map(|word| parse(word.trim()).map_err(|error| error.to_string())).collect()
}

fn symbol(text: &str) -> Result<String, String> {
    Symbol::parse(text.to_uppercase())
        .map(|symbol| symbol.as_str().to_owned())
        .map_err(|error| format!("{error}, was {text:?}"))
}

/// A stream's part behind the symbol; which there are, the exchange knows.
fn stream(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_@+:".contains(c);
    if !text.is_empty() && text.len() <= 32 && text.chars().all(is_allowed) {
        return Ok(text.to_owned());
    }
    Err(format!("expected names of streams such as trade or kline_1m, was {text:?}"))
}

/// The API reference has it: 1 to 128 letters, digits, `_`, `.` or `-`.
fn stream_name(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if text.len() <= 128 && text.chars().all(is_allowed) {
        return Ok(text.to_owned());
    }
    Err(format!("expected up to 128 letters, digits, `_`, `.` or `-`, was {text:?}"))
}

#[expect(clippy::unnecessary_wraps, reason = "a parser like the others")]
fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "a parser like the others")]
fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("expected an address such as 127.0.0.1:8080, was {text:?}"))
}

/// Reads the address of an AWS endpoint: requests are signed, and what they carry is public.
fn endpoint(text: &str) -> Result<String, String> {
    if ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text.to_owned());
    }
    Err(format!("expected a URL of `http` or `https`, was {text:?}"))
}

fn is_micros(text: &str) -> Result<bool, String> {
    match text {
        "ms" => Ok(false),
        "us" => Ok(true),
        _ => Err(format!("expected `ms` or `us`, was {text:?}")),
    }
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| format!("expected `error`, `warn`, `info`, `debug` or `trace`, was {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        let flags = Flags::try_parse_from(["tapeline-feed"].iter().chain(arguments)).unwrap();
        Config::from_flags(&flags)
    }

    const REQUIRED: [&str; 4] = ["--symbols", "btcusdt", "--stream", "frames"];

    fn resolved(more: &[&str]) -> Config {
        config(&[&REQUIRED, more].concat()).unwrap()
    }

    /// One flag beside the required ones, and what is said of it.
    fn refused(more: &[&str], expected: &str) {
        assert_eq!(config(&[&REQUIRED, more].concat()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_flag_has_its_documented_default() {
        let config = resolved(&[]);
        let exchange = &config.exchange;
        assert_eq!(exchange.symbols, Symbols::Listed(vec!["BTCUSDT".to_owned()]));
        assert_eq!((exchange.market, exchange.streams.join(",").as_str()), (Market::Spot, "trade"));
        assert_eq!((exchange.streams_per_connection, exchange.redundancy), (200, 1));
        assert_eq!((exchange.silence.as_secs(), exchange.micros), (60, false));
        assert_eq!((config.packing, config.record_bytes_max), (Packing::Lines, 49_152));
        assert_eq!((config.linger.as_millis(), config.deadline.as_secs()), (200, 20));
        assert_eq!((config.spool_bytes_max, config.state), (1_073_741_824, PathBuf::from("feed-state")));
    }

    #[test]
    fn a_market_brings_its_hosts_and_its_stream() {
        let exchange = resolved(&["--market", "usdm"]).exchange;
        assert_eq!(exchange.socket_url, "wss://fstream.binance.com");
        assert_eq!(exchange.rest_url, "https://fapi.binance.com");
        assert_eq!(exchange.streams, ["aggTrade"]);
    }

    #[test]
    fn all_bad_flags_are_told_together() {
        let bad = ["--market", "margin", "--symbols", "BTC|USDT", "--packing", "zip", "--linger-ms", "-1"];
        let bad = bad.map(|text| if text == "-1" { "1m" } else { text });
        assert_eq!(
            config(&bad).unwrap_err().to_string(),
            "--market: expected `spot`, `usdm` or `coinm`, was \"margin\"; \
             --symbols: a symbol must not contain '|', was \"BTC|USDT\"; \
             --packing: expected `single`, `lines` or `kpl`, was \"zip\"; \
             --linger-ms: expected milliseconds from 0 to 10000, was \"1m\"; \
             --stream: expected a stream, or --record, was neither"
        );
    }

    #[test]
    fn symbols_come_from_one_place() {
        refused(&["--quote-asset", "USDT"], "--quote-asset: expected either this or --symbols, was both");
        let of_asset = config(&["--quote-asset", "usdt", "--record", "a.ndjson", "--symbols", ""]).unwrap();
        assert_eq!(of_asset.exchange.symbols, Symbols::OfQuoteAsset("USDT".to_owned()));
    }

    #[test]
    fn without_encryption_only_loopback_is_read() {
        let exchange =
            resolved(&["--socket-url", "ws://127.0.0.1:9/", "--rest-url", "http://[::1]:9"]).exchange;
        assert_eq!(
            (exchange.socket_url.as_str(), exchange.rest_url.as_str()),
            ("ws://127.0.0.1:9", "http://[::1]:9")
        );
        refused(
            &["--rest-url", "http://api.example"],
            "--rest-url: expected `https://` for a host other than this machine, was \"http://api.example\"",
        );
    }

    #[test]
    fn futures_tell_no_microseconds() {
        assert!(resolved(&["--time-unit", "us"]).exchange.micros);
        refused(
            &["--time-unit", "us", "--market", "usdm"],
            "--time-unit: expected `ms` on futures markets: only spot has microseconds",
        );
    }

    #[test]
    fn what_is_resolved_the_exchange_takes() {
        for market in ["spot", "usdm", "coinm"] {
            assert_eq!(resolved(&["--market", market]).exchange.mistakes(), []);
        }
    }

    #[test]
    fn a_health_check_needs_its_address_alone() {
        assert!(config(&["--check-health", "--health", "127.0.0.1:8080"]).unwrap().is_health_check);
        assert_eq!(
            config(&["--check-health"]).unwrap_err().to_string(),
            "--health: expected the address to check, was not set"
        );
    }
}
