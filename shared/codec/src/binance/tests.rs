//! Every stream by its documented example, and every trap of the wire format.
//!
//! Frames are the examples of the exchange's documentation; the expected rows are written by hand from them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use tapeline_json::Cursor;
use tapeline_market::Market;

use super::*;
use crate::Reason;
use crate::encode::Format;

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Framing(#[from] crate::framing::FramingError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The rows of a text, one line each; a control frame is the line `control`.
fn rows(market: Market, format: Format, text: &str) -> Result<String, Refused> {
    let mut out = Vec::new();
    let mut documents = crate::framing::Documents::new(text);
    while let Some(cursor) = documents.step()? {
        frames(cursor, &mut |frame: &Frame<'_>| -> Result<(), DecodeError> {
            match identify(frame)? {
                Identity::Control => out.extend_from_slice(b"control\n"),
                Identity::Heartbeat => out.extend_from_slice(b"heartbeat\n"),
                Identity::Kind(kind) => {
                    let message = message(frame, kind, header(frame, kind, market)?)?;
                    format.write(&message, None, &mut out);
                }
            }
            Ok(())
        })?;
    }
    Ok(String::from_utf8(out).unwrap())
}

/// Asserts a row whatever the order of its fields; numbers are compared by their digits, not by their values.
fn check(market: Market, text: &str, expected: &str) {
    let row = rows(market, Format::JsonLines, text).unwrap();
    assert_eq!(fields_of(&row), fields_of(expected));
}

fn fields_of(json: &str) -> BTreeMap<String, String> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
    fields.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

/// Asserts the exact text of a row.
fn reads(market: Market, text: &str, expected: &str) {
    assert_eq!(rows(market, Format::JsonLines, text).unwrap(), format!("{expected}\n"));
}

fn refuses(text: &str, reason: Reason, message: &str) {
    let (found, text) = match rows(Market::Spot, Format::JsonLines, text).unwrap_err() {
        Refused::Decode(error) => (error.reason(), error.to_string()),
        Refused::Framing(error) => (error.reason(), error.to_string()),
    };
    assert_eq!((found, text.as_str()), (reason, message));
}

const TRADE: &str = r#"{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}"#;

#[test]
fn a_trade_is_one_row() {
    reads(
        Market::Spot,
        TRADE,
        r#"{"kind":"trade","id":"spot|BNBBTC|t|12345","market":"spot","symbol":"BNBBTC","event_time":"2022-12-31T19:43:02.136000Z","trade_id":12345,"price":0.001,"quantity":100,"quote_quantity":0.1,"trade_time":"2022-12-31T19:43:02.136000Z","taker_side":"sell"}"#,
    );
}

#[test]
fn combined_frames_read_like_raw_ones_whatever_the_order_of_keys() {
    let raw = rows(Market::Spot, Format::JsonLines, TRADE).unwrap();
    for combined in [
        format!(r#"{{"stream":"bnbbtc@trade","data":{TRADE}}}"#),
        format!(r#"{{"data":{TRADE},"stream":"bnbbtc@trade"}}"#),
    ] {
        assert_eq!(rows(Market::Spot, Format::JsonLines, &combined).unwrap(), raw);
    }
    let shuffled = r#"{"M":true,"m":true,"T":1672515782136,"q":"100","p":"0.001","t":12345,"s":"BNBBTC","E":1672515782136,"e":"trade"}"#;
    assert_eq!(rows(Market::Spot, Format::JsonLines, shuffled).unwrap(), raw);
}

#[test]
fn microseconds_are_kept() {
    let row =
        rows(Market::Spot, Format::JsonLines, &TRADE.replace("1672515782136", "1672515782136789")).unwrap();
    assert!(row.contains(r#""trade_time":"2022-12-31T19:43:02.136789Z""#), "{row}");
}

#[test]
fn digits_are_copied_not_computed() {
    let row = rows(
        Market::Spot,
        Format::JsonLines,
        &TRADE.replace("0.001", "0.00141342").replace("\"100\"", "\"23.00000000\""),
    )
    .unwrap();
    assert!(
        row.contains(r#""price":0.00141342,"quantity":23.00000000,"quote_quantity":0.03250866,"#),
        "{row}"
    );
}

#[test]
fn an_aggregate_trade_is_one_row() {
    reads(
        Market::Usdm,
        r#"{"e":"aggTrade","E":123456789,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,"l":105,"T":123456785,"m":false}"#,
        r#"{"kind":"agg_trade","id":"usdm|BTCUSDT|a|5933014","market":"usdm","symbol":"BTCUSDT","event_time":"1970-01-02T10:17:36.789000Z","agg_trade_id":5933014,"first_trade_id":100,"last_trade_id":105,"price":0.001,"quantity":100,"quote_quantity":0.1,"trade_time":"1970-01-02T10:17:36.785000Z","taker_side":"buy"}"#,
    );
}

#[test]
fn contracts_have_no_quote_quantity() {
    let row = rows(Market::Coinm, Format::JsonLines, TRADE).unwrap();
    assert!(row.contains(r#""quantity":100,"trade_time""#), "{row}");
}

#[test]
fn an_aggregate_trade_that_was_taken_back_is_told() {
    let text = r#"{"e":"aggTrade","E":1,"s":"A","a":7,"p":"0","q":"0.00","f":-1,"l":-1,"T":1,"m":false}"#;
    let mut cursor = Cursor::new(text);
    frames(&mut cursor, &mut |frame: &Frame<'_>| -> Result<(), DecodeError> {
        let header = header(frame, Kind::AggTrade, Market::Spot)?;
        let Body::AggTrade(message) = message(frame, Kind::AggTrade, header)?.body else {
            panic!("another kind")
        };
        assert!(message.is_invalidated());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_block_trade_is_no_trade() {
    let row = rows(Market::Spot, Format::JsonLines, &TRADE.replace(r#""e":"trade""#, r#""e":"blockTrade""#))
        .unwrap();
    assert!(row.starts_with(r#"{"kind":"block_trade","id":"spot|BNBBTC|bt|12345","#), "{row}");
}

const KLINE: &str = r#"{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}"#;

#[test]
fn a_kline_is_one_row() {
    check(
        Market::Spot,
        KLINE,
        r#"{"kind":"kline","id":"spot|BNBBTC|k|1m|1672515780000000","market":"spot","symbol":"BNBBTC",
            "event_time":"2022-12-31T19:43:02.136000Z","interval":"1m","open_time":"2022-12-31T19:43:00.000000Z",
            "close_time":"2022-12-31T19:43:59.999000Z","open":0.0010,"high":0.0025,"low":0.0015,"close":0.0020,
            "base_volume":1000,"quote_volume":1.0000,"trade_count":100,"taker_buy_base_volume":500,
            "taker_buy_quote_volume":0.500,"first_trade_id":100,"last_trade_id":200,"is_closed":false}"#,
    );
}

#[test]
fn coin_margined_volumes_count_contracts() {
    let row = rows(Market::Coinm, Format::JsonLines, KLINE).unwrap();
    assert!(row.contains(r#""base_volume":1.0000,"contract_volume":1000,"trade_count":100,"taker_buy_base_volume":0.500,"taker_buy_contract_volume":500,"#), "{row}");
}

#[test]
fn a_kline_without_a_trade_has_no_trade_ids() {
    let row = rows(Market::Spot, Format::JsonLines, &KLINE.replace(r#""f":100,"L":200"#, r#""f":-1,"L":-1"#))
        .unwrap();
    assert!(!row.contains("first_trade_id") && !row.contains("last_trade_id"), "{row}");
}

#[test]
fn the_offset_of_a_kline_comes_from_its_stream_name() {
    let row = rows(
        Market::Spot,
        Format::JsonLines,
        &format!(r#"{{"stream":"bnbbtc@kline_1m@+08:00","data":{KLINE}}}"#),
    );
    assert!(row.unwrap().ends_with("\"is_closed\":false,\"utc_offset\":\"+08:00\"}\n"));
}

#[test]
fn a_mini_ticker_is_one_row() {
    check(
        Market::Spot,
        r#"{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}"#,
        r#"{"kind":"mini_ticker","id":"spot|BNBBTC|mini_ticker|24h|1672515782136000","market":"spot","symbol":"BNBBTC",
            "event_time":"2022-12-31T19:43:02.136000Z","window":"24h","open":0.0010,"high":0.0025,"low":0.0010,
            "close":0.0025,"base_volume":10000,"quote_volume":18}"#,
    );
}

#[test]
fn an_array_of_payloads_gives_a_row_each() {
    let element = |symbol: &str| {
        format!(
            r#"{{"e":"24hrMiniTicker","E":1,"s":"{symbol}","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}}"#
        )
    };
    let array = format!("[{},{}]", element("A"), element("B"));
    let combined = format!(r#"{{"stream":"!miniTicker@arr","data":{array}}}"#);
    for text in [array, combined] {
        let row = rows(Market::Spot, Format::JsonLines, &text).unwrap();
        assert_eq!(row.lines().count(), 2);
        assert!(row.contains("spot|A|mini_ticker|24h|1000") && row.contains("spot|B|mini_ticker|24h|1000"));
    }
}

const TICKER: &str = r#"{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"-0.0015","P":"-250.00","w":"0.0018","x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}"#;

#[test]
fn a_ticker_is_one_row_and_its_x_is_a_price() {
    check(
        Market::Spot,
        TICKER,
        r#"{"kind":"ticker","id":"spot|BNBBTC|ticker|24h|1672515782136000","market":"spot","symbol":"BNBBTC",
            "event_time":"2022-12-31T19:43:02.136000Z","window":"24h","open":0.0010,"high":0.0025,"low":0.0010,
            "close":0.0025,"base_volume":10000,"quote_volume":18,"price_change":-0.0015,"price_change_percent":-250.00,
            "weighted_average_price":0.0018,"open_time":"1970-01-01T00:00:00.000000Z",
            "close_time":"1970-01-02T00:00:00.000000Z","first_trade_id":0,"last_trade_id":18150,"trade_count":18151,
            "last_quantity":10,"previous_close_price":0.0009,"bid_price":0.0024,"bid_quantity":10,"ask_price":0.0026,
            "ask_quantity":100}"#,
    );
}

#[test]
fn a_futures_ticker_has_no_book() {
    let text = TICKER
        .replace(r#""x":"0.0009","#, "")
        .replace(r#""b":"0.0024","B":"10","a":"0.0026","A":"100","#, "");
    let row = rows(Market::Usdm, Format::JsonLines, &text).unwrap();
    assert!(row.ends_with("\"trade_count\":18151,\"last_quantity\":10}\n"), "{row}");
}

#[test]
fn rolling_tickers_name_their_window() {
    for (event, window) in [("1hTicker", "1h"), ("4hTicker", "4h"), ("1dTicker", "1d")] {
        let text = TICKER.replace("24hrTicker", event);
        let row = rows(Market::Spot, Format::JsonLines, &text).unwrap();
        assert!(
            row.contains(&format!(r#""id":"spot|BNBBTC|rolling_ticker|{window}|1672515782136000""#)),
            "{row}"
        );
        assert!(row.contains(&format!(r#""window":"{window}""#)), "{row}");
    }
}

#[test]
fn a_spot_book_ticker_has_neither_event_type_nor_time() {
    let text = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    let expected = r#"{"kind":"book_ticker","id":"spot|BNBUSDT|b|400900217","market":"spot","symbol":"BNBUSDT","update_id":400900217,"bid_price":25.35190000,"bid_quantity":31.21000000,"ask_price":25.36520000,"ask_quantity":40.66000000}"#;
    reads(Market::Spot, text, expected);
    reads(Market::Spot, &format!(r#"{{"stream":"bnbusdt@bookTicker","data":{text}}}"#), expected);
}

#[test]
fn a_futures_book_ticker_has_both() {
    reads(
        Market::Usdm,
        r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#,
        r#"{"kind":"book_ticker","id":"usdm|BNBUSDT|b|400900217","market":"usdm","symbol":"BNBUSDT","event_time":"2019-09-09T07:34:20.893000Z","update_id":400900217,"bid_price":25.35190000,"bid_quantity":31.21000000,"ask_price":25.36520000,"ask_quantity":40.66000000,"trade_time":"2019-09-09T07:34:20.891000Z"}"#,
    );
}

#[test]
fn an_average_price_is_one_row() {
    reads(
        Market::Spot,
        r#"{"e":"avgPrice","E":1693907033000,"s":"BTCUSDT","i":"5m","w":"25776.86000000","T":1693907032213}"#,
        r#"{"kind":"avg_price","id":"spot|BTCUSDT|avg|1693907033000000","market":"spot","symbol":"BTCUSDT","event_time":"2023-09-05T09:43:53.000000Z","interval":"5m","average_price":25776.86000000,"trade_time":"2023-09-05T09:43:52.213000Z"}"#,
    );
}

const SNAPSHOT: &str =
    r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"],["0.0027","0"]]}"#;

#[test]
fn a_depth_snapshot_takes_its_symbol_from_the_stream_name() {
    for name in ["bnbbtc@depth5", "bnbbtc@depth5@100ms"] {
        reads(
            Market::Spot,
            &format!(r#"{{"stream":"{name}","data":{SNAPSHOT}}}"#),
            r#"{"kind":"depth_snapshot","id":"spot|BNBBTC|ds|160","market":"spot","symbol":"BNBBTC","last_update_id":160,"levels":5,"bids":[{"price":0.0024,"quantity":10}],"asks":[{"price":0.0026,"quantity":100},{"price":0.0027,"quantity":0}]}"#,
        );
    }
    refuses(SNAPSHOT, Reason::NoSymbol, "`stream` must be a symbol");
}

const DEPTH: &str = r#"{"e":"depthUpdate","E":123456789,"T":123456788,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[]}"#;

#[test]
fn a_depth_update_is_one_row() {
    reads(
        Market::Usdm,
        DEPTH,
        r#"{"kind":"depth_update","id":"usdm|BTCUSDT|d|160","market":"usdm","symbol":"BTCUSDT","event_time":"1970-01-02T10:17:36.789000Z","first_update_id":157,"last_update_id":160,"previous_update_id":149,"trade_time":"1970-01-02T10:17:36.788000Z","bids":[{"price":0.0024,"quantity":10}],"asks":[]}"#,
    );
}

#[test]
fn a_futures_snapshot_is_told_from_an_update_by_its_stream_name() {
    let row = rows(
        Market::Usdm,
        Format::JsonLines,
        &format!(r#"{{"stream":"btcusdt@depth10@100ms","data":{DEPTH}}}"#),
    )
    .unwrap();
    assert!(row.starts_with(r#"{"kind":"depth_snapshot","id":"usdm|BTCUSDT|ds|160","#), "{row}");
    let row = rows(
        Market::Usdm,
        Format::JsonLines,
        &format!(r#"{{"stream":"btcusdt@depth@100ms","data":{DEPTH}}}"#),
    )
    .unwrap();
    assert!(row.starts_with(r#"{"kind":"depth_update","#), "{row}");
}

#[test]
fn a_reference_price_may_be_null() {
    let text = r#"{"e":"referencePrice","s":"BAZUSD","r":"1.00000000","t":1770313152960}"#;
    reads(
        Market::Spot,
        text,
        r#"{"kind":"reference_price","id":"spot|BAZUSD|r|1770313152960000","market":"spot","symbol":"BAZUSD","price":1.00000000,"valid_time":"2026-02-05T17:39:12.960000Z"}"#,
    );
    let row = rows(Market::Spot, Format::JsonLines, &text.replace(r#""1.00000000""#, "null")).unwrap();
    assert!(row.contains(r#""symbol":"BAZUSD","valid_time""#), "{row}");
}

const MARK: &str = r#"{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"-0.00038167","T":1562306400000}"#;

#[test]
fn a_mark_price_may_have_a_negative_rate_or_none() {
    reads(
        Market::Usdm,
        MARK,
        r#"{"kind":"mark_price","id":"usdm|BTCUSDT|mp|1562305380000000","market":"usdm","symbol":"BTCUSDT","event_time":"2019-07-05T05:43:00.000000Z","mark_price":11794.15000000,"index_price":11784.62659091,"estimated_settle_price":11784.25641265,"funding_rate":-0.00038167,"next_funding_time":"2019-07-05T06:00:00.000000Z"}"#,
    );
    let delivery = MARK.replace("-0.00038167", "").replace("1562306400000", "0");
    let row = rows(Market::Usdm, Format::JsonLines, &delivery).unwrap();
    assert!(row.ends_with("\"estimated_settle_price\":11784.25641265}\n"), "{row}");
}

#[test]
fn a_liquidation_has_its_symbol_inside_of_the_order() {
    reads(
        Market::Usdm,
        r#"{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910","ap":"9910","X":"FILLED","l":"0.014","z":"0.014","T":1568014460893}}"#,
        r#"{"kind":"liquidation","id":"usdm|BTCUSDT|l|1568014460893000|sell|0.014","market":"usdm","symbol":"BTCUSDT","event_time":"2019-09-09T07:34:20.893000Z","side":"sell","order_type":"LIMIT","time_in_force":"IOC","quantity":0.014,"price":9910,"average_price":9910,"order_status":"FILLED","last_filled_quantity":0.014,"filled_quantity":0.014,"trade_time":"2019-09-09T07:34:20.893000Z"}"#,
    );
}

#[test]
fn heartbeats_tell_a_symbol_and_a_time() {
    let text = r#"{"stream":"bnbbtc@heartbeat","data":{"e":"heartbeat","E":1672515782136,"s":"BNBBTC"}}"#;
    assert_eq!(rows(Market::Spot, Format::JsonLines, text).unwrap(), "heartbeat\n");
    let mut headers = Vec::new();
    let read: Result<(), DecodeError> = frames(&mut Cursor::new(text), &mut |frame: &Frame<'_>| {
        headers.push(heartbeat(frame, Market::Spot)?);
        Ok(())
    });
    read.unwrap();
    assert_eq!(headers[0].symbol.as_str(), "BNBBTC");
    assert_eq!(headers[0].event_time.unwrap().millis(), 1_672_515_782_136);
}

#[test]
fn control_messages_are_told() {
    for text in [
        r#"{"result":null,"id":1}"#,
        r#"{"code":0,"msg":"Unknown property"}"#,
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":3}"#,
        r#"{"e":"serverShutdown","E":1770123456789}"#,
        r#"{"stream":"!serverShutdown","data":{"E":1770123456789}}"#,
    ] {
        assert_eq!(rows(Market::Spot, Format::JsonLines, text).unwrap(), "control\n", "{text}");
    }
}

#[test]
fn symbols_outside_of_ascii_are_kept() {
    for symbol in ["币安人生USDT", r"\u5e01\u5b89\u4eba\u751fUSDT"] {
        let row = rows(Market::Spot, Format::JsonLines, &TRADE.replace("BNBBTC", symbol)).unwrap();
        assert!(row.contains(r#""id":"spot|币安人生USDT|t|12345""#), "{row}");
    }
    let snapshot = format!(r#"{{"stream":"币安人生usdt@depth5","data":{SNAPSHOT}}}"#);
    assert!(rows(Market::Spot, Format::JsonLines, &snapshot).unwrap().contains("spot|币安人生USDT|ds|160"));
}

#[test]
fn refusals_say_field_expected_and_found() {
    let trade = |from: &str, to: &str| {
        assert!(TRADE.contains(from));
        TRADE.replace(from, to)
    };
    refuses(&trade(r#""0.001""#, r#""abc""#), Reason::BadDecimal, "`p` must be a decimal, was \"abc\"");
    refuses(&trade(r#""0.001""#, "0.001"), Reason::BadDecimal, "`p` must be a decimal, was 0.001");
    refuses(&trade(r#""0.001""#, r#""-0.001""#), Reason::BadDecimal, "`p` must be a decimal, was \"-0.001\"");
    refuses(
        &trade("12345", "\"12345\""),
        Reason::BadNumber,
        "`t` must be a whole number below 2^63, was \"12345\"",
    );
    refuses(&trade("12345", "-1"), Reason::BadNumber, "`t` must be a whole number below 2^63, was -1");
    refuses(&trade(r#""m":true"#, r#""m":1"#), Reason::BadNumber, "`m` must be true or false, was 1");
    refuses(&trade(r#""t":12345,"#, ""), Reason::MissingField, "`t` must be present");
    refuses(&trade(r#""s":"BNBBTC","#, ""), Reason::NoSymbol, "`s` must be a symbol");
    refuses(&trade("BNBBTC", "BNB|BTC"), Reason::NoSymbol, "`s` must be a symbol");
    refuses(
        &trade(r#""T":1672515782136"#, r#""T":253402300800000000"#),
        Reason::BadTime,
        "`T` must be a time between the years 1970 and 9999, was 253402300800000000",
    );
    refuses(
        &KLINE.replace(r#""o":"0.0010""#, r#""o":"0.0010000000000000000000000000000000000000000000000000""#),
        Reason::BadDecimal,
        "`k.o` must be a decimal, was \"0.0010000000000000000000000000000000000...",
    );
    refuses(
        &KLINE.replace("\"1m\"", "\"7m\""),
        Reason::UnknownEvent,
        "`k.i` must be an interval from `1s` to `1M`, was \"7m\"",
    );
    refuses(
        &DEPTH.replace(r#"["0.0024","10"]"#, r#"["0.0024"]"#),
        Reason::BadDecimal,
        "`b` must be a list of [price, quantity], was [\"0.0024\"]",
    );
    refuses(&DEPTH.replace("[]", "{}"), Reason::BadNumber, "`a` must be a list, was {}");
}

#[test]
fn frames_that_nobody_knows_are_refused() {
    refuses(
        r#"{"e":"continuous_kline","E":1}"#,
        Reason::UnknownEvent,
        r#"expected a known event type, was "continuous_kline" on stream """#,
    );
    refuses(
        r#"{"stream":"a@b","data":{}}"#,
        Reason::UnknownEvent,
        r#"expected a known event type, was "" on stream "a@b""#,
    );
    // Fields of a book ticker, but the event type says otherwise.
    refuses(
        r#"{"e":"x","u":1,"s":"A","b":"1","B":"1","a":"1","A":"1"}"#,
        Reason::UnknownEvent,
        r#"expected a known event type, was "x" on stream """#,
    );
}

#[test]
fn what_is_no_frame_is_refused() {
    refuses("17", Reason::BadJson, "expected an object at byte 0");
    refuses(r#"{"e":"trade""#, Reason::BadJson, "expected `,` or `}` at byte 12");
    refuses(r#"{"stream":"a@trade"}"#, Reason::MissingField, "`data` must be present");
    refuses(r#"{"stream":7,"data":{}}"#, Reason::BadJson, "expected a stream name in quotes at byte 10");
    refuses(r#"{"stream":"a","data":7}"#, Reason::BadJson, "expected an object at byte 21");
}

#[test]
fn a_field_that_stands_twice_is_refused() {
    refuses(&TRADE.replace("\"m\"", "\"p\""), Reason::BadJson, "`p` must stand once");
    refuses(r#"{"stream":"a@b","stream":"c@d","data":{}}"#, Reason::BadJson, "`stream` must stand once");
}

#[test]
fn a_frame_that_would_fill_the_memory_is_refused() {
    let levels = vec![r#"["1","1"]"#; FRAME_BYTES_MAX / 10 + 1].join(",");
    let snapshot = SNAPSHOT.replace(r#"["0.0024","10"]"#, &levels);
    let message = format!("expected a frame of at most 1048576 bytes, was {}", snapshot.len());
    refuses(&snapshot, Reason::ExpansionLimit, &message);
    refuses(&format!(r#"{{"stream":"a@depth5","data":[{snapshot}]}}"#), Reason::ExpansionLimit, &message);
    let update = format!(r#"{{"e":"depthUpdate","E":1,"s":"A","U":1,"u":1,"b":[{levels}],"a":[]}}"#);
    let message = format!("expected a frame of at most 1048576 bytes, was {}", update.len());
    refuses(&update, Reason::ExpansionLimit, &message);
}

#[test]
fn keys_with_escapes_are_the_keys_they_mean() {
    let raw = rows(Market::Spot, Format::JsonLines, TRADE).unwrap();
    let escaped = TRADE.replace("\"p\"", r#""\u0070""#);
    assert_eq!(rows(Market::Spot, Format::JsonLines, &escaped).unwrap(), raw);
    let combined = format!(r#"{{"\u0073tream":"bnbbtc@trade","d\u0061ta":{escaped}}}"#);
    assert_eq!(rows(Market::Spot, Format::JsonLines, &combined).unwrap(), raw);
    refuses(&TRADE.replace("\"m\"", r#""\u0070""#), Reason::BadJson, "`p` must stand once");
}

#[test]
fn an_event_type_that_is_no_plain_string_is_not_taken_for_none() {
    for event in ["7", "null", r#""\u0074rade""#] {
        let snapshot = SNAPSHOT.replace('{', &format!(r#"{{"e":{event},"#));
        refuses(
            &format!(r#"{{"stream":"bnbbtc@depth5","data":{snapshot}}}"#),
            Reason::UnknownEvent,
            r#"expected a known event type, was "" on stream "bnbbtc@depth5""#,
        );
        refuses(
            &format!(r#"{{"e":{event},"result":null,"id":1}}"#),
            Reason::UnknownEvent,
            r#"expected a known event type, was "" on stream """#,
        );
    }
}

/// A bigint has 63 bits and a sign: the largest is 9223372036854775807.
#[test]
fn numbers_that_no_bigint_holds_are_refused() {
    let row = |id: &str| rows(Market::Spot, Format::JsonLines, &TRADE.replace("12345", id));
    assert!(row("9223372036854775807").unwrap().contains(r#""trade_id":9223372036854775807,"#));
    refuses(
        &TRADE.replace("12345", "9223372036854775808"),
        Reason::BadNumber,
        "`t` must be a whole number below 2^63, was 9223372036854775808",
    );
}

#[test]
fn a_number_of_levels_that_is_none_is_left_out() {
    for name in ["depth18446744073709551615", "depth-5", "depth"] {
        let text = format!(r#"{{"stream":"bnbbtc@{name}","data":{SNAPSHOT}}}"#);
        let row = rows(Market::Spot, Format::JsonLines, &text).unwrap();
        assert!(row.contains(r#""last_update_id":160,"bids""#), "{row}");
    }
}

#[test]
fn a_product_beyond_exactness_is_refused() {
    let long = "9".repeat(30);
    let text = TRADE.replace("\"0.001\"", &format!("\"{long}\"")).replace("\"100\"", &format!("\"{long}\""));
    assert!(
        matches!(rows(Market::Spot, Format::JsonLines, &text), Err(Refused::Decode(error)) if error.reason() == Reason::BadDecimal)
    );
}

#[test]
fn csv_has_the_columns_of_the_table_in_their_order() {
    let line = rows(Market::Spot, Format::Csv, TRADE).unwrap();
    let fields: Vec<_> = line.trim_end().split(',').collect();
    assert_eq!(fields.len(), 1 + crate::encode::COLUMNS.len());
    let value = |name: &str| {
        let at = crate::encode::COLUMNS.iter().position(|column| column.name == name).unwrap();
        fields[1 + at]
    };
    assert_eq!(fields[0], "trade");
    let expected =
        [("id", "spot|BNBBTC|t|12345"), ("trade_id", "12345"), ("price", "0.001"), ("taker_side", "sell")];
    for (name, text) in expected {
        assert_eq!(value(name), text);
    }
    assert_eq!(value("open"), "");
}

#[test]
fn csv_quotes_the_levels_of_a_book() {
    let line = rows(Market::Usdm, Format::Csv, DEPTH).unwrap();
    assert!(line.contains(r#","[{""price"":0.0024,""quantity"":10}]",[],"#), "{line}");
}

#[test]
fn every_kind_has_a_name_that_reads_back() {
    for &kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
}

fn is_read_in_order(text: &str) -> bool {
    let mut is_in_order = false;
    let read: Result<(), DecodeError> = frames(&mut Cursor::new(text), &mut |frame: &Frame<'_>| {
        is_in_order = matches!(frame.0, Layout::InOrder(_));
        Ok(())
    });
    read.is_ok() && is_in_order
}

/// The examples of the documentation are in the order of the wire.
#[test]
fn frames_of_busy_streams_are_read_in_order() {
    let agg_trade = r#"{"e":"aggTrade","E":123456789,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,"l":105,"T":123456785,"m":false}"#;
    let book = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    let depth =
        r#"{"e":"depthUpdate","E":123456789,"s":"BTCUSDT","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}"#;
    for text in [TRADE, agg_trade, book, KLINE, depth] {
        assert!(is_read_in_order(text), "{text}");
        assert!(is_read_in_order(&format!(r#"{{"stream":"a@b","data":{text}}}"#)), "{text}");
    }
    // A partial book of futures has the event type of a difference.
    assert!(!is_read_in_order(&format!(r#"{{"stream":"a@depth5","data":{depth}}}"#)));
    for other in [TICKER, SNAPSHOT, MARK, DEPTH, "{}"] {
        assert!(!is_read_in_order(other), "{other}");
    }
}

/// The fields of a payload in the order of the wire; values are now and then what the field must not be.
fn payload() -> impl Strategy<Value = Vec<String>> {
    let number = || prop_oneof![4 => (0_u64..10_000_000_000).prop_map(|n| n.to_string()), 1 => "[1-9][0-9]{0,21}", 1 => Just("-1".to_owned())];
    let time = || prop_oneof![4 => 0_u64..253_402_300_800_000, 1 => any::<u64>()];
    let decimal = || prop_oneof![4 => "(0|[1-9][0-9]{0,9})[.][0-9]{1,9}", 1 => "[0-9]{1,41}[.]?[0-9]{0,3}"];
    let symbol = prop_oneof![4 => "[A-Z0-9]{1,12}", 1 => Just("币安USDT".to_owned()), 1 => Just(r"\u0041|".to_owned())];
    let event = prop::sample::select(vec!["trade", "aggTrade", "book", "kline", "depthUpdate"]);
    let values = (
        time(),
        symbol,
        prop::collection::vec(number(), 3),
        prop::collection::vec(decimal(), 8),
        any::<bool>(),
    );
    (event, values).prop_map(|(event, (time, symbol, numbers, decimals, flag))| {
        let (n0, n1, n2, d) = (&numbers[0], &numbers[1], &numbers[2], &decimals);
        let start = [format!(r#""e":"{event}""#), format!(r#""E":{time}"#), format!(r#""s":"{symbol}""#)];
        let execution = [format!(r#""p":"{}""#, d[0]), format!(r#""q":"{}""#, d[1])];
        let end = [format!(r#""T":{time}"#), format!(r#""m":{flag}"#), r#""M":true"#.to_owned()];
        let trades = [format!(r#""f":{n1}"#), format!(r#""l":{n2}"#)];
        match event {
            "trade" => [&start[..], &[format!(r#""t":{n0}"#)], &execution, &end].concat(),
            "aggTrade" => [&start[..], &[format!(r#""a":{n0}"#)], &execution, &trades, &end].concat(),
            "book" => ["b", "B", "a", "A"].iter().zip(d).fold(
                vec![format!(r#""u":{n0}"#), start[2].clone()],
                |fields, (key, value)| [fields, vec![format!(r#""{key}":"{value}""#)]].concat(),
            ),
            "kline" => [&start[..], &[format!(
                r#""k":{{"t":{time},"T":{time},"s":"{symbol}","i":"1m","f":{n0},"L":{n1},"o":"{}","c":"{}","h":"{}","l":"{}","v":"{}","n":{n2},"x":{flag},"q":"{}","V":"{}","Q":"{}","B":"0"}}"#,
                d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7],
            )]].concat(),
            _ => [&start[..], &[
                format!(r#""U":{n0}"#),
                format!(r#""u":{n1}"#),
                format!(r#""b":[["{}","{}"],["{}","{}"]]"#, d[0], d[1], d[2], d[3]),
                r#""a":[]"#.to_owned(),
            ]].concat(),
        }
    })
}

const EXAMPLES: [&str; 6] = [TRADE, KLINE, TICKER, DEPTH, MARK, SNAPSHOT];

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        let _ = rows(Market::Spot, Format::JsonLines, &text);
    }

    #[test]
    fn the_order_of_keys_changes_no_row(
        (fields, shuffled) in payload().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
        market in prop::sample::select(Market::ALL.to_vec()),
        stream in prop::sample::select(vec!["", "btcusdt@trade", "btcusdt@kline_1m@+08:00", "btcusdt@depth5", r"a\u0040b"]),
    ) {
        let answer = |fields: &[String], separator: &str| {
            let payload = format!("{{{}}}", fields.join(separator));
            let text = if stream.is_empty() { payload } else { format!(r#"{{"stream":"{stream}","data":{payload}}}"#) };
            rows(market, Format::JsonLines, &text).map_err(|refused| refused.to_string())
        };
        let in_order = answer(&fields, ",");
        prop_assert_eq!(&answer(&shuffled, ","), &in_order);
        prop_assert_eq!(&answer(&fields, " , "), &in_order);
    }

    #[test]
    fn a_damaged_frame_is_refused_or_still_json(example in 0..EXAMPLES.len(), at in 0_usize..400, byte in 0x20_u8..0x7f) {
        let mut bytes = EXAMPLES[example].as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        for format in Format::ALL {
            if let Ok(rows) = rows(Market::Usdm, *format, &text) && *format != Format::Csv {
                for row in rows.lines().filter(|&row| row != "control") {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(row).is_ok(), "{}", row);
                }
            }
        }
    }
}
