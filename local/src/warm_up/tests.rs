//! What a warm-up promises: a stream that begins behind history gives the rows that it would have given, had it been seen
//! from the start.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use indicatif::ProgressBar;
use indicator_calculator::publish::MemoryStream;
use indicator_calculator::state::{MemoryStore, StateStore as _};
use indicator_calculator::{Calculator, Config, lane_key};
use serde_json::Value;
use tapeline_market::Decimal;
use tempfile::TempDir;

use super::archive::Given;
use super::frames::{self, Batch};
use super::keep::{Begun, keep};
use super::{WarmUpError, klines, progress};

/// 2026-11-21T09:00:00Z.
const START_MS: u64 = 1_795_251_600_000;
const MINUTE_MS: u64 = 60_000;

fn config(indicators: &str, intervals: &str) -> Config {
    Config::from_variables(|name| {
        Some(match name {
            "INDICATORS" => indicators.to_owned(),
            "INTERVALS" => intervals.to_owned(),
            "STATE_TABLE" | "OUTPUT_STREAM" => "any".to_owned(),
            _ => return None,
        })
    })
    .unwrap()
}

/// One trade of a made-up session.
#[derive(Debug, Clone, Copy)]
struct Execution {
    id: u64,
    time_ms: u64,
    price: Decimal,
    quantity: Decimal,
    is_buy: bool,
}

/// A session of so many minutes, up to three trades in each. Nothing is traded in every seventh.
fn session(minutes: u64) -> Vec<Execution> {
    let mut executions = Vec::new();
    // A generator of the multiplicative kind (Lehmer, modulus 2^31 - 1), so that every run sees the same.
    let mut state = 20_261_121_u64;
    let mut draw = |below: u64| {
        state = state * 48_271 % 2_147_483_647;
        state % below
    };
    let mut cents = 10_000_i128;
    for minute in (0..minutes).filter(|minute| minute % 7 != 5) {
        let first_s = draw(10);
        for at in 0..=draw(3) {
            cents += i128::from(draw(41)) - 20;
            executions.push(Execution {
                id: executions.len() as u64 + 1,
                time_ms: START_MS + minute * MINUTE_MS + (first_s + at * 11) * 1000,
                price: Decimal::new(cents, 2).unwrap(),
                quantity: Decimal::new(i128::from(draw(999)) + 1, 3).unwrap(),
                is_buy: draw(2) == 0,
            });
        }
    }
    executions
}

fn frame(execution: &Execution) -> String {
    let Execution { id, time_ms, price, quantity, is_buy } = execution;
    format!(
        r#"{{"e":"trade","E":{time_ms},"s":"BTCUSDT","t":{id},"p":"{price}","q":"{quantity}","T":{time_ms},"m":{},"M":true}}"#,
        !is_buy
    )
}

/// The exchange's 1m klines of a session, minutes `from` to `to`: in the archive's layout, with its flat lines.
fn archive(session: &[Execution], from: u64, to: u64) -> String {
    let (mut lines, mut previous) = (String::new(), None);
    for open_ms in (from..to).map(|minute| START_MS + minute * MINUTE_MS) {
        let all: Vec<_> =
            session.iter().filter(|one| one.time_ms / MINUTE_MS == open_ms / MINUTE_MS).collect();
        let zero = Decimal::ZERO;
        let sum = |of: &dyn Fn(&Execution) -> Decimal| {
            all.iter().fold(zero, |sum, one| sum.checked_add(of(one)).unwrap())
        };
        let prices: Vec<_> = all.iter().map(|one| one.price).collect();
        let prices = if prices.is_empty() { previous.into_iter().collect() } else { prices };
        let (Some(open), Some(close)) = (prices.first(), prices.last()) else { continue };
        let (high, low) = (prices.iter().max().unwrap(), prices.iter().min().unwrap());
        let (volume, quote) =
            (sum(&|one| one.quantity), sum(&|one| one.price.checked_mul(one.quantity).unwrap()));
        let bought = sum(&|one| if one.is_buy { one.quantity } else { zero });
        let (close_ms, count) = (open_ms + MINUTE_MS - 1, all.len());
        writeln!(
            lines,
            "{open_ms},{open},{high},{low},{close},{volume},{close_ms},{quote},{count},{bought},0,0"
        )
        .unwrap();
        previous = Some(*close);
    }
    lines
}

/// The same in the short layout, which has no line for a minute without a trade.
fn short(archive: &str) -> String {
    let lines = archive.lines().filter(|line| line.split(',').nth(8) != Some("0"));
    lines.map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",") + "\n").collect()
}

/// Rows of a calculator over these trades, by their id.
async fn rows(config: &Config, store: &MemoryStore, session: &[Execution]) -> BTreeMap<String, Value> {
    let stream = MemoryStream::default();
    let mut calculator = Calculator::new(config.clone(), store.clone(), stream.clone());
    let mut batch = Batch::default();
    for execution in session {
        batch.push(frame(execution).as_bytes());
    }
    let calculated = calculator.calculate(&batch.take()).await.unwrap();
    assert_eq!((calculated.report.refusals.len(), calculated.report.lanes_failed), (0, 0));
    let rows = stream.records().into_iter().map(|record| serde_json::from_slice::<Value>(&record.data));
    rows.map(Result::unwrap).map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

/// Files, and what a warm-up makes of them.
struct Workshop {
    folder: TempDir,
    config: Config,
    files: Vec<PathBuf>,
    series: progress::Series,
}

impl Workshop {
    fn new(indicators: &str, intervals: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(indicators, intervals);
        Self { folder, config, files: Vec::new(), series: progress::Series::new() }
    }

    fn file(mut self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        self.files.push(path);
        self
    }

    async fn seeded(&mut self) -> Result<MemoryStore, WarmUpError> {
        self.seeded_behind(&MemoryStore::default()).await
    }

    /// What a warm-up makes of the files where this is stored.
    async fn seeded_behind(&mut self, stored: &MemoryStore) -> Result<MemoryStore, WarmUpError> {
        let (store, given, progress) = (MemoryStore::default(), Given::default(), ProgressBar::hidden());
        let (archives, recordings): (Vec<_>, Vec<_>) =
            self.files.iter().cloned().partition(|path: &PathBuf| super::archive::is_archive(path));
        let symbols = klines::sorted(&archives, &given)?;
        let lanes = symbols.keys().map(|symbol| lane_key(&self.config.bars, symbol));
        let begun = Begun::load(stored, &self.config.bars, lanes).await?;
        for write in klines::seed(&symbols, &self.config, &begun, (&mut self.series, &progress))? {
            store.save(&write).await.unwrap();
        }
        let played = (&mut self.series, &progress);
        frames::play(&recordings, &self.config, &store, played).await?;
        Ok(store)
    }

    /// Compares rows of the whole session with those behind the warm-up. Each of the latter must be there, equal in these
    /// columns; hands back how many were compared.
    async fn check(mut self, session: &[Execution], columns: impl Fn(&str) -> bool) -> usize {
        let whole = rows(&self.config, &MemoryStore::default(), session).await;
        let store = self.seeded().await.unwrap();
        let warm = rows(&self.config, &store, session).await;
        let expected = |id: &String| whole.get(id).unwrap().as_object().unwrap();
        for (id, row) in &warm {
            let row = row.as_object().unwrap();
            let chosen = |row: &serde_json::Map<String, Value>| -> Vec<(String, Value)> {
                let entries = row.iter().filter(|(name, _)| columns(name));
                entries.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            assert_eq!(chosen(row), chosen(expected(id)), "{id}");
        }
        warm.len()
    }

    fn progress(&self, interval: &str) -> (u64, u64) {
        let progress = self.series[&("spot|BTCUSDT".to_owned(), interval.parse().unwrap())];
        (progress.bars, progress.seen)
    }
}

/// All but how the first bar begins, which nobody knows who reads klines.
fn all(column: &str) -> bool {
    column != "partial"
}

/// Four hours of trades, with klines of the first two: 1m, 5m and 1h all end there.
#[tokio::test]
async fn a_stream_behind_klines_gives_the_rows_of_one_seen_from_the_start() {
    let session = session(240);
    let workshop = Workshop::new("standard", "1m,5m,1h");
    let compared =
        workshop.file("BTCUSDT-1m-2026-11.csv", &archive(&session, 0, 120)).check(&session, all).await;
    assert!(compared > 120, "{compared}");
}

/// Windows are recomputed from their bars, so klines that begin later are enough.
#[tokio::test]
async fn windows_need_no_more_klines_than_they_are_long() {
    let session = session(240);
    let windows = |column: &str| column.starts_with("sma_") || column.starts_with("donchian_");
    let workshop = Workshop::new("sma(5) sma(10) donchian(10) ema(9)", "1m,5m");
    let compared =
        workshop.file("BTCUSDT-1m-2026-11.csv", &archive(&session, 60, 120)).check(&session, windows).await;
    assert!(compared > 100, "{compared}");
}

/// Trades of minutes without a line are unknown to nobody: the layout has no lines for quiet minutes.
#[tokio::test]
async fn the_short_layout_gives_the_same_prices_and_volumes() {
    let session = session(240);
    let without_sides = |column: &str| all(column) && !["cvd", "vwap"].contains(&column);
    let workshop = Workshop::new("standard", "1m,5m,1h");
    let lines = short(&archive(&session, 0, 120));
    workshop.file("BTCUSDT-1m.csv", &lines).check(&session, without_sides).await;
}

/// An hour that klines end in the middle of is left to the stream, which says that its bar is partial.
#[tokio::test]
async fn klines_may_end_in_the_middle_of_a_longer_bar() {
    let session = session(240);
    let mut workshop = Workshop::new("sma(5)", "1m,5m,1h").file("BTCUSDT-1m.csv", &archive(&session, 0, 95));
    let store = workshop.seeded().await.unwrap();
    let warm = rows(&workshop.config, &store, &session).await;
    let partial = |id: &str| warm[&format!("spot|BTCUSDT|{id}")]["partial"].as_bool().unwrap();
    let at = |minute: u64| (START_MS + minute * MINUTE_MS) * 1000;
    assert!(partial(&format!("1h|{}", at(60))));
    assert!(!partial(&format!("1h|{}", at(120))));
    assert!(!warm.contains_key(&format!("spot|BTCUSDT|5m|{}", at(90))));
    assert_eq!((workshop.progress("5m"), workshop.progress("1h")), ((19, 19), (1, 1)));
    let whole = Workshop::new("sma(5)", "1m,5m").file("BTCUSDT-1m.csv", &archive(&session, 0, 95));
    assert!(whole.check(&session, all).await > 140);
}

#[tokio::test]
async fn recordings_continue_where_klines_end() {
    let session = session(240);
    let recorded: String = session
        .iter()
        .filter(|one| one.time_ms < START_MS + 150 * MINUTE_MS)
        .fold(String::new(), |lines, execution| lines + &frame(execution) + "\n");
    let workshop = Workshop::new("standard", "1m,5m,1h")
        .file("a.ndjson", &recorded)
        .file("BTCUSDT-1m-2026-11.csv", &archive(&session, 0, 120));
    assert!(workshop.check(&session, all).await > 80);
}

/// The stream has come to minute 150 when its indicators are changed.
#[tokio::test]
async fn a_changed_configuration_is_seeded_up_to_where_the_stream_is() {
    let session = session(240);
    let (before, after) =
        session.split_at(session.iter().filter(|one| one.time_ms < START_MS + 150 * MINUTE_MS).count());
    let store = MemoryStore::default();
    rows(&config("sma(3)", "1m,5m,1h"), &store, before).await;
    let mut workshop =
        Workshop::new("standard", "1m,5m,1h").file("BTCUSDT-1m.csv", &archive(&session, 0, 240));
    let seeded = workshop.seeded_behind(&store).await.unwrap();
    keep(&store, &workshop.config.bars, seeded.items()).await.unwrap();
    let whole = rows(&workshop.config, &MemoryStore::default(), &session).await;
    let renewed = rows(&workshop.config, &store, after).await;
    assert!(renewed.len() > 80, "{}", renewed.len());
    for (id, row) in &renewed {
        assert_eq!(row, &whole[id]);
    }
}

#[tokio::test]
async fn files_of_an_interval_come_before_rolling_up() {
    let minutes = archive(&session(60), 0, 60);
    let five =
        "1795251600000,1,1,1,1,1,1795251899999,1,1,1,1,0\n1795251900000,2,2,2,2,1,1795252199999,1,1,1,1,0\n";
    let mut workshop =
        Workshop::new("sma(2)", "1m,5m,15m").file("BTCUSDT-5m.csv", five).file("BTCUSDT-1m.csv", &minutes);
    workshop.seeded().await.unwrap();
    assert_eq!(workshop.progress("5m"), (2, 2));
    // Not of the 1m klines, though they would give four.
    assert_eq!(workshop.progress("15m"), (0, 0));
}

async fn refused(name: &str, content: &str) -> String {
    let mut workshop = Workshop::new("sma(2)", "5m,1h").file(name, content);
    let error = workshop.seeded().await.unwrap_err().to_string();
    let folder = format!("{}/", workshop.folder.path().display());
    error.replace(&folder, "")
}

#[tokio::test]
async fn klines_that_do_not_follow_each_other_are_refused() {
    let line = |open_ms: u64| format!("{open_ms},1,1,1,1,1\n");
    assert_eq!(
        refused("A-1m.csv", &(line(START_MS) + &line(START_MS))).await,
        "A-1m.csv, line 2: expected `open_time` to be later than 2026-11-21T09:00:00.000000Z, \
         was \"2026-11-21T09:00:00.000000Z\""
    );
}

#[tokio::test]
async fn klines_that_nothing_is_made_of_are_refused() {
    assert_eq!(
        refused("A-2h.csv", "").await,
        "expected klines of an interval that the bars of 5m, 1h are made of, was 2h of A"
    );
}

#[tokio::test]
async fn a_bar_that_no_series_takes_is_refused() {
    let line = format!("{START_MS},1,2,1,1.0000000000000000001,1\n");
    let error = refused("A-5m.csv", &line).await;
    assert!(
        error.starts_with("A-5m.csv, line 1: expected `line` to be a bar of at most 18 digits"),
        "{error}"
    );
}
