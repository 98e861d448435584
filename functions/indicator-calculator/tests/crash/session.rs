//! An hour of trades in a stream of two shards.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::dice::Dice;

/// 2026-11-21T09:27:00Z, in the middle of a bar of five minutes.
const START_MS: u64 = 1_795_253_220_000;
const SESSION_MS: u64 = 3_600_000;
/// Longest time between two trades of the session.
const PAUSE_MS: u64 = 2_500;
const SYMBOLS: [&str; 4] = ["BNBBTC", "BTCUSDT", "ETHUSDT", "XRPETH"];
/// Lengths of the bars, as `INTERVALS` of the function names them.
const INTERVALS_MS: [u64; 2] = [60_000, 300_000];
pub(crate) const INTERVALS: &str = "1m,5m";

/// The lanes, as the function names them in the table and in the output stream.
pub(crate) fn lanes() -> Vec<String> {
    SYMBOLS.iter().map(|symbol| format!("spot|{symbol}")).collect()
}

/// One record of the stream, as Lambda hands it over.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) sequence_number: String,
    pub(crate) symbol: &'static str,
    /// The element of the event.
    pub(crate) element: String,
}

/// The records of each shard.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) shards: [Vec<Record>; 2],
    /// Buckets with trades, by symbol and length: all of them are bars.
    buckets: BTreeSet<(&'static str, u64, u64)>,
    records: u64,
}

/// One symbol's trades on their way into a record.
struct Desk {
    symbol: &'static str,
    shard: usize,
    trade_id: u64,
    price_cents: u64,
    frames: Vec<String>,
}

impl Session {
    /// Makes the session: a few trades a record, now and then an id that is missing, or a record that the producer put
    /// twice.
    pub(crate) fn new() -> Self {
        let (mut session, mut dice) = (Self::default(), Dice::new(9));
        let mut desks: Vec<_> =
            SYMBOLS.iter().enumerate().map(|(at, symbol)| Desk::new(symbol, at)).collect();
        let mut time_ms = START_MS;
        while time_ms < START_MS + SESSION_MS {
            time_ms += dice.below(PAUSE_MS);
            let at = usize::try_from(dice.below(4)).unwrap();
            desks[at].trade(time_ms, &mut dice);
            for length_ms in INTERVALS_MS {
                session.buckets.insert((desks[at].symbol, length_ms, time_ms / length_ms));
            }
            if dice.chance(50) {
                session.put(&mut desks[at], time_ms, &mut dice);
            }
        }
        for desk in &mut desks {
            session.put(desk, time_ms, &mut dice);
        }
        session
    }

    /// How many bars the session closes: of each symbol and length all but the last.
    pub(crate) fn bars_closed(&self) -> usize {
        self.buckets.len() - SYMBOLS.len() * INTERVALS_MS.len()
    }

    fn put(&mut self, desk: &mut Desk, time_ms: u64, dice: &mut Dice) {
        let data = std::mem::take(&mut desk.frames).join("\n");
        let times = if dice.chance(3) { 2 } else { 1 };
        for _ in 0..times {
            self.records += 1;
            let record = Record::new(self.records, desk, &data, time_ms);
            self.shards[desk.shard].push(record);
        }
    }
}

impl Desk {
    const fn new(symbol: &'static str, at: usize) -> Self {
        Self { symbol, shard: at / 2, trade_id: 1000, price_cents: 100_000, frames: Vec::new() }
    }

    fn trade(&mut self, time_ms: u64, dice: &mut Dice) {
        self.trade_id += if dice.chance(1) { 3 } else { 1 };
        self.price_cents = self.price_cents + dice.below(101) - 50;
        let (symbol, id, event_ms) = (self.symbol, self.trade_id, time_ms + 3);
        let (units, cents) = (self.price_cents / 100, self.price_cents % 100);
        let (thousandths, is_sell) = (1 + dice.below(9999), dice.chance(50));
        let (whole, rest) = (thousandths / 1000, thousandths % 1000);
        self.frames.push(format!(
            r#"{{"e":"trade","E":{event_ms},"s":"{symbol}","t":{id},"p":"{units}.{cents:02}","q":"{whole}.{rest:03}","T":{time_ms},"m":{is_sell},"M":true}}"#
        ));
    }
}

impl Record {
    /// In the shape of the example event in "Process Amazon Kinesis Data Streams records with Lambda".
    fn new(number: u64, desk: &Desk, data: &str, time_ms: u64) -> Self {
        let (symbol, shard, data) = (desk.symbol, desk.shard, BASE64_STANDARD.encode(data));
        let (sequence_number, seconds, millis) = (format!("49{number:054}"), time_ms / 1000, time_ms % 1000);
        let element = format!(
            r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"spot|{symbol}","sequenceNumber":"{sequence_number}","data":"{data}","approximateArrivalTimestamp":{seconds}.{millis:03}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-{shard:012}:{sequence_number}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}}"#
        );
        Self { sequence_number, symbol, element }
    }
}

/// The event with these records.
pub(crate) fn event(records: &[Record]) -> Vec<u8> {
    let elements: Vec<_> = records.iter().map(|record| record.element.as_str()).collect();
    format!(r#"{{"Records":[{}]}}"#, elements.join(",")).into_bytes()
}
