//! The text of each frame, key by key in the exchange's own order.
//!
//! Shapes are those of Binance's spot stream documentation; the keys of depth, book ticker, aggregate trade and
//! kline frames were compared with recorded ones. No value needs escaping: symbols are ASCII letters and digits.

use std::fmt::Display;

use tapeline_market::Decimal;

use super::bar::Bar;
use super::book::{Level, Levels, Quote};
use super::instrument::{Amount, Instrument};
use super::tape::{AggTrade, Trade};

/// Length of a kline, in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// Answers the subscription request.
pub(crate) const SUBSCRIBED: &str = r#"{"result":null,"id":1}"#;
/// Answers a request the exchange could not read.
pub(crate) const REFUSED: &str = r#"{"code":2,"msg":"Invalid request: property name must be a string"}"#;

/// `<s>@trade`.
pub(crate) fn trade(of: &Instrument, event_time: i64, trade: &Trade) -> String {
    let Trade { id, time, price, quantity, buyer_is_maker } = *trade;
    let data = format!(
        r#"{{"e":"trade","E":{event_time},"s":"{}","t":{id},"p":"{}","q":"{}","T":{time},"m":{buyer_is_maker},"M":true}}"#,
        of.symbol,
        of.price(price),
        of.quantity(quantity.into()),
    );
    on(of, "trade", data)
}

/// `<s>@aggTrade`.
pub(crate) fn agg_trade(of: &Instrument, event_time: i64, trade: &AggTrade) -> String {
    let (price, quantity) = (of.price(trade.price), of.quantity(trade.quantity.into()));
    agg_trade_of(of, event_time, trade, (&price, &quantity))
}

/// `<s>@aggTrade` of an aggregate the exchange took back: no price, no quantity, no trades.
pub(crate) fn invalidated_agg_trade(of: &Instrument, event_time: i64, trade: &AggTrade) -> String {
    let trade = AggTrade { first_trade_id: -1, last_trade_id: -1, ..*trade };
    agg_trade_of(of, event_time, &trade, (&"0", &"0"))
}

fn agg_trade_of(
    of: &Instrument,
    event_time: i64,
    trade: &AggTrade,
    (price, quantity): (&dyn Display, &dyn Display),
) -> String {
    let AggTrade { id, first_trade_id, last_trade_id, time, buyer_is_maker, .. } = *trade;
    let data = format!(
        r#"{{"e":"aggTrade","E":{event_time},"s":"{}","a":{id},"p":"{price}","q":"{quantity}","f":{first_trade_id},"l":{last_trade_id},"T":{time},"m":{buyer_is_maker},"M":true}}"#,
        of.symbol,
    );
    on(of, "aggTrade", data)
}

/// `<s>@blockTrade`: its ids are a series of their own, and no bar contains it.
pub(crate) fn block_trade(of: &Instrument, event_time: i64, trade: &Trade) -> String {
    let Trade { id, time, price, quantity, buyer_is_maker } = *trade;
    let data = format!(
        r#"{{"e":"blockTrade","E":{event_time},"s":"{}","t":{id},"p":"{}","q":"{}","T":{time},"m":{buyer_is_maker}}}"#,
        of.symbol,
        of.price(price),
        of.quantity(quantity.into()),
    );
    on(of, "blockTrade", data)
}

/// `<s>@kline_1m` of a minute that still runs.
pub(crate) fn open_kline(of: &Instrument, event_time: i64, bar: &Bar) -> String {
    kline(of, event_time, bar, "false")
}

/// `<s>@kline_1m` of a minute that is over.
pub(crate) fn closed_kline(of: &Instrument, event_time: i64, bar: &Bar) -> String {
    kline(of, event_time, bar, "true")
}

fn kline(of: &Instrument, event_time: i64, bar: &Bar, is_closed: &str) -> String {
    let data = format!(
        r#"{{"e":"kline","E":{event_time},"s":"{s}","k":{{"t":{},"T":{},"s":"{s}","i":"1m","f":{},"L":{},"o":"{}","c":"{}","h":"{}","l":"{}","v":"{}","n":{},"x":{is_closed},"q":"{}","V":"{}","Q":"{}","B":"0"}}}}"#,
        bar.open_time,
        bar.open_time + MINUTE_MS - 1,
        bar.first_trade_id,
        bar.last_trade_id,
        of.price(bar.open),
        of.price(bar.close),
        of.price(bar.high),
        of.price(bar.low),
        of.quantity(bar.base),
        bar.trade_count,
        of.quote(bar.quote),
        of.quantity(bar.taker_buy_base),
        of.quote(bar.taker_buy_quote),
        s = of.symbol,
    );
    on(of, "kline_1m", data)
}

/// `<s>@bookTicker`.
pub(crate) fn book_ticker(of: &Instrument, update_id: i64, quote: &Quote) -> String {
    let data = format!(
        r#"{{"u":{update_id},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        of.symbol,
        of.price(quote.bid.price),
        of.quantity(quote.bid.quantity.into()),
        of.price(quote.ask.price),
        of.quantity(quote.ask.quantity.into()),
    );
    on(of, "bookTicker", data)
}

/// `<s>@depth@100ms`.
pub(crate) fn depth_update(of: &Instrument, event_time: i64, levels: &Levels) -> String {
    let data = format!(
        r#"{{"e":"depthUpdate","E":{event_time},"s":"{}","U":{},"u":{},"b":{},"a":{}}}"#,
        of.symbol,
        levels.first_update_id,
        levels.last_update_id,
        side(of, &levels.bids),
        side(of, &levels.asks),
    );
    on(of, "depth@100ms", data)
}

/// `<s>@depth5`: no event type and no symbol in the payload.
pub(crate) fn depth_snapshot(of: &Instrument, levels: &Levels) -> String {
    let data = format!(
        r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
        levels.last_update_id,
        side(of, &levels.bids),
        side(of, &levels.asks),
    );
    on(of, "depth5", data)
}

fn side(of: &Instrument, levels: &[Level]) -> String {
    let pair =
        |level: &Level| format!(r#"["{}","{}"]"#, of.price(level.price), of.quantity(level.quantity.into()));
    format!("[{}]", levels.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// `<s>@miniTicker`.
pub(crate) fn mini_ticker(of: &Instrument, event_time: i64, day: &Bar) -> String {
    on(of, "miniTicker", mini_ticker_payload(of, event_time, day))
}

/// `!miniTicker@arr`: the payloads of all symbols.
pub(crate) fn mini_tickers(payloads: &[String]) -> String {
    format!(r#"{{"stream":"!miniTicker@arr","data":[{}]}}"#, payloads.join(","))
}

/// One symbol's entry in `!miniTicker@arr`.
pub(crate) fn mini_ticker_payload(of: &Instrument, event_time: i64, day: &Bar) -> String {
    format!(
        r#"{{"e":"24hrMiniTicker","E":{event_time},"s":"{}","c":"{}","o":"{}","h":"{}","l":"{}","v":"{}","q":"{}"}}"#,
        of.symbol,
        of.price(day.close),
        of.price(day.open),
        of.price(day.high),
        of.price(day.low),
        of.quantity(day.base),
        of.quote(day.quote),
    )
}

/// What a 24-hour ticker tells beside its window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    /// Price before the window, in ticks.
    pub(crate) price_before: i64,
    /// Quantity of the last trade, in steps.
    pub(crate) quantity: i64,
    /// Best bid and ask.
    pub(crate) quote: Quote,
}

/// `<s>@ticker`; `None` while the window has no trade.
pub(crate) fn ticker(of: &Instrument, event_time: i64, day: &Bar, last: &Last) -> Option<String> {
    let data = format!(
        r#"{{"e":"24hrTicker","E":{event_time},"s":"{}","p":"{}","P":"{}","w":"{}","x":"{}","c":"{}","Q":"{}","b":"{}","B":"{}","a":"{}","A":"{}","o":"{}","h":"{}","l":"{}",{}}}"#,
        of.symbol,
        of.price(day.close - day.open),
        change_percent(day)?,
        of.mean_price(day.quote, day.base)?,
        of.price(last.price_before),
        of.price(day.close),
        of.quantity(last.quantity.into()),
        of.price(last.quote.bid.price),
        of.quantity(last.quote.bid.quantity.into()),
        of.price(last.quote.ask.price),
        of.quantity(last.quote.ask.quantity.into()),
        of.price(day.open),
        of.price(day.high),
        of.price(day.low),
        window_end(of, event_time, day),
    );
    Some(on(of, "ticker", data))
}

/// `<s>@ticker_1h`; `None` while the window has no trade.
pub(crate) fn hour_ticker(of: &Instrument, event_time: i64, hour: &Bar) -> Option<String> {
    let data = format!(
        r#"{{"e":"1hTicker","E":{event_time},"s":"{}","p":"{}","P":"{}","o":"{}","h":"{}","l":"{}","c":"{}","w":"{}",{}}}"#,
        of.symbol,
        of.price(hour.close - hour.open),
        change_percent(hour)?,
        of.price(hour.open),
        of.price(hour.high),
        of.price(hour.low),
        of.price(hour.close),
        of.mean_price(hour.quote, hour.base)?,
        window_end(of, event_time, hour),
    );
    Some(on(of, "ticker_1h", data))
}

/// The keys with which both long tickers end.
fn window_end(of: &Instrument, event_time: i64, window: &Bar) -> String {
    format!(
        r#""v":"{}","q":"{}","O":{},"C":{event_time},"F":{},"L":{},"n":{}"#,
        of.quantity(window.base),
        of.quote(window.quote),
        window.open_time,
        window.first_trade_id,
        window.last_trade_id,
        window.trade_count,
    )
}

/// `<s>@avgPrice` over the last five minutes.
pub(crate) fn average_price(of: &Instrument, event_time: i64, mean: Amount, trade_time: i64) -> String {
    let data = format!(
        r#"{{"e":"avgPrice","E":{event_time},"s":"{}","i":"5m","w":"{mean}","T":{trade_time}}}"#,
        of.symbol,
    );
    on(of, "avgPrice", data)
}

/// `<s>@referencePrice`; null when there is none.
pub(crate) fn reference_price(of: &Instrument, time: i64, ticks: Option<i64>) -> String {
    let price = ticks.map_or_else(|| "null".to_owned(), |ticks| format!(r#""{}""#, of.price(ticks)));
    let data = format!(r#"{{"e":"referencePrice","s":"{}","r":{price},"t":{time}}}"#, of.symbol);
    on(of, "referencePrice", data)
}

/// An event type nobody knows.
pub(crate) fn unknown_event(of: &Instrument, event_time: i64) -> String {
    on(of, "auction", format!(r#"{{"e":"auctionUpdate","E":{event_time},"s":"{}","z":"1"}}"#, of.symbol))
}

/// `!serverShutdown`.
pub(crate) fn shutdown(event_time: i64) -> String {
    format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{event_time}}}}}"#)
}

/// Wraps a payload for the combined stream.
fn on(of: &Instrument, channel: &str, data: impl Display) -> String {
    format!(r#"{{"stream":"{}@{channel}","data":{data}}}"#, of.stream)
}

/// The change over a window in per cent, with three digits, rounded toward zero; `None` if it began at price zero.
fn change_percent(window: &Bar) -> Option<Decimal> {
    let thousandths = ((window.close - window.open) * 100_000).checked_div(window.open)?;
    Decimal::new(thousandths.into(), 3).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of a JSON object in their order, nested ones included.
    fn keys(text: &str) -> Vec<String> {
        text.split('"').enumerate().filter(|(i, _)| i % 2 == 1).fold(Vec::new(), |mut keys, (_, word)| {
            if text.contains(&format!("\"{word}\":")) {
                keys.push(word.to_owned());
            }
            keys
        })
    }

    fn eth() -> Instrument {
        Instrument::of("ETHUSDT")
    }

    /// A recorded frame of the same stream, with another symbol's numbers.
    #[test]
    fn agg_trades_have_the_recorded_shape() {
        let trade = AggTrade {
            id: 425_085,
            first_trade_id: 439_577,
            last_trade_id: 439_577,
            time: 1_633_998_288_467,
            price: 1_380,
            quantity: 21_000,
            buyer_is_maker: false,
        };
        assert_eq!(
            agg_trade(&eth(), 1_633_998_288_468, &trade),
            r#"{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1633998288468,"s":"ETHUSDT","a":425085,"p":"13.80000000","q":"2.10000000","f":439577,"l":439577,"T":1633998288467,"m":false,"M":true}}"#
        );
    }

    #[test]
    fn klines_have_the_recorded_keys_in_their_order() {
        let recorded = r#"{"stream":"omgbusd@kline_1m","data":{"e":"kline","E":1633998288469,"s":"OMGBUSD","k":{"t":1633998240000,"T":1633998299999,"s":"OMGBUSD","i":"1m","f":439572,"L":439577,"o":"13.72120000","c":"13.80480000","h":"13.80480000","l":"13.72120000","v":"183.49000000","n":6,"x":false,"q":"2519.85628300","V":"125.78000000","Q":"1726.63719800","B":"0"}}}"#;
        let ours = open_kline(&eth(), 1_633_998_288_469, &Bar::flat(1_633_998_240_000, 1));
        assert_eq!(keys(&ours), keys(recorded));
        assert!(ours.contains(r#""t":1633998240000,"T":1633998299999,"#));
        assert!(ours.contains(r#""f":-1,"L":-1,"#));
    }

    #[test]
    fn book_tickers_have_the_recorded_keys_in_their_order() {
        let recorded = r#"{"stream":"omgbusd@bookTicker","data":{"u":77819472,"s":"OMGBUSD","b":"13.76640000","B":"30.28000000","a":"13.79520000","A":"31.57000000"}}"#;
        let level = Level { price: 1, quantity: 1 };
        assert_eq!(keys(&book_ticker(&eth(), 1, &Quote { bid: level, ask: level })), keys(recorded));
    }

    #[test]
    fn depth_updates_have_the_recorded_shape() {
        let levels = Levels {
            first_update_id: 1_938_833,
            last_update_id: 1_938_834,
            bids: vec![Level { price: 263, quantity: 0 }, Level { price: 262, quantity: 910_000 }],
            asks: Vec::new(),
        };
        assert_eq!(
            depth_update(&eth(), 1_633_998_275_194, &levels),
            r#"{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1633998275194,"s":"ETHUSDT","U":1938833,"u":1938834,"b":[["2.63000000","0.00000000"],["2.62000000","91.00000000"]],"a":[]}}"#
        );
    }

    #[test]
    fn changes_in_per_cent_have_three_digits() {
        let change = |open, close| {
            let window = Bar { close, ..Bar::flat(0, open) };
            change_percent(&window).map(|percent| percent.to_string())
        };
        assert_eq!(change(200, 201).as_deref(), Some("0.500"));
        assert_eq!(change(3_000, 2_999).as_deref(), Some("-0.033"));
        assert_eq!(change(0, 5), None);
    }

    #[test]
    fn a_missing_reference_price_is_null() {
        assert!(reference_price(&eth(), 5, None).ends_with(r#""s":"ETHUSDT","r":null,"t":5}}"#));
        assert!(reference_price(&eth(), 5, Some(100)).ends_with(r#""s":"ETHUSDT","r":"1.00000000","t":5}}"#));
    }
}
