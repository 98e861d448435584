//! The exchange's side against an exchange on loopback that each test plays by hand.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::frame::Ids;

/// Nothing here takes longer, unless it hangs.
const TEST_TIME_MAX: Duration = Duration::from_secs(20);

const SHUTDOWN: &str = r#"{"e":"serverShutdown","E":1770123456789}"#;
const LISTING: &str = r#"{"symbols":[{"symbol":"BNBBTC","status":"TRADING","quoteAsset":"BTC"},
    {"symbol":"BNBUSDT","status":"TRADING","quoteAsset":"USDT"}]}"#;

/// What the REST API does and was asked.
#[derive(Default)]
struct Api {
    /// The last aggregate trade; the first is 1.
    last: u64,
    /// Answers that come before any good one: status, and how long to wait.
    faults: VecDeque<(StatusCode, Option<u64>)>,
    asked: Vec<String>,
}

/// An exchange that is played by hand, and the feed's side of it.
struct Exchange {
    sockets: TcpListener,
    api: Arc<Mutex<Api>>,
    frames: Receiver<Frame>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

type Socket = WebSocketStream<TcpStream>;

impl Exchange {
    async fn open(change: impl FnOnce(&mut Settings)) -> Self {
        Self::resumed(&[], change).await
    }

    async fn resumed(resume: &[Mark], change: impl FnOnce(&mut Settings)) -> Self {
        let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Settings {
            market: Market::Spot,
            symbols: Symbols::Listed(vec!["BNBBTC".to_owned()]),
            streams: vec!["aggTrade".to_owned()],
            socket_url: format!("ws://{}", sockets.local_addr().unwrap()),
            rest_url: format!("http://{}", listener.local_addr().unwrap()),
            streams_per_connection: 200,
            redundancy: 1,
            silence: Duration::from_secs(10),
            held_back_frames_max: 1_000,
            weight_per_minute: 4_500,
            micros: false,
        };
        change(&mut settings);
        let api = Arc::new(Mutex::new(Api::default()));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (out, frames) = mpsc::channel(100);
        let counts = Arc::new(Counts::default());
        let task = start(&settings, resume, out, Arc::clone(&counts));
        Self { sockets, api, frames, counts, task }
    }

    /// The next connection that the feed opens.
    async fn accept(&self) -> Socket {
        let (socket, _) = timeout(TEST_TIME_MAX, self.sockets.accept()).await.unwrap().unwrap();
        accept_async(socket).await.unwrap()
    }

    async fn next(&mut self) -> Frame {
        timeout(TEST_TIME_MAX, self.frames.recv()).await.unwrap().unwrap()
    }

    /// The ids of the next frames.
    async fn ids(&mut self, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let frame = self.next().await;
            ids.push(frame.ids.map_or(0, |Ids { last, .. }| last));
        }
        ids
    }

    fn api(&self) -> std::sync::MutexGuard<'_, Api> {
        self.api.lock().unwrap()
    }
}

/// Answers as the documented API: rows from an id on, wherever the next ones are.
async fn serve(State(api): State<Arc<Mutex<Api>>>, uri: Uri) -> impl IntoResponse {
    let mut api = api.lock().unwrap();
    api.asked.push(uri.to_string());
    if let Some((status, retry_after)) = api.faults.pop_front() {
        let header = retry_after.map(|seconds| [("retry-after", seconds.to_string())]);
        return (status, header, String::new()).into_response();
    }
    if uri.path().ends_with("/exchangeInfo") {
        return LISTING.into_response();
    }
    let argument = |name: &str| -> u64 {
        let pairs = uri.query().unwrap().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.parse().unwrap()).next().unwrap()
    };
    let rows = (argument("fromId")..=api.last).take(argument("limit").try_into().unwrap());
    let rows: Vec<_> = rows
        .map(|id| {
            format!(
                r#"{{"a":{id},"p":"0.001","q":"100","f":{id},"l":{id},"T":1672515782136,"m":true,"M":true}}"#
            )
        })
        .collect();
    format!("[{}]", rows.join(",")).into_response()
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"stream":"bnbbtc@aggTrade","data":{{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":{id},"p":"0.001","q":"100","f":{id},"l":{id},"T":1672515782136,"m":true,"M":true}}}}"#
    )
}

async fn say(socket: &mut Socket, text: impl Into<String>) {
    socket.send(Message::text(text.into())).await.unwrap();
}

async fn trades(socket: &mut Socket, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        say(socket, trade(id)).await;
    }
}

#[tokio::test]
async fn what_was_traded_while_a_connection_was_lost_comes_before_newer_trades() {
    let mut exchange = Exchange::open(|_| ()).await;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1, 2]).await;
    assert_eq!(exchange.ids(2).await, [1, 2]);
    drop(socket);
    exchange.api().last = 5;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [6]).await;
    let filled = exchange.next().await;
    assert_eq!(filled.text, trade(3));
    assert_eq!(exchange.ids(3).await, [4, 5, 6]);
    assert_eq!(exchange.api().asked, ["/api/v3/aggTrades?symbol=BNBBTC&fromId=3&limit=3"]);
    let Counts { reconnects, gaps_filled, frames_filled, .. } = &*exchange.counts;
    assert_eq!((reconnects.now(), gaps_filled.now(), frames_filled.now()), (1, 1, 3));
}

#[tokio::test]
async fn the_end_of_a_symbol_that_went_quiet_is_asked_for() {
    let mut exchange = Exchange::open(|_| ()).await;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1]).await;
    assert_eq!(exchange.ids(1).await, [1]);
    exchange.api().last = 2;
    drop(socket);
    let _socket = exchange.accept().await;
    assert_eq!(exchange.ids(1).await, [2]);
}

#[tokio::test]
async fn a_restart_goes_on_behind_its_marks() {
    let kind = Some(Kind::AggTrade);
    let route = Route { market: Market::Spot, symbol: Some("BNBBTC".into()), kind };
    let mut exchange = Exchange::resumed(&[Mark { route, last_id: 7 }], |_| ()).await;
    exchange.api().last = 9;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [10]).await;
    assert_eq!(exchange.ids(3).await, [8, 9, 10]);
}

#[tokio::test]
async fn an_announced_end_is_met_by_a_successor() {
    let mut exchange = Exchange::open(|_| ()).await;
    let mut first = exchange.accept().await;
    trades(&mut first, [1]).await;
    say(&mut first, SHUTDOWN).await;
    let mut second = exchange.accept().await;
    trades(&mut first, [2]).await;
    assert_eq!(exchange.ids(3).await, [1, 0, 2]);
    trades(&mut second, [2, 3]).await;
    assert_eq!(exchange.ids(1).await, [3]);
    drop(first);
    trades(&mut second, [4]).await;
    assert_eq!(exchange.ids(1).await, [4]);
    assert!(exchange.api().asked.is_empty());
    assert_eq!(exchange.counts.reconnects.now(), 0);
}

#[tokio::test]
async fn a_silent_connection_is_replaced() {
    let mut exchange = Exchange::open(|settings| settings.silence = Duration::from_millis(200)).await;
    let mut silent = exchange.accept().await;
    trades(&mut silent, [1]).await;
    // It is not read any more: nobody answers the ping.
    let mut socket = exchange.accept().await;
    trades(&mut socket, [2]).await;
    assert_eq!(exchange.ids(2).await, [1, 2]);
}

#[tokio::test]
async fn a_quiet_connection_that_answers_pings_is_kept() {
    let mut exchange = Exchange::open(|settings| settings.silence = Duration::from_millis(100)).await;
    let mut quiet = exchange.accept().await;
    for _ in 0..3 {
        // The stream answers a ping when it is read on.
        assert!(matches!(quiet.next().await, Some(Ok(Message::Ping(_)))));
    }
    let ((), ids) = tokio::join!(
        async {
            trades(&mut quiet, [1]).await;
            quiet.next().await;
        },
        exchange.ids(1)
    );
    assert_eq!((ids, exchange.counts.reconnects.now()), (vec![1], 0));
}

#[tokio::test]
async fn pings_without_waiting_are_answered() {
    let mut exchange = Exchange::open(|_| ()).await;
    let mut socket = exchange.accept().await;
    for number in 0..10_u8 {
        socket.send(Message::Ping(vec![number].into())).await.unwrap();
    }
    trades(&mut socket, [1]).await;
    assert_eq!(exchange.ids(1).await, [1]);
    let answered = timeout(TEST_TIME_MAX, socket.next()).await.unwrap();
    assert!(matches!(answered, Some(Ok(Message::Pong(_)))));
}

#[tokio::test]
async fn redundant_sockets_give_each_trade_once() {
    let mut exchange = Exchange::open(|settings| settings.redundancy = 2).await;
    let (mut first, mut second) = (exchange.accept().await, exchange.accept().await);
    trades(&mut first, [1, 2]).await;
    assert_eq!(exchange.ids(2).await, [1, 2]);
    trades(&mut second, [1, 2, 3]).await;
    assert_eq!(exchange.ids(1).await, [3]);
    trades(&mut first, [3, 4]).await;
    assert_eq!(exchange.ids(1).await, [4]);
}

#[tokio::test]
async fn a_bad_frame_is_passed_on_and_the_trade_it_was_is_asked_for() {
    let mut exchange = Exchange::open(|_| ()).await;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1]).await;
    let half = trade(2).split_off(40);
    say(&mut socket, half.clone()).await;
    exchange.api().last = 2;
    assert_eq!(exchange.ids(1).await, [1]);
    assert_eq!(exchange.next().await.text, half);
    assert_eq!(exchange.ids(1).await, [2]);
    assert_eq!(exchange.counts.frames_unknown.now(), 1);
}

#[tokio::test]
async fn a_rest_api_that_fails_and_throttles_is_asked_again() {
    let mut exchange = Exchange::open(|_| ()).await;
    exchange.api().faults = [
        (StatusCode::INTERNAL_SERVER_ERROR, None),
        (StatusCode::TOO_MANY_REQUESTS, Some(1)),
        (StatusCode::BAD_GATEWAY, None),
    ]
    .into();
    exchange.api().last = 2;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1, 3]).await;
    assert_eq!(exchange.ids(3).await, [1, 2, 3]);
    assert_eq!(exchange.api().asked.len(), 4);
}

#[tokio::test]
async fn what_the_rest_api_refuses_is_given_up_and_counted() {
    let mut exchange = Exchange::open(|_| ()).await;
    exchange.api().faults = [(StatusCode::BAD_REQUEST, None)].into();
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1, 5]).await;
    assert_eq!(exchange.ids(2).await, [1, 5]);
    assert_eq!((exchange.counts.gaps_unfilled.now(), exchange.counts.ids_unfilled.now()), (1, 3));
}

#[tokio::test]
async fn all_symbols_of_a_quote_asset_are_read() {
    let mut exchange =
        Exchange::open(|settings| settings.symbols = Symbols::OfQuoteAsset("BTC".to_owned())).await;
    let mut socket = exchange.accept().await;
    trades(&mut socket, [1]).await;
    assert_eq!(exchange.ids(1).await, [1]);
    assert_eq!(exchange.api().asked, ["/api/v3/exchangeInfo?symbolStatus=TRADING&showPermissionSets=false"]);
}

#[tokio::test]
async fn reading_ends_when_nobody_takes_frames() {
    let Exchange { sockets, frames, task, .. } = Exchange::open(|_| ()).await;
    let (socket, _) = sockets.accept().await.unwrap();
    let mut socket = accept_async(socket).await.unwrap();
    drop(frames);
    timeout(TEST_TIME_MAX, task).await.unwrap().unwrap();
    // The socket is gone as well.
    let last = timeout(TEST_TIME_MAX, socket.next()).await.unwrap();
    assert!(!matches!(last, Some(Ok(Message::Text(_)))));
}

/// The first byte that a client says to a listener.
async fn first_byte(listener: &TcpListener) -> u8 {
    let (mut socket, _) = timeout(TEST_TIME_MAX, listener.accept()).await.unwrap().unwrap();
    socket.read_u8().await.unwrap()
}

#[tokio::test]
async fn encrypted_addresses_are_met_with_a_handshake() {
    // RFC 8446, 5.1: the content type of a handshake.
    const HANDSHAKE: u8 = 22;
    let rest = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rest_url = format!("https://{}", rest.local_addr().unwrap());
    let asset = Symbols::OfQuoteAsset("BTC".to_owned());
    let _exchange =
        Exchange::open(|settings| (settings.rest_url, settings.symbols) = (rest_url, asset)).await;
    assert_eq!(first_byte(&rest).await, HANDSHAKE);
    let exchange =
        Exchange::open(|settings| settings.socket_url = settings.socket_url.replace("ws:", "wss:"));
    assert_eq!(first_byte(&exchange.await.sockets).await, HANDSHAKE);
}

#[test]
fn mistakes_are_told_all_together() {
    let settings = Settings {
        market: Market::Usdm,
        symbols: Symbols::Listed(vec!["BTC|USDT".to_owned()]),
        streams: Vec::new(),
        socket_url: "ws://example.com".to_owned(),
        rest_url: "api.example.com".to_owned(),
        streams_per_connection: 1_025,
        redundancy: 0,
        silence: Duration::from_mins(1),
        held_back_frames_max: 1,
        weight_per_minute: 1,
        micros: true,
    };
    let mistakes: Vec<_> = settings.mistakes().iter().map(ToString::to_string).collect();
    assert_eq!(
        mistakes,
        [
            "expected `wss://` for a host other than this machine, was \"ws://example.com\"",
            "expected an address such as `https://host:port`, was \"api.example.com\"",
            "expected streams per connection from 1 to 1024, was 1025",
            "expected connections with the same streams from 1 to 4, was 0",
            "expected at least one stream, such as `aggTrade`",
            "expected a symbol such as `BTCUSDT`, was \"BTC|USDT\"",
            "expected times in milliseconds on futures markets: only spot has microseconds",
        ]
    );
}
