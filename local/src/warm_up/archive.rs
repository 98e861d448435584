//! Klines as the exchange archives them: CSV files, one bar a line.
//!
//! The archive's columns are those of the exchange's public data ("Klines" in the README of `binance-public-data`), with
//! a line of names or without one. A shorter layout has `open_ms,open,high,low,close,volume` alone. Times are
//! milliseconds, or microseconds where the archive has moved on to them.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tapeline_market::{Bar, BarError, Decimal, Interval, Market, Symbol, Timestamp};
use thiserror::Error;

use crate::replay::{Recording, RecordingError};

/// How much of a text a message repeats, in characters.
const FOUND_CHARS_MAX: usize = 40;

/// A file of klines cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    /// The file cannot be read on.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The archive's own packing.
    #[error("{} must be unpacked, as with unzip", .path.display())]
    Zip {
        /// The file.
        path: PathBuf,
    },
    /// Nothing says whose klines they are.
    #[error("{} must be named as BTCUSDT-1m-2024-01.csv, or --symbol and --interval be given", .path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A line that is no kline, or not one that may follow.
    #[error("{}, line {line}: expected `{}` to be {}, was {:?}", .path.display(), .fault.field, .fault.expected, .fault.found)]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The column.
    pub(crate) field: &'static str,
    /// What it must be.
    pub(crate) expected: String,
    /// What it is.
    pub(crate) found: String,
}

impl Fault {
    fn new(field: &'static str, expected: impl Into<String>, found: &str) -> Self {
        Self { field, expected: expected.into(), found: found.chars().take(FOUND_CHARS_MAX).collect() }
    }
}

/// Whose klines a file has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) symbol: String,
    pub(super) interval: Interval,
}

/// What is said of the files on the command line; `None` where their names tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) symbol: Option<String>,
    pub(super) interval: Option<Interval>,
}

/// Whether a file has klines: its name says so. All others are recordings.
pub(super) fn is_archive(path: &Path) -> bool {
    name(path).contains(".csv") || is_zip(path)
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zip")
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Owner {
    /// Reads the name of a file, `BTCUSDT-1m-2024-01.csv`, behind what is given.
    ///
    /// # Errors
    /// When neither tells symbol and interval, or the file must be unpacked first.
    pub(super) fn of(path: &Path, given: &Given) -> Result<Self, ArchiveError> {
        if is_zip(path) {
            return Err(ArchiveError::Zip { path: path.to_owned() });
        }
        let name = name(path);
        let parts: Vec<_> = name.split(['-', '.']).collect();
        let at = parts.iter().position(|part| part.parse::<Interval>().is_ok()).unwrap_or(0);
        let named = parts.split_at_checked(at).map(|(symbol, rest)| (symbol.join("-"), rest));
        let interval = named.as_ref().and_then(|(_, rest)| rest.first()?.parse().ok());
        let symbol = named.map(|(symbol, _)| symbol).filter(|symbol| Symbol::parse(symbol.as_str()).is_ok());
        let owner = given.symbol.clone().or(symbol).zip(given.interval.or(interval));
        let (symbol, interval) = owner.ok_or_else(|| ArchiveError::Name { path: path.to_owned() })?;
        Ok(Self { symbol, interval })
    }
}

/// How a line is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// All of the archive's columns. It has a line for every interval, also those in which nothing was traded.
    Archive,
    /// Prices and volume alone. Such files have no lines for intervals in which nothing was traded.
    Short,
}

/// A file of klines that is being read.
pub(super) struct Archive {
    path: PathBuf,
    recording: Recording,
    interval: Interval,
    market: Market,
    line: Vec<u8>,
    is_begun: bool,
}

impl Archive {
    /// Opens a file. The bytes read from it move `progress` on.
    ///
    /// # Errors
    /// When it does not open.
    pub(super) fn open(
        path: &Path,
        (interval, market): (Interval, Market),
        progress: &ProgressBar,
    ) -> Result<Self, ArchiveError> {
        let recording = Recording::open(path, progress)?;
        Ok(Self { path: path.to_owned(), recording, interval, market, line: Vec::new(), is_begun: false })
    }

    /// Reads the next bar; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, or the line is no kline.
    pub(super) fn next_bar(&mut self) -> Result<Option<(Bar, Layout)>, ArchiveError> {
        while self.recording.next_frame(&mut self.line)? {
            let is_first = !std::mem::replace(&mut self.is_begun, true);
            if is_first && self.line.starts_with(b"open") {
                continue;
            }
            return match bar(&self.line, self.interval, self.market) {
                Ok(found) => Ok(Some(found)),
                Err(fault) => Err(self.refuse(fault)),
            };
        }
        Ok(None)
    }

    /// Refuses the line that was read last.
    pub(super) fn refuse(&self, fault: Fault) -> ArchiveError {
        ArchiveError::Line { path: self.path.clone(), line: self.recording.line(), fault }
    }
}

/// Refuses a bar that does not follow what was read before.
pub(super) fn out_of_order(open_time: Timestamp, last: Timestamp) -> Fault {
    Fault::new("open_time", format!("later than {last}"), &open_time.to_string())
}

/// Refuses a bar whose numbers no series takes.
pub(super) fn too_many_digits() -> Fault {
    Fault::new("line", "a bar of at most 18 digits before and behind the point", "more")
}

/// Reads one line.
fn bar(line: &[u8], interval: Interval, market: Market) -> Result<(Bar, Layout), Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::new("line", "text", "other bytes"))?;
    let fields: Vec<_> = line.split(',').collect();
    match *fields.as_slice() {
        [open_time, open, high, low, close, volume] => {
            let bar = prices(interval, [open_time, open, high, low, close, volume])?;
            // Which side took is not told. Half of it each is a difference of nothing.
            let half = Decimal::new(5, 1).ok().and_then(|half| bar.volume.checked_mul(half));
            let taker_buy_volume = half.ok_or_else(|| Fault::new("volume", "of fewer digits", volume))?;
            Ok((Bar { taker_buy_volume, ..bar }, Layout::Short))
        }
        [open_time, open, high, low, close, volume, close_time, quote_volume, count, taker_buy, _, _] => {
            let bar = prices(interval, [open_time, open, high, low, close, volume])?;
            let close_time_found = time("close_time", close_time)?;
            if !(bar.open_time..=bar.close_time).contains(&close_time_found) {
                let expected = format!("within the {interval} from {}", bar.open_time);
                return Err(Fault::new("close_time", expected, close_time));
            }
            let quote_volume = quantity("quote_volume", quote_volume)?;
            let bar = Bar {
                // On coin-margined futures this column counts the base asset.
                quote_volume: Some(quote_volume).filter(|_| market != Market::Coinm),
                trade_count: count.parse().map_err(|_| Fault::new("count", "a whole number", count))?,
                taker_buy_volume: quantity("taker_buy_volume", taker_buy)?,
                ..bar
            };
            if bar.taker_buy_volume > bar.volume {
                return Err(Fault::new("taker_buy_volume", format!("at most {}", bar.volume), taker_buy));
            }
            Ok((bar, Layout::Archive))
        }
        _ => Err(Fault::new("line", "6 or 12 fields", &fields.len().to_string())),
    }
}

/// Reads the columns that both layouts begin with.
fn prices(interval: Interval, [open_time, open, high, low, close, volume]: [&str; 6]) -> Result<Bar, Fault> {
    let begin = time("open_time", open_time)?;
    let length_us = interval.length_us().unwrap_or(i64::MAX);
    if begin.micros() % length_us != 0 {
        return Err(Fault::new("open_time", format!("the beginning of a {interval}"), open_time));
    }
    let end = Timestamp::from_micros(begin.micros().saturating_add(length_us - 1));
    let bar = Bar {
        interval,
        open_time: begin,
        close_time: end.map_err(|error| Fault::new("open_time", error.to_string(), open_time))?,
        open: price("open", open)?,
        high: price("high", high)?,
        low: price("low", low)?,
        close: price("close", close)?,
        volume: quantity("volume", volume)?,
        quote_volume: None,
        taker_buy_volume: Decimal::ZERO,
        trade_count: 0,
    };
    bar.checked().map_err(|error| match error {
        BarError::Price { name, price, low, high } => {
            Fault::new(name, format!("between {low} and {high}"), &price.to_string())
        }
        BarError::Time { .. } => Fault::new("open_time", "a time that a bar can begin at", open_time),
    })
}

fn time(field: &'static str, text: &str) -> Result<Timestamp, Fault> {
    let time = text.parse().ok().and_then(|time| Timestamp::from_exchange(time).ok());
    time.ok_or_else(|| Fault::new(field, "milliseconds or microseconds since 1970", text))
}

fn price(field: &'static str, text: &str) -> Result<Decimal, Fault> {
    let price = text.parse::<Decimal>().ok().filter(|price| price.mantissa() > 0);
    price.ok_or_else(|| Fault::new(field, "a decimal above 0", text))
}

fn quantity(field: &'static str, text: &str) -> Result<Decimal, Fault> {
    let quantity = text.parse::<Decimal>().ok().filter(|quantity| quantity.mantissa() >= 0);
    quantity.ok_or_else(|| Fault::new(field, "a decimal of at least 0", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example of "Klines" of the spot market in the README of `binance-public-data`.
    const SPOT: &str = "1601510340000,4.15070000,4.15870000,4.15060000,4.15540000,539.23000000,1601510399999,\
        2240.39860900,13,401.82000000,1669.98121300,0";
    /// Example of "COIN-M Futures" there.
    const COINM: &str =
        "1591258320000,9640.7,9642.4,9640.6,9642.0,206,1591258379999,2.13660389,48,119,1.23424865,0";
    /// The first line of an archived file of futures.
    const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
        taker_buy_quote_volume,ignore";

    fn read(content: &str, market: Market) -> Result<Vec<(Bar, Layout)>, ArchiveError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, content).unwrap();
        let mut archive = Archive::open(&path, (Interval::Minute1, market), &ProgressBar::hidden())?;
        let mut bars = Vec::new();
        while let Some(found) = archive.next_bar()? {
            bars.push(found);
        }
        Ok(bars)
    }

    fn only(content: &str, market: Market) -> (Bar, Layout) {
        let bars = read(content, market).unwrap();
        assert_eq!(bars.len(), 1);
        bars[0]
    }

    fn check(content: &str, expected: &str) {
        let error = read(content, Market::Spot).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error:?} does not end with {expected:?}");
    }

    #[test]
    fn a_line_of_the_archive_is_read_to_the_digit() {
        let (bar, layout) = only(SPOT, Market::Spot);
        assert_eq!(layout, Layout::Archive);
        assert_eq!(bar.open_time.to_string(), "2020-09-30T23:59:00.000000Z");
        assert_eq!(bar.close_time.to_string(), "2020-09-30T23:59:59.999999Z");
        let texts = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.taker_buy_volume];
        let expected =
            ["4.15070000", "4.15870000", "4.15060000", "4.15540000", "539.23000000", "401.82000000"];
        assert_eq!(texts.map(|number| number.to_string()), expected);
        assert_eq!(bar.quote_volume.map(|number| number.to_string()).as_deref(), Some("2240.39860900"));
        assert_eq!(bar.trade_count, 13);
    }

    #[test]
    fn microseconds_are_told_by_magnitude() {
        let in_micros =
            SPOT.replace("1601510340000", "1601510340000000").replace("1601510399999", "1601510399999999");
        assert_eq!(only(&in_micros, Market::Spot), only(SPOT, Market::Spot));
    }

    #[test]
    fn a_line_of_names_is_passed_over() {
        assert_eq!(only(&format!("{HEADER}\n{SPOT}\n"), Market::Usdm), only(SPOT, Market::Usdm));
        check(
            &format!("{SPOT}\n{HEADER}\n"),
            ", line 2: expected `open_time` to be milliseconds or microseconds since 1970, was \"open_time\"",
        );
    }

    #[test]
    fn volumes_of_coin_margined_futures_count_contracts() {
        let (bar, _) = only(COINM, Market::Coinm);
        assert_eq!((bar.volume.to_string(), bar.quote_volume), ("206".to_owned(), None));
        assert_eq!(bar.taker_buy_volume.to_string(), "119");
    }

    #[test]
    fn the_short_layout_has_prices_and_volume() {
        let (bar, layout) =
            only("open_ms,open,high,low,close,volume\n1601510340000,4.15,4.16,4.14,4.15,3.0", Market::Spot);
        assert_eq!((layout, bar.volume.to_string()), (Layout::Short, "3.0".to_owned()));
        // Takers bought as much as they sold.
        assert_eq!((bar.taker_buy_volume, bar.quote_volume), ("1.5".parse().unwrap(), None));
    }

    #[test]
    fn errors_name_line_field_expectation_and_finding() {
        check("1,2,3", "a.csv, line 1: expected `line` to be 6 or 12 fields, was \"3\"");
        let with = |from: &str, to: &str| format!("{HEADER}\n{SPOT}\n{}", SPOT.replace(from, to));
        check(&with("4.15070000", "4.1e0"), "line 3: expected `open` to be a decimal above 0, was \"4.1e0\"");
        check(
            &with("539.23000000", "-1"),
            "line 3: expected `volume` to be a decimal of at least 0, was \"-1\"",
        );
        check(&with(",13,", ",1.5,"), "line 3: expected `count` to be a whole number, was \"1.5\"");
        check(
            &with("4.15540000", "5"),
            "line 3: expected `close` to be between 4.15060000 and 4.15870000, was \"5\"",
        );
        check(
            &with("1601510340000", "1601510340001"),
            "line 3: expected `open_time` to be the beginning of a 1m, was \"1601510340001\"",
        );
        check(
            &with("1601510399999", "1601510400000"),
            "line 3: expected `close_time` to be within the 1m from 2020-09-30T23:59:00.000000Z, was \"1601510400000\"",
        );
        check(
            &with("401.82", "539.24"),
            "line 3: expected `taker_buy_volume` to be at most 539.23000000, was \"539.24000000\"",
        );
    }

    fn check_name(name: &str, expected: Option<(&str, Interval)>) {
        let owner = Owner::of(Path::new(name), &Given::default()).ok();
        let expected = expected.map(|(symbol, interval)| Owner { symbol: symbol.to_owned(), interval });
        assert_eq!(owner, expected, "{name}");
    }

    #[test]
    fn the_name_of_a_file_tells_whose_klines_it_has() {
        check_name("data/BTCUSDT-1m-2024-01.csv", Some(("BTCUSDT", Interval::Minute1)));
        check_name("BTCUSD_PERP-1h-2024-01-31.csv.gz", Some(("BTCUSD_PERP", Interval::Hour1)));
        check_name("BTCUSDT-1m.csv", Some(("BTCUSDT", Interval::Minute1)));
        check_name("BTCUSDT-2024-01.csv", None);
        check_name("1m-2024-01.csv", None);
        check_name("BTCUSDT-1m-2024-01.zip", None);
    }

    #[test]
    fn what_is_given_comes_before_the_name() {
        let given = Given { symbol: Some("ETHUSDT".to_owned()), interval: Some(Interval::Minute5) };
        let owner = Owner::of(Path::new("BTCUSDT-1m-2024-01.csv"), &given).unwrap();
        assert_eq!(owner, Owner { symbol: "ETHUSDT".to_owned(), interval: Interval::Minute5 });
        assert_eq!(Owner::of(Path::new("bars.csv"), &given).unwrap(), owner);
    }

    #[test]
    fn only_names_with_csv_are_klines() {
        assert!(is_archive(Path::new("a/BTCUSDT-1m-2024-01.csv.zst")));
        assert!(!is_archive(Path::new("a.csv/session.ndjson.gz")) && !is_archive(Path::new("-")));
    }
}
