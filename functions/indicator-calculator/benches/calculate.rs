//! CPU time per batch, from the bytes of an invocation to the bytes of its answer, with state and rows in memory.
//!
//! Every batch has 10,000 trades of 50 symbols, two in a record: about as many as fit into Lambda's 6 MB. The full
//! standard preset is computed at three intervals, and every ring is full. Before anything is measured, the rows of one
//! batch are compared with those of the same trades in batches of another size.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench stops where something is not as it set it up"
)]

use std::hint::black_box;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use indicator_calculator::publish::{OutputRecord, PublishError, Publisher};
use indicator_calculator::state::MemoryStore;
use indicator_calculator::{Calculator, Config, Report};

const TRADES: u64 = 10_000;
const SYMBOLS: u64 = 50;
const ROUNDS: u64 = 20;
/// 2026-01-05T00:00:00Z in milliseconds.
const MIDNIGHT_MS: u64 = 1_767_571_200_000;
const MINUTE_MS: u64 = 60_000;
/// Between two trades of a symbol in a batch that closes as many bars as it can.
const QUIET_MS: u64 = MINUTE_MS;
/// The same at 5,000 trades a second.
const BUSY_MS: u64 = 10;
/// What a batch of trades may take.
const BATCH_MS_MAX: f64 = 40.0;

fn main() {
    compare();
    let mut session = Session::new();
    // 400 minutes: every window is full.
    for _ in 0..2 {
        session.batch(QUIET_MS);
    }
    println!(
        "{TRADES} trades of {SYMBOLS} symbols a batch, an event of {} bytes",
        session.event(BUSY_MS).len()
    );
    println!("{:<28}{:>10}{:>10}{:>10}  CPU ms per batch, {ROUNDS} rounds", "", "median", "min", "max");
    let (busy, busy_bars) = session.measure(BUSY_MS);
    report("5,000 trades a second", &busy);
    let (quiet, quiet_bars) = session.measure(QUIET_MS);
    report("a trade a minute", &quiet);
    let per_bar = (median(&quiet) - median(&busy)) * 1e6 / (quiet_bars - busy_bars);
    println!(
        "{:.0} ns per trade; {per_bar:.0} ns per closed bar ({quiet_bars} a batch)",
        median(&busy) * 1e6 / TRADES as f64
    );
    assert!(median(&busy) < BATCH_MS_MAX, "expected less than {BATCH_MS_MAX} ms per batch");
}

fn report(name: &str, sorted: &[f64]) {
    println!("{name:<28}{:>10.2}{:>10.2}{:>10.2}", median(sorted), sorted[0], sorted[sorted.len() - 1]);
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Keeps the rows of a batch until they are taken. Clones share them.
#[derive(Clone, Default)]
struct Rows(Arc<Mutex<Vec<OutputRecord>>>);

impl Rows {
    fn take(&self) -> Vec<OutputRecord> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Publisher for Rows {
    async fn publish(&self, records: &[OutputRecord]) -> Result<(), PublishError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
        Ok(())
    }
}

/// One environment of the function, and where its trades have come to.
struct Session {
    calculator: Calculator<MemoryStore, Rows>,
    store: MemoryStore,
    rows: Rows,
    runtime: tokio::runtime::Runtime,
    trades: u64,
    time_ms: u64,
}

impl Session {
    fn new() -> Self {
        let required = [("STATE_TABLE", "state"), ("OUTPUT_STREAM", "rows")];
        let found = |name: &str| required.iter().find(|(found, _)| *found == name);
        let config = Config::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned()));
        let (store, rows) = (MemoryStore::default(), Rows::default());
        let calculator = Calculator::new(config.expect("the defaults"), store.clone(), rows.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { calculator, store, rows, runtime, trades: 0, time_ms: MIDNIGHT_MS }
    }

    /// The next trades, by turns of all symbols; `pause_ms` lies between two of one symbol.
    fn records(&mut self, pause_ms: u64) -> Vec<String> {
        let mut records = Vec::new();
        for _ in 0..TRADES / SYMBOLS / 2 {
            let (first, second) = (self.time_ms + pause_ms, self.time_ms + 2 * pause_ms);
            for symbol in 0..SYMBOLS {
                let trades = [(self.trades, first + symbol), (self.trades + 1, second + symbol)];
                records.push(record(symbol, trades));
            }
            self.trades += 2;
            self.time_ms = second;
        }
        records
    }

    fn event(&mut self, pause_ms: u64) -> String {
        event(&self.records(pause_ms))
    }

    fn invoke(&mut self, event: &str) -> Report {
        let calculated = self.runtime.block_on(self.calculator.calculate(black_box(event.as_bytes())));
        let calculated = calculated.expect("an answer");
        assert_eq!(calculated.answer, br#"{"batchItemFailures":[]}"#);
        calculated.report
    }

    /// Takes one batch; gives the CPU time in milliseconds and the bars that were closed.
    fn batch(&mut self, pause_ms: u64) -> (f64, u64) {
        let event = self.event(pause_ms);
        let start = cpu_ns();
        let report = self.invoke(&event);
        let elapsed = cpu_ns() - start;
        assert_eq!(report.tally.folded, TRADES);
        self.rows.take();
        (elapsed as f64 / 1e6, report.bars_closed.iter().map(|(_, count)| count).sum())
    }

    /// The times of all rounds, sorted, and the bars closed on average.
    fn measure(&mut self, pause_ms: u64) -> (Vec<f64>, f64) {
        let rounds: Vec<_> = (0..ROUNDS).map(|_| self.batch(pause_ms)).collect();
        let bars: u64 = rounds.iter().map(|(_, bars)| bars).sum();
        let mut times: Vec<_> = rounds.into_iter().map(|(time, _)| time).collect();
        times.sort_by(f64::total_cmp);
        (times, bars as f64 / ROUNDS as f64)
    }
}

/// Nanoseconds that this thread has been on a processor; of the clock where the system does not count them.
fn cpu_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let counted = counted.and_then(|text| text.split(' ').next()?.parse().ok());
    counted.unwrap_or_else(|| u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// The rows of one batch against those of the same trades in many, and the bars that there must be.
fn compare() {
    let [mut one, mut many] = [Session::new(), Session::new()];
    let records = one.records(QUIET_MS);
    one.invoke(&event(&records));
    records.chunks(777).for_each(|records| drop(many.invoke(&event(records))));
    let rows = |session: &Session| {
        let mut rows: Vec<_> = session.rows.take().into_iter().map(|record| record.data).collect();
        rows.sort();
        rows
    };
    let (one_rows, many_rows) = (rows(&one), rows(&many));
    assert!(one_rows == many_rows, "expected the same rows however the batches are cut");
    // From 00:01 to 03:20 a trade in each minute.
    assert_eq!(one_rows.len() as u64, SYMBOLS * (199 + 40 + 3));
    let states = |session: &Session| session.store.items().into_iter().map(|item| (item.key, item.state));
    assert!(states(&one).eq(states(&many)));
    let bytes = one_rows.iter().map(Vec::len).max().unwrap_or_default();
    println!(
        "{} rows are the same however the batches are cut, the longest of {bytes} bytes",
        one_rows.len()
    );
}

fn event(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

/// A trade of a combined connection.
fn frame(symbol: u64, (trade, time_ms): (u64, u64)) -> String {
    let id = 5_000_000_000 + trade;
    // A walk that repeats after some hours; no two neighbours are the same.
    let (cents, quantity) = (trade * 37 % 1009 + symbol, trade * 11 % 97 + 1);
    let is_sell = trade.is_multiple_of(3);
    format!(
        r#"{{"stream":"s{symbol}usdt@trade","data":{{"e":"trade","E":{time_ms},"s":"S{symbol}USDT","t":{id},"p":"65{:03}.{:02}000000","q":"0.{quantity:05}000","T":{time_ms},"m":{is_sell},"M":true}}}}"#,
        cents / 100,
        cents % 100,
    )
}

/// A record as Lambda hands it over, with two trades in JSON Lines.
fn record(symbol: u64, trades: [(u64, u64); 2]) -> String {
    let [(trade, _), (_, last_ms)] = trades;
    let lines = trades.map(|trade| frame(symbol, trade) + "\n").concat();
    let data = base64::engine::general_purpose::STANDARD.encode(lines);
    let sequence = format!("4954698668313554428650745793632162567570019247115{trade:07}");
    let arrival_ms = last_ms + 114;
    let (seconds, millis) = (arrival_ms / 1000, arrival_ms % 1000);
    format!(
        r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"spot|S{symbol}USDT","sequenceNumber":"{sequence}","data":"{data}","approximateArrivalTimestamp":{seconds}.{millis:03}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:{sequence}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}}"#
    )
}
