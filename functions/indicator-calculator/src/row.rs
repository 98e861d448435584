//! One closed bar with its indicators as a row.

mod double;

use tapeline_indicators::{ClosedBar, Plan, Seen};
use tapeline_market::{Decimal, Market, Timestamp};

/// The columns of a row and their types in the Glue table, in their order; one double for each value of the plan follows.
pub const COLUMNS: &[(&str, &str)] = &[
    ("kind", "string"),
    ("id", "string"),
    ("market", "string"),
    ("symbol", "string"),
    ("event_time", "timestamp"),
    ("interval", "string"),
    ("open_time", "timestamp"),
    ("close_time", "timestamp"),
    ("open", "double"),
    ("high", "double"),
    ("low", "double"),
    ("close", "double"),
    ("base_volume", "double"),
    ("quote_volume", "double"),
    ("contract_volume", "double"),
    ("trade_count", "bigint"),
    ("taker_buy_base_volume", "double"),
    ("taker_buy_contract_volume", "double"),
    ("gap", "boolean"),
    ("missing", "bigint"),
    ("partial", "boolean"),
    ("filled", "boolean"),
    ("closed_by", "string"),
    ("bars_seen", "bigint"),
    ("bars_since_gap", "bigint"),
];

/// Whose bar it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'l> {
    pub(crate) market: Market,
    pub(crate) symbol: &'l str,
}

/// The names of a plan's columns as they stand in a row, quotes and punctuation included: written once, copied into
/// every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys(Vec<Box<str>>);

impl Keys {
    /// The names of the columns of a plan, which need no escape in JSON.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self(plan.columns().iter().map(|column| format!(",\"{column}\":").into()).collect())
    }
}

/// What a bar's indicators gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'v> {
    pub(crate) seen: Seen,
    pub(crate) keys: &'v Keys,
    pub(crate) numbers: &'v [Option<f64>],
}

/// Appends one JSON document and a line feed. Nothing in it depends on when or how often it is written, so a row that is
/// published twice is the same twice: its `id` removes the second.
///
/// Prices and volumes have the exchange's digits; an indicator that is warming up is left out.
pub(crate) fn write(owner: Owner<'_>, closed: &ClosedBar, values: &Values<'_>, out: &mut Vec<u8>) {
    let bar = &closed.bar;
    let (market, interval) = (owner.market.as_str(), bar.interval.as_str());
    // A symbol needs no escape in JSON: see `Symbol`.
    put(out, &["{\"kind\":\"indicators\",\"id\":\"", market, "|", owner.symbol, "|", interval, "|"]);
    put(out, &[itoa::Buffer::new().format(bar.open_time.micros())]);
    put(out, &["\",\"market\":\"", market, "\",\"symbol\":\"", owner.symbol]);
    time("\",\"event_time\":\"", bar.close_time, out);
    put(out, &["\",\"interval\":\"", interval]);
    time("\",\"open_time\":\"", bar.open_time, out);
    time("\",\"close_time\":\"", bar.close_time, out);
    decimal("\",\"open\":", bar.open, out);
    decimal(",\"high\":", bar.high, out);
    decimal(",\"low\":", bar.low, out);
    decimal(",\"close\":", bar.close, out);
    let (volume, taker_buy_volume) = volume_keys(owner.market);
    decimal(volume, bar.volume, out);
    if let Some(quote_volume) = bar.quote_volume {
        decimal(",\"quote_volume\":", quote_volume, out);
    }
    count(",\"trade_count\":", bar.trade_count, out);
    decimal(taker_buy_volume, bar.taker_buy_volume, out);
    circumstances(closed, values.seen, out);
    for (key, value) in values.keys.0.iter().zip(values.numbers) {
        if let Some(value) = value {
            out.extend_from_slice(key.as_bytes());
            double::write(*value, out);
        }
    }
    out.extend_from_slice(b"}\n");
}

/// How the bar came about, and how much history is behind its values.
fn circumstances(closed: &ClosedBar, seen: Seen, out: &mut Vec<u8>) {
    flag(",\"gap\":", closed.gap, out);
    count(",\"missing\":", closed.missing, out);
    flag(",\"partial\":", closed.partial, out);
    flag(",\"filled\":", closed.filled, out);
    put(out, &[",\"closed_by\":\"", closed.closed_by.as_str()]);
    count("\",\"bars_seen\":", seen.bars, out);
    count(",\"bars_since_gap\":", seen.bars_since_gap, out);
}

/// Quantities of coin-margined futures count contracts.
const fn volume_keys(market: Market) -> (&'static str, &'static str) {
    match market {
        Market::Spot | Market::Usdm => (",\"base_volume\":", ",\"taker_buy_base_volume\":"),
        Market::Coinm => (",\"contract_volume\":", ",\"taker_buy_contract_volume\":"),
    }
}

fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn time(key: &str, time: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(&time.to_iso());
}

fn decimal(key: &str, number: Decimal, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    number.write_to(out);
}

fn count(key: &str, count: u64, out: &mut Vec<u8>) {
    put(out, &[key, itoa::Buffer::new().format(count)]);
}

fn flag(key: &str, is_set: bool, out: &mut Vec<u8>) {
    put(out, &[key, if is_set { "true" } else { "false" }]);
}

#[cfg(test)]
mod tests {
    use tapeline_indicators::ClosedBy;
    use tapeline_market::{Bar, Interval};

    use super::*;

    fn closed(market: Market) -> ClosedBar {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        let bar = Bar {
            interval: Interval::Minute1,
            open_time: Timestamp::from_millis(1_570_752_000_000).unwrap(),
            close_time: Timestamp::from_micros(1_570_752_059_999_999).unwrap(),
            open: decimal("0.00141342"),
            high: decimal("0.00141557"),
            low: decimal("0.00141266"),
            close: decimal("0.00141418"),
            volume: decimal("1482.00000000"),
            quote_volume: (market != Market::Coinm).then(|| decimal("2.0957000000000000")),
            taker_buy_volume: decimal("100.00000000"),
            trade_count: 21,
        };
        ClosedBar { bar, missing: 0, gap: false, partial: true, filled: false, closed_by: ClosedBy::Trade }
    }

    fn row(market: Market) -> String {
        let mut out = Vec::new();
        let seen = Seen { bars: 1, bars_since_gap: 1 };
        let keys = Keys::of(&"sma(1) rsi(14) obv".parse().unwrap());
        let values = Values { seen, keys: &keys, numbers: &[Some(0.001_414_18), None, Some(-1e-7)] };
        write(Owner { market, symbol: "XRPETH" }, &closed(market), &values, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_has_the_documented_columns_and_no_null() {
        assert_eq!(
            row(Market::Spot),
            "{\"kind\":\"indicators\",\"id\":\"spot|XRPETH|1m|1570752000000000\",\"market\":\"spot\",\"symbol\":\"XRPETH\",\
             \"event_time\":\"2019-10-11T00:00:59.999999Z\",\"interval\":\"1m\",\"open_time\":\"2019-10-11T00:00:00.000000Z\",\
             \"close_time\":\"2019-10-11T00:00:59.999999Z\",\"open\":0.00141342,\"high\":0.00141557,\"low\":0.00141266,\
             \"close\":0.00141418,\"base_volume\":1482.00000000,\"quote_volume\":2.0957000000000000,\"trade_count\":21,\
             \"taker_buy_base_volume\":100.00000000,\"gap\":false,\"missing\":0,\"partial\":true,\"filled\":false,\
             \"closed_by\":\"trade\",\"bars_seen\":1,\"bars_since_gap\":1,\"sma_1\":0.00141418,\"obv\":-0.0000001}\n"
        );
    }

    #[test]
    fn every_column_is_of_the_table_and_in_its_order() {
        for market in Market::ALL {
            let row = row(market);
            let names = row
                .split('"')
                .skip(1)
                .step_by(2)
                .filter(|name| COLUMNS.iter().any(|(column, _)| column == name));
            let places = names.map(|name| COLUMNS.iter().position(|(column, _)| *column == name).unwrap());
            let places: Vec<_> = places.filter(|&place| place > 0).collect();
            // `kind` is also a value; contracts stand in the place of the base asset, and have no quote volume.
            let absent = if market == Market::Coinm { 4 } else { 3 };
            assert_eq!(places.len(), COLUMNS.len() - absent);
            assert!(places.is_sorted(), "{row}");
        }
    }

    #[test]
    fn contracts_are_named_so() {
        let row: serde_json::Value = serde_json::from_str(&row(Market::Coinm)).unwrap();
        assert!(row["contract_volume"].is_number() && row["taker_buy_contract_volume"].is_number());
        assert!(row.get("base_volume").is_none());
    }
}
