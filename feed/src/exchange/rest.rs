//! The exchange's REST API: what was traded before, and which symbols there are.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tapeline_codec::binance::Kind;
use tapeline_json::JsonError;
use tapeline_market::Market;
use tapeline_telemetry::chain;
use thiserror::Error;
use tokio::sync::mpsc::{Sender, UnboundedReceiver};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::backfill::{self, ROWS_MAX, RowsError};
use super::endpoint::Endpoint;
use super::listing;
use super::pace::Pace;
use super::plan::{Micros, encoded};
use crate::clock;
use crate::frame::Frame;
use crate::sequence::{Answer, Ask, Content};

/// A request that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read. `exchangeInfo` of all spot symbols has 15 MB with their permissions.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Questions under way at once: with answers in 50 ms that is as much as the weight limit allows, and little enough that the
/// exchange sees no burst.
const AT_ONCE_MAX: usize = 4;

/// How much of a refusal's text is kept for the log, in bytes; the longest documented one has 170.
const REFUSAL_BYTES_MAX: usize = 300;

/// What a market's API is called with, and what that weighs ("Market Data endpoints" of each market).
struct Api {
    path: &'static str,
    agg_trades_weight: u32,
    trades_weight: u32,
    symbols: &'static str,
    symbols_weight: u32,
}

const SPOT: Api = Api {
    path: "/api/v3",
    agg_trades_weight: 4,
    trades_weight: 25,
    symbols: "exchangeInfo?symbolStatus=TRADING&showPermissionSets=false",
    symbols_weight: 20,
};
const USDM: Api = Api { path: "/fapi/v1", symbols: "exchangeInfo", ..FUTURES };
const COINM: Api = Api { path: "/dapi/v1", symbols: "exchangeInfo", ..FUTURES };
const FUTURES: Api =
    Api { path: "", agg_trades_weight: 20, trades_weight: 20, symbols: "", symbols_weight: 1 };

impl Api {
    const fn of(market: Market) -> &'static Self {
        match market {
            Market::Spot => &SPOT,
            Market::Usdm => &USDM,
            Market::Coinm => &COINM,
        }
    }
}

/// The weight of the heaviest question for trades.
pub(super) fn weight_max(market: Market) -> u32 {
    let api = Api::of(market);
    api.agg_trades_weight.max(api.trades_weight)
}

/// A request did not succeed.
#[derive(Debug, Error)]
pub(super) enum RestError {
    /// No answer.
    #[error("expected an answer of the REST API")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No answer in time.
    #[error("expected an answer of the REST API within {} s", TIMEOUT.as_secs())]
    Late,
    /// Too many requests, or barred for a while.
    #[error("expected the REST API to answer, was {status}: it asks to be left alone for a while")]
    Busy {
        /// 403, 418 or 429.
        status: StatusCode,
    },
    /// The exchange's own fault.
    #[error("expected the REST API to answer, was {status}")]
    Failed {
        /// 5xx, or what nobody expects.
        status: StatusCode,
    },
    /// The request itself is wrong; it will be the next time.
    #[error("expected the REST API to answer, was {status}: {text}")]
    Refused {
        /// 4xx.
        status: StatusCode,
        /// The beginning of what the exchange says.
        text: String,
    },
    /// Longer than any answer.
    #[error("expected an answer of at most {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// Rows that cannot be read.
    #[error("expected the REST API to give trades")]
    Rows(#[source] RowsError),
    /// A list of symbols that cannot be read.
    #[error("expected the REST API to list symbols")]
    Symbols(#[source] JsonError),
}

/// The REST API of a market.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    endpoint: Endpoint,
    market: Market,
    in_micros: Micros,
    pace: Mutex<Pace>,
    beginning: Instant,
}

impl Rest {
    /// Sets the client up; nothing is sent.
    pub(super) fn new(
        (endpoint, market): (Endpoint, Market),
        in_micros: Micros,
        pace: Pace,
        tls: ClientConfig,
    ) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, endpoint, market, in_micros, pace: Mutex::new(pace), beginning: Instant::now() }
    }

    /// The symbols that are traded against an asset.
    pub(super) async fn symbols(&self, quote_asset: &str) -> Result<Vec<String>, RestError> {
        let api = Api::of(self.market);
        let body = self.get(api.symbols, api.symbols_weight).await?;
        listing::symbols(&String::from_utf8_lossy(&body), quote_asset).map_err(RestError::Symbols)
    }

    /// Frames from an id on, and whether as many came as were asked for.
    async fn frames(&self, ask: &Ask) -> Result<(Vec<Frame>, bool), RestError> {
        let api = Api::of(self.market);
        let (name, weight) = match ask.route.kind {
            Some(Kind::Trade) => ("historicalTrades", api.trades_weight),
            _ => ("aggTrades", api.agg_trades_weight),
        };
        let count = ask.to.map_or(ROWS_MAX, |to| to.saturating_sub(ask.from).saturating_add(1).min(ROWS_MAX));
        let symbol = encoded(ask.route.symbol.as_deref().unwrap_or_default());
        let query = format!("{name}?symbol={symbol}&fromId={}&limit={count}", ask.from);
        let body = self.get(&query, weight).await?;
        let frames = backfill::frames(&body, &ask.route, clock::now()).map_err(RestError::Rows)?;
        let is_full = frames.len() as u64 >= count;
        Ok((frames, is_full))
    }

    /// Makes a request when its turn comes, and tells the pace how it went.
    async fn get(&self, query: &str, weight: u32) -> Result<Vec<u8>, RestError> {
        self.admitted(weight).await;
        let answer = timeout(TIMEOUT, self.asked(query)).await.unwrap_or(Err(RestError::Late));
        if let Err(RestError::Unreachable(_) | RestError::Late | RestError::Failed { .. }) = answer {
            self.on_pace(Pace::failed);
        }
        answer
    }

    /// Makes a request and reads its answer.
    async fn asked(&self, query: &str) -> Result<Vec<u8>, RestError> {
        let url = format!("{}{}/{query}", self.endpoint, Api::of(self.market).path);
        let mut request = Request::get(url);
        if self.in_micros == Micros::Yes {
            request = request.header("X-MBX-TIME-UNIT", "MICROSECOND");
        }
        let request = request.body(Body::empty()).map_err(unreachable)?;
        let answer = self.client.request(request).await.map_err(unreachable)?;
        answered(answer.map(Body::new), self).await
    }

    async fn admitted(&self, weight: u32) {
        while let Err(until) = self.on_pace(|pace, now| pace.admit(weight, now)) {
            sleep_until(self.beginning + until).await;
        }
    }

    fn on_pace<T>(&self, act: impl FnOnce(&mut Pace, Duration) -> T) -> T {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut pace, self.beginning.elapsed())
    }
}

/// Sorts an answer by its status, and reads it.
async fn answered(answer: Response<Body>, rest: &Rest) -> Result<Vec<u8>, RestError> {
    let (status, headers) = (answer.status(), answer.headers());
    match status.as_u16() {
        200..=299 => {
            let used = header(headers, "x-mbx-used-weight-1m").and_then(|used| u32::try_from(used).ok());
            rest.on_pace(|pace, _| pace.answered(used));
            read(answer).await
        }
        // 403 is the firewall's word for it.
        403 | 418 | 429 => {
            let retry_after = header(headers, RETRY_AFTER.as_str()).map(Duration::from_secs);
            rest.on_pace(|pace, now| pace.refused(retry_after, now));
            Err(RestError::Busy { status })
        }
        400..=499 => {
            let body = read(answer).await.unwrap_or_default();
            let text = String::from_utf8_lossy(body.get(..REFUSAL_BYTES_MAX).unwrap_or(&body)).into_owned();
            Err(RestError::Refused { status, text })
        }
        _ => Err(RestError::Failed { status }),
    }
}

async fn read(answer: Response<Body>) -> Result<Vec<u8>, RestError> {
    let (mut pieces, mut body) = (answer.into_body().into_data_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(unreachable)?;
        if body.len() + piece.len() > BODY_BYTES_MAX {
            return Err(RestError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unreachable(cause: impl Error + Send + Sync + 'static) -> RestError {
    RestError::Unreachable(Box::new(cause))
}

fn header(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Answers questions until nobody asks or listens any more. Of each route there is one question at a time, so the queue
/// of those that wait is bounded by the sequencer.
pub(super) async fn answer_all(rest: Arc<Rest>, mut asks: UnboundedReceiver<Ask>, answers: Sender<Answer>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(ask) = asks.recv(), if under_way.len() < AT_ONCE_MAX => under_way.push(answer(&rest, ask)),
            Some(answer) = under_way.next() => {
                if answers.send(answer).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

async fn answer(rest: &Rest, ask: Ask) -> Answer {
    let content = match rest.frames(&ask).await {
        Ok((frames, is_full)) => Content::Rows { frames, is_full },
        Err(error) => {
            let symbol = ask.route.symbol.as_deref().unwrap_or_default();
            warn!(symbol, from = ask.from, to = ask.to, cause = chain(&error), "trades were not given");
            match error {
                RestError::Refused { .. } => Content::Refused,
                _ => Content::Failed,
            }
        }
    };
    Answer { route: ask.route, content }
}
