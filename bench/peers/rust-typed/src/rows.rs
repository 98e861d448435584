//! What is written.

use chrono::{DateTime, SecondsFormat};
use lambda_runtime::Error;
use serde::Serialize;

use crate::frames::{AggTrade, BookTicker, DepthUpdate, Kline, Payload, Trade};

#[derive(Serialize)]
pub(crate) struct Row<'f> {
    pub(crate) kind: &'static str,
    pub(crate) market: &'static str,
    pub(crate) symbol: &'f str,
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_time: Option<String>,
    pub(crate) arrival_time: String,
    #[serde(flatten)]
    pub(crate) body: Body<'f>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body<'f> {
    Trade {
        trade_id: u64,
        #[serde(flatten)]
        execution: Execution,
    },
    AggTrade {
        agg_trade_id: u64,
        first_trade_id: u64,
        last_trade_id: u64,
        #[serde(flatten)]
        execution: Execution,
    },
    Kline(Box<KlineRow<'f>>),
    DepthUpdate {
        first_update_id: u64,
        last_update_id: u64,
        bids: Vec<Level>,
        asks: Vec<Level>,
    },
    BookTicker {
        update_id: u64,
        bid_price: f64,
        bid_quantity: f64,
        ask_price: f64,
        ask_quantity: f64,
    },
}

#[derive(Serialize)]
pub(crate) struct Execution {
    price: f64,
    quantity: f64,
    quote_quantity: f64,
    trade_time: String,
    taker_side: &'static str,
}

#[derive(Serialize)]
pub(crate) struct KlineRow<'f> {
    interval: &'f str,
    open_time: String,
    close_time: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    base_volume: f64,
    quote_volume: f64,
    trade_count: u64,
    taker_buy_base_volume: f64,
    taker_buy_quote_volume: f64,
    first_trade_id: u64,
    last_trade_id: u64,
    is_closed: bool,
}

#[derive(Serialize)]
pub(crate) struct Level {
    price: f64,
    quantity: f64,
}

/// A time of the exchange, in milliseconds, as it stands in a row.
pub(crate) fn iso(millis: i64) -> Result<String, Error> {
    let time = DateTime::from_timestamp_millis(millis).ok_or("expected a time")?;
    Ok(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

impl<'f> Body<'f> {
    /// The columns of a frame, and what makes its id unique.
    pub(crate) fn of(payload: &Payload<'f>) -> Result<(Self, String), Error> {
        Ok(match payload {
            Payload::Trade(trade) => (trade_row(trade)?, format!("t|{}", trade.trade_id)),
            Payload::AggTrade(trade) => (agg_trade_row(trade)?, format!("a|{}", trade.agg_trade_id)),
            Payload::Kline(kline) => {
                (kline_row(kline)?, format!("k|{}|{}000", kline.interval, kline.open_time))
            }
            Payload::DepthUpdate(update) => (depth_row(update)?, format!("d|{}", update.last_update_id)),
            Payload::BookTicker(ticker) => (book_row(ticker), format!("b|{}", ticker.update_id)),
        })
    }
}

fn execution(price: f64, quantity: f64, trade_time: i64, buyer_is_maker: bool) -> Result<Execution, Error> {
    Ok(Execution {
        price,
        quantity,
        quote_quantity: price * quantity,
        trade_time: iso(trade_time)?,
        taker_side: if buyer_is_maker { "sell" } else { "buy" },
    })
}

fn trade_row<'f>(trade: &Trade<'f>) -> Result<Body<'f>, Error> {
    let execution = execution(trade.price, trade.quantity, trade.trade_time, trade.buyer_is_maker)?;
    Ok(Body::Trade { trade_id: trade.trade_id, execution })
}

fn agg_trade_row<'f>(trade: &AggTrade<'f>) -> Result<Body<'f>, Error> {
    Ok(Body::AggTrade {
        agg_trade_id: trade.agg_trade_id,
        first_trade_id: trade.first_trade_id,
        last_trade_id: trade.last_trade_id,
        execution: execution(trade.price, trade.quantity, trade.trade_time, trade.buyer_is_maker)?,
    })
}

fn kline_row<'f>(kline: &Kline<'f>) -> Result<Body<'f>, Error> {
    Ok(Body::Kline(Box::new(KlineRow {
        interval: kline.interval,
        open_time: iso(kline.open_time)?,
        close_time: iso(kline.close_time)?,
        open: kline.open,
        high: kline.high,
        low: kline.low,
        close: kline.close,
        base_volume: kline.base_volume,
        quote_volume: kline.quote_volume,
        trade_count: kline.trade_count,
        taker_buy_base_volume: kline.taker_buy_base_volume,
        taker_buy_quote_volume: kline.taker_buy_quote_volume,
        first_trade_id: kline.first_trade_id,
        last_trade_id: kline.last_trade_id,
        is_closed: kline.is_closed,
    })))
}

fn depth_row<'f>(update: &DepthUpdate<'f>) -> Result<Body<'f>, Error> {
    Ok(Body::DepthUpdate {
        first_update_id: update.first_update_id,
        last_update_id: update.last_update_id,
        bids: levels(&update.bids)?,
        asks: levels(&update.asks)?,
    })
}

fn levels(levels: &[[&str; 2]]) -> Result<Vec<Level>, Error> {
    let level =
        |[price, quantity]: &[&str; 2]| Ok(Level { price: price.parse()?, quantity: quantity.parse()? });
    levels.iter().map(level).collect()
}

const fn book_row<'f>(ticker: &BookTicker<'f>) -> Body<'f> {
    Body::BookTicker {
        update_id: ticker.update_id,
        bid_price: ticker.bid_price,
        bid_quantity: ticker.bid_quantity,
        ask_price: ticker.ask_price,
        ask_quantity: ticker.ask_quantity,
    }
}
