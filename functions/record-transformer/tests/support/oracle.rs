//! What the rows of a record must say, told once more from the exchange's documentation.
//!
//! Frames are read with `serde_json`, times are written by `jiff`, and the fields of each kind stand in one table. Only
//! the layers around the frames (compression, aggregation) are taken off by the codec, whose own tests hold it to
//! other libraries.

use std::collections::BTreeMap;

use serde_json::Value;
use tapeline_codec::framing::{self, FramingError};

/// A row: each column with its JSON text, to the digit.
pub(crate) type Row = BTreeMap<String, String>;

/// How a field becomes a column.
#[derive(Clone, Copy)]
enum Cell {
    /// A decimal in quotes becomes a number of the same digits; empty is absent.
    Digits,
    /// Stands as it is; -1 is absent.
    Number,
    Flag,
    /// Milliseconds or microseconds become ISO 8601.
    Time,
    /// The same, and zero is absent.
    TimeOrZero,
    Text,
    /// In lower case.
    Word,
    Levels,
}
use Cell::{Digits, Flag, Levels, Number, Text, Time, TimeOrZero, Word};

type Fields = &'static [(&'static str, &'static str, Cell)];

const EXECUTION: Fields = &[("price", "p", Digits), ("quantity", "q", Digits), ("trade_time", "T", Time)];
const PRICES: Fields =
    &[("open", "o", Digits), ("high", "h", Digits), ("low", "l", Digits), ("close", "c", Digits)];
const STATISTICS: Fields = &[
    ("price_change", "p", Digits),
    ("price_change_percent", "P", Digits),
    ("weighted_average_price", "w", Digits),
    ("open_time", "O", Time),
    ("close_time", "C", Time),
    ("first_trade_id", "F", Number),
    ("last_trade_id", "L", Number),
    ("trade_count", "n", Number),
];
const DAY: Fields = &[
    ("previous_close_price", "x", Digits),
    ("last_quantity", "Q", Digits),
    ("bid_price", "b", Digits),
    ("bid_quantity", "B", Digits),
    ("ask_price", "a", Digits),
    ("ask_quantity", "A", Digits),
];
const KLINE: Fields = &[
    ("interval", "k.i", Text),
    ("open_time", "k.t", Time),
    ("close_time", "k.T", Time),
    ("open", "k.o", Digits),
    ("high", "k.h", Digits),
    ("low", "k.l", Digits),
    ("close", "k.c", Digits),
    ("trade_count", "k.n", Number),
    ("first_trade_id", "k.f", Number),
    ("last_trade_id", "k.L", Number),
    ("is_closed", "k.x", Flag),
];
const AGG_IDS: Fields =
    &[("agg_trade_id", "a", Number), ("first_trade_id", "f", Number), ("last_trade_id", "l", Number)];
const BOOK: Fields = &[
    ("update_id", "u", Number),
    ("bid_price", "b", Digits),
    ("bid_quantity", "B", Digits),
    ("ask_price", "a", Digits),
    ("ask_quantity", "A", Digits),
    ("trade_time", "T", Time),
];
const UPDATE: Fields = &[
    ("first_update_id", "U", Number),
    ("last_update_id", "u", Number),
    ("previous_update_id", "pu", Number),
    ("trade_time", "T", Time),
    ("bids", "b", Levels),
    ("asks", "a", Levels),
];
const SPOT_SNAPSHOT: Fields =
    &[("last_update_id", "lastUpdateId", Number), ("bids", "bids", Levels), ("asks", "asks", Levels)];
const FUTURES_SNAPSHOT: Fields = &[
    ("last_update_id", "u", Number),
    ("trade_time", "T", Time),
    ("bids", "b", Levels),
    ("asks", "a", Levels),
];
const MARK: Fields = &[
    ("mark_price", "p", Digits),
    ("index_price", "i", Digits),
    ("estimated_settle_price", "P", Digits),
    ("funding_rate", "r", Digits),
    ("next_funding_time", "T", TimeOrZero),
];
const LIQUIDATION: Fields = &[
    ("side", "o.S", Word),
    ("order_type", "o.o", Text),
    ("time_in_force", "o.f", Text),
    ("quantity", "o.q", Digits),
    ("price", "o.p", Digits),
    ("average_price", "o.ap", Digits),
    ("order_status", "o.X", Text),
    ("last_filled_quantity", "o.l", Digits),
    ("filled_quantity", "o.z", Digits),
    ("trade_time", "o.T", Time),
];

/// One frame, whatever it came in.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    stream: String,
    payload: Value,
}

/// The frames of a record's bytes, in order.
pub(crate) fn frames(data: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    framing::texts(data, &mut |text: &str| {
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            push(document.unwrap(), &mut frames);
        }
        Ok::<(), FramingError>(())
    })
    .unwrap();
    frames
}

fn push(document: Value, frames: &mut Vec<Frame>) {
    let stream = document["stream"].as_str().unwrap_or_default().to_owned();
    match (document.get("data"), &document) {
        (Some(Value::Array(payloads)), _) => {
            frames.extend(payloads.iter().cloned().map(|payload| Frame { stream: stream.clone(), payload }));
        }
        (Some(payload), _) => frames.push(Frame { payload: payload.clone(), stream }),
        (None, Value::Array(documents)) => {
            for document in documents {
                push(document.clone(), frames);
            }
        }
        (None, _) => frames.push(Frame { stream, payload: document }),
    }
}

impl Frame {
    /// The kind of its row; `None` for a control frame.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        let is_partial_book =
            ["@depth5", "@depth10", "@depth20"].iter().any(|name| self.stream.contains(name));
        Some(match self.payload["e"].as_str() {
            Some("trade") => "trade",
            Some("aggTrade") => "agg_trade",
            Some("blockTrade") => "block_trade",
            Some("kline") => "kline",
            Some("24hrMiniTicker") => "mini_ticker",
            Some("24hrTicker") => "ticker",
            Some("1hTicker" | "4hTicker" | "1dTicker") => "rolling_ticker",
            Some("avgPrice") => "avg_price",
            Some("referencePrice") => "reference_price",
            Some("markPriceUpdate") => "mark_price",
            Some("forceOrder") => "liquidation",
            Some("depthUpdate") if is_partial_book => "depth_snapshot",
            Some("depthUpdate") => "depth_update",
            None if self.payload.get("lastUpdateId").is_some() => "depth_snapshot",
            None if self.payload.get("u").is_some() => "book_ticker",
            Some("bookTicker") => "book_ticker",
            _ => return None,
        })
    }

    pub(crate) fn symbol(&self) -> String {
        let payload = &self.payload;
        match payload["s"].as_str().or(payload["o"]["s"].as_str()) {
            Some(symbol) => symbol.to_owned(),
            None => self.stream.split('@').next().unwrap().to_uppercase(),
        }
    }

    /// Whether it is a kline of a bar that may still change.
    pub(crate) fn is_open_kline(&self) -> bool {
        self.payload["k"]["x"] == Value::Bool(false)
    }

    /// Whether the exchange took it back.
    pub(crate) fn is_invalidated(&self) -> bool {
        self.kind() == Some("agg_trade") && self.payload["f"] == -1
    }

    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.payload, |value, key| &value[key])
    }

    fn micros(&self, path: &str) -> i64 {
        let time = self.at(path).as_i64().unwrap();
        if time >= 100_000_000_000_000 { time } else { time * 1000 }
    }

    fn cell(&self, path: &str, cell: Cell) -> Option<String> {
        let value = self.at(path);
        match cell {
            _ if value.is_null() => None,
            Digits => Some(value.as_str().unwrap().to_owned()).filter(|digits| !digits.is_empty()),
            Number | Flag => Some(value.to_string()).filter(|number| number != "-1"),
            TimeOrZero if *value == 0 => None,
            Time | TimeOrZero => Some(iso(self.micros(path))),
            Text => Some(value.to_string()),
            Word => Some(value.to_string().to_lowercase()),
            Levels => {
                let level = |level: &Value| {
                    let part = |at: usize| level[at].as_str().unwrap();
                    format!(r#"{{"price":{},"quantity":{}}}"#, part(0), part(1))
                };
                let levels: Vec<_> = value.as_array().unwrap().iter().map(level).collect();
                Some(format!("[{}]", levels.join(",")))
            }
        }
    }

    /// The whole row.
    pub(crate) fn row(&self, market: &str, arrival_micros: Option<i64>) -> Row {
        let kind = self.kind().unwrap();
        let mut row = Row::new();
        let symbol = self.symbol();
        let mut put =
            |column: &str, text: Option<String>| row.extend(text.map(|text| (column.to_owned(), text)));
        put("kind", Some(quoted(kind)));
        put("market", Some(quoted(market)));
        put("symbol", Some(quoted(&symbol)));
        put("id", Some(quoted(&format!("{market}|{symbol}|{}", self.id_tail(kind)))));
        put("event_time", self.cell("E", Time));
        put("arrival_time", arrival_micros.map(iso));
        for (column, path, cell) in self.fields(kind).concat() {
            put(column, self.cell(path, cell));
        }
        for (column, text) in self.computed(kind, market) {
            put(column, text);
        }
        row
    }

    fn fields(&self, kind: &str) -> Vec<Fields> {
        match kind {
            "trade" | "block_trade" => vec![&[("trade_id", "t", Number)], EXECUTION],
            "agg_trade" => vec![AGG_IDS, EXECUTION],
            "kline" => vec![KLINE],
            "mini_ticker" => vec![PRICES],
            "ticker" => vec![PRICES, STATISTICS, DAY],
            "rolling_ticker" => vec![PRICES, STATISTICS],
            "book_ticker" => vec![BOOK],
            "avg_price" => {
                vec![&[("interval", "i", Text), ("average_price", "w", Digits), ("trade_time", "T", Time)]]
            }
            "depth_update" => vec![UPDATE],
            "depth_snapshot" if self.payload.get("lastUpdateId").is_some() => vec![SPOT_SNAPSHOT],
            "depth_snapshot" => vec![FUTURES_SNAPSHOT],
            "reference_price" => vec![&[("price", "r", Digits), ("valid_time", "t", Time)]],
            "mark_price" => vec![MARK],
            "liquidation" => vec![LIQUIDATION],
            other => panic!("expected fields for {other}"),
        }
    }

    /// The columns that are no copy of one field.
    fn computed(&self, kind: &str, market: &str) -> Vec<(&'static str, Option<String>)> {
        let digits = |path: &str| self.cell(path, Digits);
        match kind {
            "trade" | "agg_trade" | "block_trade" => {
                let product = product(&digits("p").unwrap(), &digits("q").unwrap());
                let side = if self.payload["m"] == true { "sell" } else { "buy" };
                vec![
                    ("quote_quantity", Some(product).filter(|_| market != "coinm")),
                    ("taker_side", Some(quoted(side))),
                ]
            }
            "kline" if market == "coinm" => vec![
                ("contract_volume", digits("k.v")),
                ("base_volume", digits("k.q")),
                ("taker_buy_contract_volume", digits("k.V")),
                ("taker_buy_base_volume", digits("k.Q")),
            ],
            "kline" => vec![
                ("base_volume", digits("k.v")),
                ("quote_volume", digits("k.q")),
                ("taker_buy_base_volume", digits("k.V")),
                ("taker_buy_quote_volume", digits("k.Q")),
                ("utc_offset", self.stream.split('@').nth(2).map(quoted)),
            ],
            "mini_ticker" | "ticker" | "rolling_ticker" => {
                let names = if market == "coinm" {
                    ["contract_volume", "base_volume"]
                } else {
                    ["base_volume", "quote_volume"]
                };
                vec![
                    ("window", Some(quoted(self.window()))),
                    (names[0], digits("v")),
                    (names[1], digits("q")),
                ]
            }
            "depth_snapshot" => {
                let levels = self.stream.split("@depth").nth(1).unwrap().split('@').next();
                vec![("levels", levels.map(str::to_owned))]
            }
            _ => Vec::new(),
        }
    }

    fn window(&self) -> &str {
        match self.payload["e"].as_str().unwrap().split_once("Ticker").unwrap().0 {
            "24hr" | "24hrMini" => "24h",
            window => window,
        }
    }

    /// What stands behind market and symbol in the id.
    fn id_tail(&self, kind: &str) -> String {
        let (number, micros) = (|path: &str| self.at(path).to_string(), |path: &str| self.micros(path));
        match kind {
            "trade" => format!("t|{}", number("t")),
            "agg_trade" => format!("a|{}", number("a")),
            "block_trade" => format!("bt|{}", number("t")),
            "kline" => format!("k|{}|{}", self.at("k.i").as_str().unwrap(), micros("k.t")),
            "mini_ticker" | "ticker" | "rolling_ticker" => {
                format!("{kind}|{}|{}", self.window(), micros("E"))
            }
            "book_ticker" => format!("b|{}", number("u")),
            "avg_price" => format!("avg|{}", micros("E")),
            "depth_update" => format!("d|{}", number("u")),
            "depth_snapshot" if self.payload.get("lastUpdateId").is_some() => {
                format!("ds|{}", number("lastUpdateId"))
            }
            "depth_snapshot" => format!("ds|{}", number("u")),
            "reference_price" => format!("r|{}", micros("t")),
            "mark_price" => format!("mp|{}", micros("E")),
            "liquidation" => {
                let text = |path: &str| self.at(path).as_str().unwrap().to_lowercase();
                format!("l|{}|{}|{}", micros("o.T"), text("o.S"), text("o.z"))
            }
            other => panic!("expected an id for {other}"),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn iso(micros: i64) -> String {
    format!("\"{:.6}\"", jiff::Timestamp::from_microsecond(micros).unwrap())
}

/// The exact product of two decimals in its shortest text.
fn product(price: &str, quantity: &str) -> String {
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (format!("{whole}{fraction}").parse::<i128>().unwrap(), fraction.len())
    };
    let ((price, price_places), (quantity, quantity_places)) = (parts(price), parts(quantity));
    let places = price_places + quantity_places;
    let digits = format!("{:0>width$}", price * quantity, width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// When a record arrived, by the forms that events/README.md names.
pub(crate) fn arrival_micros(record: &Value) -> Option<i64> {
    let seconds_or_millis = |number: f64| {
        let micros = if number < 1e11 { number * 1e6 } else { number * 1e3 };
        // Whole microseconds of this century: exact in a double.
        format!("{micros:.0}").parse().ok()
    };
    match &record["approximateArrivalTimestamp"] {
        Value::Number(number) => seconds_or_millis(number.as_f64()?),
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(time.as_microsecond()),
            Err(_) => seconds_or_millis(text.parse().ok()?),
        },
        _ => None,
    }
}
