//! Made-up sessions: frames of a few symbols in the order in which an exchange sends them, and batches of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use tapeline_codec::framing::kpl;

/// 2026-01-05T11:57:00Z: sessions cross minutes, five minutes and the hour.
const START_MS: u64 = 1_767_614_220_000;
/// From the exchange to the stream.
const DELAY_MS: u64 = 114;

/// One record of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Place of its symbol: those of one symbol stay in one shard.
    pub(crate) symbol: usize,
    pub(crate) data: Vec<u8>,
    pub(crate) arrival_ms: u64,
}

/// What happens next at the exchange.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    symbol: usize,
    packing: Packing,
    pause_ms: u64,
    /// How long before it was sent a trade happened: more than the grace at most.
    late_ms: u64,
    /// Ids that never come.
    hole: u64,
    price: u32,
    quantity: u32,
}

#[derive(Debug, Clone, Copy)]
enum Packing {
    Trade,
    JsonLines,
    Aggregate,
    Ticker,
    Heartbeat,
    /// A closed kline that ends with the symbol's last trade, or with the one behind it.
    Kline,
}

fn step() -> impl Strategy<Value = Step> {
    use Packing::{Aggregate, Heartbeat, JsonLines, Kline, Ticker, Trade};
    let packing = prop_oneof![
        6 => Just(Trade), 1 => Just(JsonLines), 1 => Just(Aggregate), 1 => Just(Ticker), 1 => Just(Heartbeat),
        1 => Just(Kline)
    ];
    let late_ms = prop_oneof![4 => Just(0), 1 => 0..4000_u64];
    let hole = prop_oneof![9 => Just(0), 1 => 1..4_u64];
    (0..SYMBOLS.len(), packing, 0..25_000_u64, late_ms, hole, 1..100_000_u32, 1..100_000_u32).prop_map(
        |(symbol, packing, pause_ms, late_ms, hole, price, quantity)| Step {
            symbol,
            packing,
            pause_ms,
            late_ms,
            hole,
            price,
            quantity,
        },
    )
}

/// The symbols of a session.
pub(crate) const SYMBOLS: [&str; 4] = ["BTCUSDT", "ETHUSDT", "BNBBTC", "币安人生USDT"];

/// Sessions of some minutes.
pub(crate) fn sessions() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(step(), 1..80).prop_map(|steps| records(&steps))
}

/// Sessions of single trades only.
pub(crate) fn sessions_of_trades() -> impl Strategy<Value = Vec<Record>> {
    let trades = |mut steps: Vec<Step>| {
        for step in &mut steps {
            step.packing = Packing::Trade;
        }
        records(&steps)
    };
    prop::collection::vec(step(), 1..40).prop_map(trades)
}

fn records(steps: &[Step]) -> Vec<Record> {
    let (mut now_ms, mut last_ids) = (START_MS, [0; SYMBOLS.len()]);
    let mut record = |step: &Step| {
        now_ms += step.pause_ms;
        let data = data(step, now_ms, &mut last_ids[step.symbol]);
        Record { symbol: step.symbol, data, arrival_ms: now_ms + DELAY_MS }
    };
    steps.iter().map(&mut record).collect()
}

fn data(step: &Step, now_ms: u64, last_id: &mut u64) -> Vec<u8> {
    let symbol = SYMBOLS[step.symbol];
    // What a symbol's first trade finds is no part of the law: there is nothing to close before it.
    let packing = if *last_id == 0 { Packing::Trade } else { step.packing };
    let mut trade = |hole: u64| {
        let time_ms = now_ms - if *last_id == 0 { 0 } else { step.late_ms };
        *last_id += hole + 1;
        trade_frame(symbol, *last_id, (now_ms, time_ms), (step.price, step.quantity))
    };
    match packing {
        Packing::Trade => trade(step.hole).into_bytes(),
        Packing::JsonLines => format!("{}\n{}\n", trade(step.hole), trade(0)).into_bytes(),
        Packing::Aggregate => {
            let frames = [trade(step.hole), trade(0)];
            kpl::aggregate(&frames.each_ref().map(|frame| ("a key of its own", frame.as_bytes())))
        }
        Packing::Ticker => clock("24hrMiniTicker", symbol, now_ms).into_bytes(),
        Packing::Heartbeat => clock("heartbeat", symbol, now_ms).into_bytes(),
        Packing::Kline => kline(symbol, now_ms, *last_id + step.hole.min(1)).into_bytes(),
    }
}

/// A trade that happened at `time_ms` and was sent at `now_ms`.
pub(crate) fn trade_frame(
    symbol: &str,
    id: u64,
    (now_ms, time_ms): (u64, u64),
    (price, quantity): (u32, u32),
) -> String {
    let is_sell = (price + quantity) % 2 == 0;
    format!(
        r#"{{"e":"trade","E":{now_ms},"s":"{symbol}","t":{id},"p":"{}.{:02}","q":"0.{quantity:08}","T":{time_ms},"m":{is_sell},"M":true}}"#,
        price / 100 + 1,
        price % 100
    )
}

fn clock(event: &str, symbol: &str, now_ms: u64) -> String {
    format!(
        r#"{{"e":"{event}","E":{now_ms},"s":"{symbol}","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}}"#
    )
}

/// The closed kline of the last whole minute.
fn kline(symbol: &str, now_ms: u64, last_id: u64) -> String {
    let close_ms = now_ms - now_ms % 60_000 - 1;
    format!(
        r#"{{"e":"kline","E":{now_ms},"s":"{symbol}","k":{{"t":{},"T":{close_ms},"s":"{symbol}","i":"1m","f":1,"L":{last_id},"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0010","v":"1000","n":100,"x":true,"q":"1.0000","V":"500","Q":"0.500","B":"0"}}}}"#,
        close_ms - 59_999
    )
}

/// The data of records that cannot be read, or not to their end, and tell nothing new.
pub(crate) fn poison(record: &Record, dice: u64) -> Vec<u8> {
    let frame =
        trade_frame(SYMBOLS[record.symbol], 1_000_000, (record.arrival_ms, record.arrival_ms), (1, 1));
    match dice % 6 {
        0 => b"\xff\xfe".to_vec(),
        1 => frame[..60].into(),
        2 => frame.replace("\"trade\"", "\"trades\"").into(),
        3 => b"\x1f\x8b\x08\x00\x00".to_vec(),
        4 => frame.replace("\"q\":\"0.", "\"q\":\"-0.").into(),
        _ => frame.replace("\"E\":17", "\"E\":20").into(),
    }
}

/// The sequence number of a record by its place in its shard.
pub(crate) fn sequence_number(place: usize) -> String {
    format!("4954698668313554428650745793632162567570019247115{place:07}")
}

/// A batch of one shard; each record with its place in it.
pub(crate) fn event<'r>(records: impl IntoIterator<Item = (usize, &'r Record)>) -> Vec<u8> {
    let record = |(place, record): (usize, &Record)| {
        let sequence_number = sequence_number(place);
        let (seconds, millis) = (record.arrival_ms / 1000, record.arrival_ms % 1000);
        format!(
            r#"{{"kinesis":{{"partitionKey":"spot|{}","sequenceNumber":"{sequence_number}","data":"{}","approximateArrivalTimestamp":{seconds}.{millis:03}}},"eventID":"shardId-000000000000:{sequence_number}"}}"#,
            SYMBOLS[record.symbol],
            BASE64_STANDARD.encode(&record.data)
        )
    };
    let records: Vec<_> = records.into_iter().map(record).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes()
}
