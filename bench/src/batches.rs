//! Batches of trades for the calculator, and one environment of the function that takes them.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use indicator_calculator::publish::{OutputRecord, PublishError, Publisher};
use indicator_calculator::state::MemoryStore;
use indicator_calculator::{Calculator, Config, Report};

/// The trades of a batch, two in a record: about as many as fit into Lambda's 6 MB.
pub const TRADES: u64 = 10_000;
/// The symbols of a batch.
pub const SYMBOLS: u64 = 50;
/// Milliseconds between two trades of a symbol at 5,000 trades a second.
pub const BUSY_MS: u64 = 10;
/// The same in a batch that closes as many bars as it can.
pub const QUIET_MS: u64 = 60_000;
/// The intervals into which trades are folded.
pub const INTERVALS: &str = "1m,5m,15m,1h,4h";
/// 2026-01-05T00:00:00Z.
const MIDNIGHT_MS: u64 = 1_767_571_200_000;

/// Keeps the rows of a batch until they are taken. Clones share them.
#[derive(Clone, Default)]
pub struct Rows(Arc<Mutex<Vec<OutputRecord>>>);

impl Rows {
    /// Takes what was published.
    pub fn take(&self) -> Vec<OutputRecord> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Publisher for Rows {
    async fn publish(&self, records: &[OutputRecord]) -> Result<(), PublishError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
        Ok(())
    }
}

/// One environment of the function, with state and rows in memory, and where its trades have come to.
pub struct Session {
    calculator: Calculator<MemoryStore, Rows>,
    store: MemoryStore,
    rows: Rows,
    runtime: tokio::runtime::Runtime,
    tape: Tape,
}

impl Default for Session {
    /// The standard preset at five intervals.
    fn default() -> Self {
        let variables = [("STATE_TABLE", "state"), ("OUTPUT_STREAM", "rows"), ("INTERVALS", INTERVALS)];
        let found = |name: &str| variables.iter().find(|(found, _)| *found == name);
        let config = Config::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned()));
        let (store, rows) = (MemoryStore::default(), Rows::default());
        let calculator = Calculator::new(config.expect("the defaults"), store.clone(), rows.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { calculator, store, rows, runtime, tape: Tape::default() }
    }
}

impl Session {
    /// The event of the next trades; `pause_ms` lies between two of one symbol.
    pub fn event(&mut self, pause_ms: u64) -> String {
        event(&self.tape.records(pause_ms))
    }

    /// Takes one batch; its rows are kept until the next one.
    pub fn invoke(&mut self, event: &str) -> Report {
        self.rows.take();
        let calculated = self.runtime.block_on(self.calculator.calculate(event.as_bytes()));
        let calculated = calculated.expect("an answer");
        assert_eq!(calculated.answer, br#"{"batchItemFailures":[]}"#);
        calculated.report
    }

    /// Takes two batches of quiet trades: 400 minutes, after which every window of the 1m series is full.
    pub fn warm_up(&mut self) {
        for _ in 0..2 {
            let event = self.event(QUIET_MS);
            self.invoke(&event);
        }
    }
}

/// Where the trades have come to.
struct Tape {
    trades: u64,
    time_ms: u64,
}

impl Default for Tape {
    fn default() -> Self {
        Self { trades: 0, time_ms: MIDNIGHT_MS }
    }
}

impl Tape {
    /// The next trades, by turns of all symbols.
    fn records(&mut self, pause_ms: u64) -> Vec<String> {
        let mut records = Vec::new();
        for _ in 0..TRADES / SYMBOLS / 2 {
            let (first, second) = (self.time_ms + pause_ms, self.time_ms + 2 * pause_ms);
            for symbol in 0..SYMBOLS {
                records.push(record(
                    symbol,
                    [(self.trades, first + symbol), (self.trades + 1, second + symbol)],
                ));
            }
            self.trades += 2;
            self.time_ms = second;
        }
        records
    }
}

/// Compares the rows and the state of one batch with those of the same trades in many.
///
/// # Panics
/// When they differ.
pub fn check_batch_cuts() {
    let (mut one, mut many) = (Session::default(), Session::default());
    let records = one.tape.records(QUIET_MS);
    let sorted = |session: &Session| {
        let mut rows: Vec<_> = session.rows.take().into_iter().map(|record| record.data).collect();
        rows.sort();
        rows
    };
    one.invoke(&event(&records));
    let mut many_rows = Vec::new();
    for records in records.chunks(777) {
        many.invoke(&event(records));
        many_rows.extend(sorted(&many));
    }
    many_rows.sort();
    assert!(sorted(&one) == many_rows, "expected the same rows however the batches are cut");
    let states = |session: &Session| session.store.items().into_iter().map(|item| (item.key, item.state));
    assert!(states(&one).eq(states(&many)), "expected the same state however the batches are cut");
    // From 00:01 to 03:20 a trade in each minute: as many bars have ended by then.
    assert_eq!(many_rows.len() as u64, SYMBOLS * (199 + 40 + 13 + 3));
}

fn event(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

/// A trade of a combined connection.
pub fn frame(symbol: u64, (trade, time_ms): (u64, u64)) -> String {
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
    let data = BASE64_STANDARD.encode(lines);
    let sequence = format!("4954698668313554428650745793632162567570019247115{trade:07}");
    let arrival_ms = last_ms + 114;
    let (seconds, millis) = (arrival_ms / 1000, arrival_ms % 1000);
    format!(
        r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"spot|S{symbol}USDT","sequenceNumber":"{sequence}","data":"{data}","approximateArrivalTimestamp":{seconds}.{millis:03}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:{sequence}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}}"#
    )
}
