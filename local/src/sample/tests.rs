//! Laws of a whole session, checked on its printed frames.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use tapeline_codec::Reason;
use tapeline_codec::binance::{self, DecodeError, Identity, Kind};
use tapeline_json::Cursor;
use tapeline_market::Market;

use super::*;

fn options(seed: u64, symbols: &[&str], minutes: u32) -> SampleOptions {
    SampleOptions {
        seed,
        symbols: symbols.iter().map(|s| (*s).to_owned()).collect(),
        minutes,
        pace: 1,
        start: START_MS,
    }
}

fn session(seed: u64, symbols: &[&str], minutes: u32) -> Vec<SampleFrame> {
    Session::new(&options(seed, symbols, minutes)).unwrap().collect()
}

/// Five minutes hold every kind of frame; the second symbol is fine-grained, the third a thin market.
fn five_minutes() -> Vec<SampleFrame> {
    session(1, &["BTCUSDT", "PEPEUSDT", "THINUSDT"], 5)
}

/// The payloads of one kind of frame, by symbol.
fn payloads(frames: &[SampleFrame], what: What) -> BTreeMap<String, Vec<Value>> {
    let mut payloads: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.what == what) {
        let mut frame: Value = serde_json::from_str(&frame.text).unwrap();
        let stream = frame["stream"].as_str().unwrap().split('@').next().unwrap().to_uppercase();
        payloads.entry(stream).or_default().push(frame["data"].take());
    }
    payloads
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// A printed amount in units of 10^-8.
fn amount(value: &Value) -> i128 {
    let (whole, fraction) = value.as_str().unwrap().split_once('.').unwrap();
    assert_eq!(fraction.len(), 8, "{value}");
    format!("{whole}{fraction}").parse().unwrap()
}

fn check_consecutive(ids: impl IntoIterator<Item = (i64, i64)>) {
    let mut expected = None;
    for (first, last) in ids {
        assert!(expected.is_none_or(|expected| expected == first), "{expected:?} before {first}");
        assert!(first <= last);
        expected = Some(last + 1);
    }
}

#[test]
fn one_seed_gives_one_session() {
    assert_eq!(session(7, &["BTCUSDT", "DOGEUSDT"], 2), session(7, &["BTCUSDT", "DOGEUSDT"], 2));
}

#[test]
fn another_seed_gives_another_session() {
    assert_ne!(session(7, &["BTCUSDT"], 1), session(8, &["BTCUSDT"], 1));
}

#[test]
fn a_symbol_trades_the_same_in_any_company() {
    let alone = payloads(&session(3, &["BTCUSDT", "XRPUSDT"], 2), What::Trade);
    let together = payloads(&session(3, &["BTCUSDT", "ETHUSDT", "XRPUSDT"], 2), What::Trade);
    assert_eq!(alone["BTCUSDT"].len(), together["BTCUSDT"].len());
    let told =
        |trade: &Value| (trade["t"].clone(), trade["p"].clone(), trade["q"].clone(), trade["T"].clone());
    assert!(alone["XRPUSDT"].iter().map(told).eq(together["XRPUSDT"].iter().map(told)));
}

/// A bar folded from printed trades: o, h, l, c, v, n, q, V, Q, f, L.
#[derive(Debug, PartialEq)]
struct Naive {
    prices: [i128; 4],
    volumes: [i128; 4],
    ids: [i64; 3],
}

fn fold(trades: &[&Value], close_before: i128) -> Naive {
    let prices: Vec<_> = trades.iter().map(|trade| amount(&trade["p"])).collect();
    let sum = |taken: &dyn Fn(&Value) -> i128| trades.iter().map(|trade| taken(trade)).sum::<i128>();
    let base = |trade: &Value| amount(&trade["q"]);
    let quote = |trade: &Value| {
        let product = amount(&trade["p"]) * amount(&trade["q"]);
        assert_eq!(product % 100_000_000, 0, "quote volume is finer than eight digits");
        product / 100_000_000
    };
    let bought = |trade: &Value| i128::from(trade["m"] == false);
    let price = |found: Option<&i128>| found.copied().unwrap_or(close_before);
    Naive {
        prices: [
            price(prices.first()),
            price(prices.iter().max()),
            price(prices.iter().min()),
            price(prices.last()),
        ],
        volumes: [
            sum(&base),
            sum(&quote),
            sum(&|trade| bought(trade) * base(trade)),
            sum(&|trade| bought(trade) * quote(trade)),
        ],
        ids: [
            trades.first().map_or(-1, |trade| int(&trade["t"])),
            trades.last().map_or(-1, |trade| int(&trade["t"])),
            i64::try_from(trades.len()).unwrap(),
        ],
    }
}

fn told(kline: &Value) -> Naive {
    Naive {
        prices: ["o", "h", "l", "c"].map(|key| amount(&kline[key])),
        volumes: ["v", "q", "V", "Q"].map(|key| amount(&kline[key])),
        ids: ["f", "L", "n"].map(|key| int(&kline[key])),
    }
}

#[test]
fn closed_klines_equal_the_trades_of_their_minute() {
    let frames = five_minutes();
    let trades = payloads(&frames, What::Trade);
    let mut quiet = 0;
    for (symbol, klines) in payloads(&frames, What::ClosedKline) {
        assert_eq!(klines.len(), 5);
        let mut close = amount(&klines[0]["k"]["o"]);
        for (minute, kline) in klines.iter().map(|kline| &kline["k"]).enumerate() {
            let open_time = START_MS + i64::try_from(minute).unwrap() * MINUTE_MS;
            assert_eq!((int(&kline["t"]), int(&kline["T"])), (open_time, open_time + 59_999));
            assert_eq!((&kline["x"], &kline["i"]), (&Value::Bool(true), &Value::from("1m")));
            let of_minute = |trade: &&Value| int(&trade["T"]) - int(&trade["T"]) % MINUTE_MS == open_time;
            let expected = fold(&trades[&symbol].iter().filter(of_minute).collect::<Vec<_>>(), close);
            assert_eq!(told(kline), expected, "{symbol} {minute}");
            close = amount(&kline["c"]);
            quiet += u32::from(int(&kline["n"]) == 0);
        }
    }
    assert!(quiet > 0, "no minute without a trade");
}

#[test]
fn open_klines_equal_the_trades_told_before_them() {
    for (symbol, stream) in [("BTCUSDT", "btcusdt@"), ("PEPEUSDT", "pepeusdt@")] {
        let frames: Vec<_> = five_minutes().into_iter().filter(|f| f.text.contains(stream)).collect();
        let mut told_before = Vec::new();
        for frame in &frames {
            let data = serde_json::from_str::<Value>(&frame.text).map(|mut frame| frame["data"].take());
            match frame.what {
                What::Trade => told_before.push(data.unwrap()),
                What::OpenKline => {
                    let kline = &data.unwrap()["k"];
                    let of_minute = |trade: &&Value| int(&trade["T"]) >= int(&kline["t"]);
                    let trades: Vec<_> = told_before.iter().filter(of_minute).collect();
                    assert_eq!(told(kline), fold(&trades, 0), "{symbol}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn trade_ids_are_consecutive_and_aggregates_partition_them() {
    let frames = five_minutes();
    let trades = payloads(&frames, What::Trade);
    for (symbol, aggregates) in payloads(&frames, What::AggTrade) {
        let trades = &trades[&symbol];
        check_consecutive(trades.iter().map(|trade| (int(&trade["t"]), int(&trade["t"]))));
        check_consecutive(aggregates.iter().map(|aggregate| (int(&aggregate["f"]), int(&aggregate["l"]))));
        let mut left = trades.iter();
        for aggregate in &aggregates {
            let count = usize::try_from(int(&aggregate["l"]) - int(&aggregate["f"]) + 1).unwrap();
            let parts: Vec<_> = left.by_ref().take(count).collect();
            assert_eq!(int(&parts[0]["t"]), int(&aggregate["f"]));
            assert_eq!(parts.iter().map(|trade| amount(&trade["q"])).sum::<i128>(), amount(&aggregate["q"]));
            for key in ["p", "T", "m", "E"] {
                assert!(parts.iter().all(|trade| trade[key] == aggregate[key]), "{key}");
            }
        }
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn aggregate_ids_are_consecutive_with_the_invalidated_ones() {
    let frames = five_minutes();
    let invalidated = payloads(&frames, What::Invalidated);
    assert_eq!(invalidated.values().flatten().count(), 1);
    for invalid in invalidated.values().flatten() {
        assert_eq!((&invalid["p"], &invalid["q"]), (&Value::from("0"), &Value::from("0")));
        assert_eq!((int(&invalid["f"]), int(&invalid["l"])), (-1, -1));
    }
    for (symbol, aggregates) in payloads(&frames, What::AggTrade) {
        let of_symbol = invalidated.get(&symbol).into_iter().flatten();
        let ids: BTreeSet<_> = aggregates.iter().chain(of_symbol).map(|trade| int(&trade["a"])).collect();
        check_consecutive(ids.into_iter().map(|id| (id, id)));
    }
}

#[test]
fn events_come_shortly_after_their_trades_and_in_order() {
    for trades in payloads(&five_minutes(), What::Trade).values() {
        assert!(trades.is_sorted_by_key(|trade| (int(&trade["T"]), int(&trade["E"]), int(&trade["t"]))));
        assert!(trades.iter().all(|trade| (1..20).contains(&(int(&trade["E"]) - int(&trade["T"])))));
    }
}

#[test]
fn depth_updates_leave_no_update_id_out() {
    for updates in payloads(&five_minutes(), What::DepthUpdate).values() {
        assert!(updates.len() > 100);
        check_consecutive(updates.iter().map(|update| (int(&update["U"]), int(&update["u"]))));
    }
}

fn prices(levels: &Value) -> Vec<i128> {
    levels.as_array().unwrap().iter().map(|level| amount(&level[0])).collect()
}

#[test]
fn bids_are_below_asks() {
    let frames = five_minutes();
    for quote in payloads(&frames, What::BookTicker).values().flatten() {
        assert!(0 < amount(&quote["b"]) && amount(&quote["b"]) < amount(&quote["a"]), "{quote}");
        assert!(amount(&quote["B"]) > 0 && amount(&quote["A"]) > 0);
    }
    for snapshot in payloads(&frames, What::DepthSnapshot).values().flatten() {
        let (bids, asks) = (prices(&snapshot["bids"]), prices(&snapshot["asks"]));
        assert_eq!((bids.len(), asks.len()), (5, 5));
        assert!(bids.is_sorted_by(|a, b| a > b) && asks.is_sorted_by(|a, b| a < b) && bids[0] < asks[0]);
    }
}

/// Applies depth updates to the levels they name, as a reader of the stream does, and compares with the snapshots.
#[test]
fn depth_updates_lead_to_the_best_quote() {
    let frames = session(5, &["ETHUSDT"], 2);
    let mut book: [BTreeMap<i128, i128>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let (mut synced, mut compared) = (false, 0);
    for frame in &frames {
        let Ok(mut frame_json) = serde_json::from_str::<Value>(&frame.text) else { continue };
        let data = frame_json["data"].take();
        match frame.what {
            What::DepthUpdate => {
                for (side, key) in [(0, "b"), (1, "a")] {
                    for level in data[key].as_array().unwrap() {
                        book[side].insert(amount(&level[0]), amount(&level[1]));
                        book[side].retain(|_, quantity| *quantity > 0);
                    }
                }
            }
            What::DepthSnapshot => {
                let (bids, asks) = (prices(&data["bids"]), prices(&data["asks"]));
                if synced {
                    // Levels that were there from the start and never changed are not in the updates.
                    assert!(book[0].keys().all(|price| *price <= bids[0]));
                    assert!(book[1].keys().all(|price| *price >= asks[0]));
                    compared += 1;
                }
                synced = true;
            }
            _ => {}
        }
    }
    assert!(compared > 10);
}

#[test]
fn prices_stay_on_their_grid() {
    let ticks = BTreeMap::from([("BTCUSDT", (1_000_000, 1_000)), ("PEPEUSDT", (1, 100_000_000))]);
    for (symbol, trades) in payloads(&five_minutes(), What::Trade) {
        let Some((tick, step)) = ticks.get(symbol.as_str()) else { continue };
        for trade in trades {
            assert_eq!((amount(&trade["p"]) % tick, amount(&trade["q"]) % step), (0, 0), "{trade}");
            assert!(amount(&trade["p"]) > 0 && amount(&trade["q"]) > 0);
        }
    }
}

#[test]
fn day_tickers_sum_up_the_session() {
    let frames = session(2, &["SOLUSDT"], 3);
    let trades = &payloads(&frames, What::Trade)["SOLUSDT"];
    let told_by = |time: i64| trades.iter().filter(move |trade| int(&trade["T"]) < time);
    for ticker in payloads(&frames, What::Ticker).values().flatten() {
        let seen: Vec<_> = told_by(int(&ticker["E"])).collect();
        assert_eq!(told_ticker(ticker), told_ticker_of(&fold(&seen, 0)));
        let change = amount_of_change(&ticker["p"]);
        assert_eq!(change, amount(&ticker["c"]) - amount(&ticker["o"]));
    }
}

fn told_ticker(ticker: &Value) -> ([i128; 6], [i64; 3]) {
    (
        ["o", "h", "l", "c", "v", "q"].map(|key| amount(&ticker[key])),
        ["F", "L", "n"].map(|key| int(&ticker[key])),
    )
}

fn told_ticker_of(bar: &Naive) -> ([i128; 6], [i64; 3]) {
    let ([open, high, low, close], [base, quote, ..]) = (bar.prices, bar.volumes);
    ([open, high, low, close, base, quote], bar.ids)
}

/// A printed change in units of 10^-8: the only amounts that may be negative.
fn amount_of_change(value: &Value) -> i128 {
    value.as_str().unwrap().replace('.', "").parse().unwrap()
}

#[test]
fn every_frame_but_truncated_ones_is_json_on_one_line() {
    for frame in five_minutes() {
        let parsed = serde_json::from_str::<Value>(&frame.text);
        assert_eq!(parsed.is_err(), frame.what == What::Bad(Fault::Truncated), "{}", frame.text);
        assert!(!frame.text.contains(['\n', '\r']) && !frame.text.contains("NaN"), "{}", frame.text);
    }
}

#[test]
fn duplicates_repeat_a_trade_frame_told_before() {
    let frames = five_minutes();
    let mut trades = BTreeSet::new();
    let mut duplicates = 0;
    for frame in &frames {
        match frame.what {
            What::Trade => assert!(trades.insert(&frame.text), "{}", frame.text),
            What::Duplicate => {
                assert!(trades.contains(&frame.text), "{}", frame.text);
                duplicates += 1;
            }
            _ => {}
        }
    }
    assert!((1..=5).contains(&duplicates));
}

#[test]
fn bad_frames_are_what_they_are_said_to_be() {
    let frames = five_minutes();
    let only = |fault| -> Value {
        let mut bad = frames.iter().filter(|frame| frame.what == What::Bad(fault));
        let frame = bad.next().unwrap();
        assert!(bad.next().is_none());
        serde_json::from_str::<Value>(&frame.text).unwrap()["data"].take()
    };
    assert_eq!(only(Fault::BadPrice)["p"], "abc");
    assert_eq!(only(Fault::MissingField).get("q"), None);
    assert_eq!(only(Fault::UnknownEvent)["e"], "auctionUpdate");
}

#[test]
fn every_kind_of_frame_appears_in_five_minutes() {
    let found: BTreeSet<_> = five_minutes().into_iter().map(|frame| frame.what).collect();
    // 17 kinds and the four faults.
    assert_eq!(found.len(), 21, "{found:?}");
}

/// What the pipeline's own decoder finds in a frame: its messages' kinds, or none for control.
fn decoded(text: &str) -> Result<Vec<Kind>, DecodeError> {
    let mut kinds = Vec::new();
    binance::frames(&mut Cursor::new(text), &mut |frame| {
        if let Identity::Kind(kind) = binance::identify(frame)? {
            let header = binance::header(frame, kind, Market::Spot)?;
            kinds.push(binance::message(frame, kind, header)?.body.kind());
        }
        Ok(())
    })
    .map(|()| kinds)
}

fn decodable(what: What) -> Result<&'static [Kind], Reason> {
    Ok(match what {
        What::Trade | What::Duplicate => &[Kind::Trade],
        What::AggTrade | What::Invalidated => &[Kind::AggTrade],
        What::BlockTrade => &[Kind::BlockTrade],
        What::OpenKline | What::ClosedKline => &[Kind::Kline],
        What::BookTicker => &[Kind::BookTicker],
        What::DepthUpdate => &[Kind::DepthUpdate],
        What::DepthSnapshot => &[Kind::DepthSnapshot],
        What::MiniTicker => &[Kind::MiniTicker],
        What::MiniTickers => &[Kind::MiniTicker; 3],
        What::Ticker => &[Kind::Ticker],
        What::HourTicker => &[Kind::RollingTicker],
        What::AveragePrice => &[Kind::AvgPrice],
        What::ReferencePrice => &[Kind::ReferencePrice],
        What::Control => &[],
        What::Bad(Fault::Truncated) => return Err(Reason::BadJson),
        What::Bad(Fault::BadPrice) => return Err(Reason::BadDecimal),
        What::Bad(Fault::MissingField) => return Err(Reason::MissingField),
        What::Bad(Fault::UnknownEvent) => return Err(Reason::UnknownEvent),
    })
}

#[test]
fn the_decoder_agrees_on_what_every_frame_is() {
    for frame in five_minutes() {
        let found = decoded(&frame.text).map_err(|error| error.reason());
        assert_eq!(found.as_deref().map_err(|reason| *reason), decodable(frame.what), "{}", frame.text);
    }
}

#[test]
fn control_frames_open_and_close_the_session() {
    let frames = session(1, &["BTCUSDT"], 1);
    assert_eq!(frames[0].text, r#"{"result":null,"id":1}"#);
    let controls: Vec<_> = frames.iter().filter(|frame| frame.what == What::Control).collect();
    assert_eq!(controls.len(), 3);
    assert!(controls[1].text.starts_with(r#"{"code":2,"msg":"#));
    let shutdown = START_MS + 50_000;
    assert_eq!(
        controls[2].text,
        format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{shutdown}}}}}"#)
    );
}

#[test]
fn the_array_frame_has_every_symbol() {
    let frames = five_minutes();
    let arrays = &payloads(&frames, What::MiniTickers)["!MINITICKER"];
    assert_eq!(arrays.len(), 5);
    let symbols = |array: &Value| -> Vec<Value> {
        array.as_array().unwrap().iter().map(|ticker| ticker["s"].clone()).collect()
    };
    assert!(arrays.iter().all(|array| symbols(array) == ["BTCUSDT", "PEPEUSDT", "THINUSDT"]));
}

#[test]
fn frames_held_back_do_not_grow_with_the_session() {
    let mut session = Session::new(&options(1, &["BTCUSDT", "ETHUSDT"], 90)).unwrap();
    let (mut frames, mut held) = (0_usize, 0);
    while session.next().is_some() {
        frames += 1;
        held = held.max(session.outbox.len());
    }
    assert!(frames > 30_000 && held < 500, "{frames} frames, {held} held back");
}

#[test]
fn the_default_session_has_its_usual_size() {
    let frames = session(1, &["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"], 10).len();
    assert!((12_000..20_000).contains(&frames), "{frames}");
}

#[test]
fn options_out_of_range_are_refused() {
    let refused = |options: SampleOptions| Session::new(&options).unwrap_err().to_string();
    let good = || options(1, &["BTCUSDT"], 1);
    assert_eq!(
        refused(SampleOptions { symbols: Vec::new(), ..good() }),
        "a session must have 1 to 2000 symbols, was 0"
    );
    assert_eq!(refused(options(1, &["BTCUSDT"], 0)), "a session must last 1 to 1440 minutes, was 0");
    assert_eq!(
        refused(options(1, &["BTC/USDT"], 1)),
        "a symbol must be 1 to 20 of A-Z and 0-9, was \"BTC/USDT\""
    );
    assert_eq!(
        refused(options(1, &["BTCUSDT", "BTCUSDT"], 1)),
        "symbols must differ, BTCUSDT was given twice"
    );
    assert_eq!(
        refused(SampleOptions { pace: 101, ..good() }),
        "takers must be 1 to 100 times as busy as usual, was 101"
    );
    assert_eq!(
        refused(SampleOptions { start: START_MS + 1, ..good() }),
        "the start must be a whole minute in epoch milliseconds from 0 to 4102444800000, was 1767614400001"
    );
}

#[test]
fn busy_takers_trade_more() {
    let trades = |pace| {
        let session = Session::new(&SampleOptions { pace, ..options(1, &["BTCUSDT"], 1) }).unwrap();
        session.filter(|frame| frame.what == What::Trade).count()
    };
    assert!(trades(10) > 5 * trades(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_seed_and_symbol_give_a_lawful_session(seed: u64, symbol in "[A-Z0-9]{1,20}") {
        let frames = session(seed, &[&symbol], 2);
        for trades in payloads(&frames, What::Trade).values() {
            check_consecutive(trades.iter().map(|trade| (int(&trade["t"]), int(&trade["t"]))));
        }
        for quote in payloads(&frames, What::BookTicker).values().flatten() {
            prop_assert!(amount(&quote["b"]) < amount(&quote["a"]));
        }
        prop_assert_eq!(payloads(&frames, What::ClosedKline)[&symbol].len(), 2);
    }
}
