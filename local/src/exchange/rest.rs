//! The REST API: what is traded and what was traded, within a weight per minute, and with the faults that were asked for.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::time::Instant;

use super::Floor;
use super::counts::Counts;
use super::fault::Fault;
use super::history::Series;
use super::{rows, told};
use crate::sample::dice::Dice;

/// Weights of the spot API's requests: aggregate trades, old trades, the list of symbols, and all others.
const AGG_TRADES_WEIGHT: u32 = 4;
const TRADES_WEIGHT: u32 = 25;
const SYMBOLS_WEIGHT: u32 = 20;
const LEAST_WEIGHT: u32 = 1;
/// Rows of an answer, unless it is asked for another number, and at most.
const ROWS: usize = 500;
const ROWS_MAX: usize = 1_000;
/// What a client that asked for too much is told to wait for, in seconds.
const RETRY_AFTER_S: u64 = 1;
/// How late a late answer comes.
const SLOW: Duration = Duration::from_millis(700);
/// A symbol that is listed but not traded any more.
const HALTED: &str = "OLDUSDT";
/// Assets that prices are told in. A symbol's name ends with one of them.
const QUOTES: [&str; 5] = ["USDT", "USDC", "FDUSD", "BTC", "ETH"];

/// What the requests share.
#[derive(Clone)]
struct Desk {
    floor: Arc<Floor>,
    dice: Arc<Mutex<Dice>>,
    /// The requests of the last minute with their weights.
    weights: Arc<Mutex<VecDeque<(Instant, u32)>>>,
}

/// The API of spot and of futures, and what the exchange has done.
pub(super) fn router(floor: &Arc<Floor>) -> Router {
    let desk = Desk {
        floor: Arc::clone(floor),
        dice: Arc::new(Mutex::new(Dice::new(floor.manners.seed, "requests"))),
        weights: Arc::default(),
    };
    let api = Router::new()
        .route("/ping", get(async || json_text("{}".to_owned())))
        .route("/time", get(time))
        .route("/exchangeInfo", get(symbols))
        .route("/aggTrades", get(agg_trades))
        .route("/trades", get(last_trades))
        .route("/historicalTrades", get(trades))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), weigh));
    Router::new()
        .nest("/api/v3", api.clone())
        .nest("/fapi/v1", api.clone())
        .nest("/dapi/v1", api)
        .route("/_exchange/status", get(status))
        .route("/_exchange/end", post(end))
        .with_state(desk)
}

/// Refuses what is too much, and what a fault befalls.
async fn weigh(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    Counts::add(&desk.floor.counts.requests);
    let weight = match request.uri().path() {
        path if path.ends_with("/aggTrades") => AGG_TRADES_WEIGHT,
        path if path.ends_with("rades") => TRADES_WEIGHT,
        path if path.ends_with("/exchangeInfo") => SYMBOLS_WEIGHT,
        _ => LEAST_WEIGHT,
    };
    let used = desk.used(weight);
    let fault = desk.fault();
    let mut answer = match fault {
        _ if used > desk.floor.manners.weight_max => too_much(StatusCode::TOO_MANY_REQUESTS),
        Some(Fault::Throttle) => too_much(StatusCode::TOO_MANY_REQUESTS),
        Some(Fault::Ban) => too_much(StatusCode::IM_A_TEAPOT),
        Some(Fault::ServerError) => broken(used),
        Some(_) => {
            tokio::time::sleep(SLOW).await;
            next.run(request).await
        }
        None => next.run(request).await,
    };
    answer.headers_mut().insert("x-mbx-used-weight-1m", HeaderValue::from(used));
    answer
}

impl Desk {
    /// Adds a request; the weight of the last minute with it.
    fn used(&self, weight: u32) -> u32 {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while weights.front().is_some_and(|(at, _)| now.duration_since(*at) >= self.floor.manners.minute) {
            weights.pop_front();
        }
        let used = weights.iter().map(|(_, weight)| weight).sum::<u32>() + weight;
        // What is refused does not count, so the queue is as long as its weights allow.
        if used <= self.floor.manners.weight_max {
            weights.push_back((now, weight));
        }
        used
    }

    fn fault(&self) -> Option<Fault> {
        if !self.floor.hub.is_faulty() {
            return None;
        }
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = self.floor.manners.faults.of_request(&mut dice)?;
        self.floor.counts.struck(fault);
        Some(fault)
    }
}

/// The answer to a client that asked for too much; the text is the documented one.
fn too_much(status: StatusCode) -> Response {
    let text = r#"{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}"#;
    let mut answer = (status, json_text(text.to_owned())).into_response();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    answer
}

/// What stands in front of the API answers for it, in HTML.
fn broken(used: u32) -> Response {
    let status = match used % 3 {
        0 => StatusCode::INTERNAL_SERVER_ERROR,
        1 => StatusCode::BAD_GATEWAY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, [(header::CONTENT_TYPE, "text/html")], "<html><body>please wait</body></html>").into_response()
}

async fn status(State(desk): State<Desk>) -> Response {
    json_text(desk.floor.counts.document().to_string())
}

/// Has the session end, with its calm.
async fn end(State(desk): State<Desk>) -> Response {
    desk.floor.is_ending.store(true, Ordering::Relaxed);
    json_text("{}".to_owned())
}

async fn time(State(desk): State<Desk>) -> Response {
    json_text(json!({"serverTime": desk.floor.time()}).to_string())
}

/// `exchangeInfo`: every symbol, and one that is not traded any more.
async fn symbols(State(desk): State<Desk>) -> Response {
    let traded = desk.floor.history.symbols().iter().map(|symbol| listed(symbol, "TRADING"));
    let symbols: Vec<_> = traded.chain([listed(HALTED, "BREAK")]).collect();
    let limit = json!({
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
        "limit": desk.floor.manners.weight_max,
    });
    let document = json!({
        "timezone": "UTC", "serverTime": desk.floor.time(), "rateLimits": [limit], "exchangeFilters": [],
        "symbols": symbols,
    });
    json_text(document.to_string())
}

fn listed(symbol: &str, status: &str) -> serde_json::Value {
    let quote = QUOTES.into_iter().find(|quote| symbol.ends_with(quote)).unwrap_or_default();
    let base = symbol.strip_suffix(quote).unwrap_or(symbol);
    json!({
        "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "status": status, "baseAsset": base,
        "baseAssetPrecision": 8, "quoteAsset": quote, "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": status == "TRADING", "permissions": [], "permissionSets": [["SPOT"]],
    })
}

async fn agg_trades(State(desk): State<Desk>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    told_rows(&desk, Series::AggTrades, &query.unwrap_or_default(), &headers)
}

async fn trades(State(desk): State<Desk>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    told_rows(&desk, Series::Trades, &query.unwrap_or_default(), &headers)
}

/// `trades` knows no `fromId`: it tells the last ones.
async fn last_trades(State(desk): State<Desk>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("fromId=")).collect();
    told_rows(&desk, Series::Trades, &kept.join("&"), &headers)
}

fn told_rows(desk: &Desk, series: Series, query: &str, headers: &HeaderMap) -> Response {
    let value =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let Some((_, symbol)) = value("symbol") else {
        return refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
    };
    let from_id = value("fromId").map(|(_, id)| id.parse::<i64>());
    let limit = value("limit").map(|(_, limit)| limit.parse::<usize>());
    let (Ok(from_id), Ok(limit)) = (from_id.transpose(), limit.transpose()) else {
        return refused(-1100, "Illegal characters found in a parameter.");
    };
    let limit = limit.unwrap_or(ROWS).min(ROWS_MAX);
    let Some(found) = desk.floor.history.rows((symbol, series), from_id, limit) else {
        return refused(-1121, "Invalid symbol.");
    };
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    desk.floor.counts.rows.fetch_add(count, Ordering::Relaxed);
    let text = rows::array(series, &found);
    let unit = headers.get("x-mbx-time-unit").and_then(|unit| unit.to_str().ok());
    let is_micros = unit.is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
    json_text(if is_micros { told::in_microseconds(&text) } else { text })
}

fn refused(code: i32, text: &str) -> Response {
    (StatusCode::BAD_REQUEST, json_text(json!({"code": code, "msg": text}).to_string())).into_response()
}

fn json_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json;charset=UTF-8")], text).into_response()
}
