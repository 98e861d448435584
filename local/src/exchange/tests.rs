//! The exchange as its clients see it: real sockets and requests, on loopback.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use futures_util::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::command::{ExchangeArgs, Opened};

type Web = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// How long anything may take. What takes as long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    exchange: ExchangeArgs,
}

struct Exchange {
    folder: TempDir,
    address: String,
    client: reqwest::Client,
}

impl Exchange {
    /// Two symbols for a minute, with these options.
    fn open(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trades = folder.path().join("trades");
        let usual = ["exchange", "--port", "0", "--symbols", "BTCUSDT,ETHUSDT", "--minutes", "1", "--trades"];
        let words = [&usual, &[trades.to_str().unwrap()][..], options].concat();
        let opened = Opened::open(&Cli::try_parse_from(words).unwrap().exchange).unwrap();
        let address = opened.address.to_string();
        tokio::spawn(opened.run());
        Self { folder, address, client: reqwest::Client::new() }
    }

    fn trades(&self) -> PathBuf {
        self.folder.path().join("trades")
    }

    async fn connect(&self, path: &str) -> Web {
        tokio_tungstenite::connect_async(format!("ws://{}{path}", self.address)).await.unwrap().0
    }

    async fn asked(&self, path: &str) -> (u16, Value) {
        let answer = self.client.get(format!("http://{}{path}", self.address)).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Waits until the session is over; what has been done by then.
    async fn over(&self) -> Value {
        let asks = async {
            loop {
                let (_, status) = self.asked("/_exchange/status").await;
                if status["session"] == "over" {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asks).await.unwrap()
    }

    /// The ids that were noted of one symbol and kind.
    fn noted(&self, symbol: &str, kind: &str) -> Vec<i64> {
        let text = std::fs::read_to_string(self.trades()).unwrap();
        let start = format!("{symbol} {kind} ");
        text.lines().filter_map(|line| line.strip_prefix(&start)).map(|id| id.parse().unwrap()).collect()
    }
}

/// The texts that come until nothing has come for a while.
async fn texts(web: &mut Web) -> Vec<String> {
    let mut texts = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(1), web.next()).await {
        if let Message::Text(text) = message {
            texts.push(text.to_string());
        }
    }
    texts
}

fn ids(texts: &[String], stream: &str, key: &str) -> Vec<i64> {
    let frames = texts.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let frames = frames.filter(|frame| frame["stream"] == stream);
    frames.filter_map(|frame| frame["data"][key].as_i64()).collect()
}

#[tokio::test]
async fn a_socket_has_every_trade_once_and_in_order() {
    let exchange = Exchange::open(&["--frames-per-second", "5000", "--await-streams", "2"]);
    let mut web = exchange.connect("/stream?streams=btcusdt@aggTrade/ethusdt@trade").await;
    let texts = texts(&mut web).await;
    exchange.over().await;
    assert_eq!(ids(&texts, "btcusdt@aggTrade", "a"), exchange.noted("BTCUSDT", "aggTrade"));
    // Beside the trades: one repeat a minute, and perhaps a spoilt one, with the id of the trade before.
    let told: BTreeSet<_> = ids(&texts, "ethusdt@trade", "t").into_iter().collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), exchange.noted("ETHUSDT", "trade"));
    assert!(exchange.noted("ETHUSDT", "trade").len() > 20);
}

#[tokio::test]
async fn requests_have_what_sockets_have() {
    let exchange = Exchange::open(&["--frames-per-second", "20000"]);
    exchange.over().await;
    let noted = exchange.noted("BTCUSDT", "trade");
    let path = format!("/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=3", noted[5]);
    let (status, rows) = exchange.asked(&path).await;
    let found: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!((status, &found[..]), (200, &noted[5..8]));
    let noted = exchange.noted("ETHUSDT", "aggTrade");
    let (_, rows) = exchange.asked("/fapi/v1/aggTrades?symbol=ETHUSDT&limit=1").await;
    assert_eq!(rows[0]["a"].as_i64(), noted.last().copied());
}

#[tokio::test]
async fn a_session_ends_when_it_is_asked_to() {
    let exchange =
        Exchange::open(&["--frames-per-second", "20000", "--minutes", "1440", "--calm-ms", "2000"]);
    let path = format!("http://{}/_exchange/end", exchange.address);
    exchange.client.post(path).send().await.unwrap();
    exchange.over().await;
}

#[tokio::test]
async fn symbols_are_listed_with_their_assets() {
    let exchange = Exchange::open(&["--await-streams", "1"]);
    let (_, listed) = exchange.asked("/api/v3/exchangeInfo").await;
    let listed = listed["symbols"].as_array().unwrap().iter();
    let listed: Vec<_> = listed
        .map(|symbol| {
            ["symbol", "status", "baseAsset", "quoteAsset"].map(|key| symbol[key].as_str().unwrap())
        })
        .collect();
    let expected = [
        ["BTCUSDT", "TRADING", "BTC", "USDT"],
        ["ETHUSDT", "TRADING", "ETH", "USDT"],
        ["OLDUSDT", "BREAK", "OLD", "USDT"],
    ];
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn what_is_not_traded_is_refused() {
    let exchange = Exchange::open(&["--await-streams", "1"]);
    let (status, answer) = exchange.asked("/api/v3/aggTrades?symbol=XRPUSDT").await;
    assert_eq!((status, answer["code"].as_i64()), (400, Some(-1121)));
}

#[tokio::test]
async fn too_much_weight_is_refused() {
    let exchange = Exchange::open(&["--await-streams", "1", "--weight", "2"]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(exchange.asked("/api/v3/time").await.0);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn too_many_attempts_are_refused() {
    let exchange = Exchange::open(&["--await-streams", "9", "--attempts", "1"]);
    let _web = exchange.connect("/ws").await;
    let refused =
        tokio_tungstenite::connect_async(format!("ws://{}/ws", exchange.address)).await.unwrap_err();
    assert!(refused.to_string().contains("429"), "{refused}");
}

#[tokio::test]
async fn a_connection_ends_when_its_life_does() {
    let exchange = Exchange::open(&["--await-streams", "9", "--life-ms", "50"]);
    let mut web = exchange.connect("/ws/btcusdt@trade").await;
    assert!(matches!(web.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_off() {
    let exchange = Exchange::open(&["--await-streams", "9", "--ping-ms", "20", "--pong-ms", "30"]);
    let web = exchange.connect("/ws").await;
    // Pongs are sent where messages are read, and here none is.
    let is_cut = async {
        while exchange.asked("/_exchange/status").await.1["unanswered"] != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_cut).await.unwrap();
    drop(web);
}

#[tokio::test]
async fn every_fault_of_a_socket_happens() {
    let faults = [
        "disconnect=200",
        "half-frame=200",
        "silence=400",
        "shutdown=200",
        "lose=50",
        "delay=2000",
        "duplicate=50",
        "reorder=50",
        "garbage=200",
        "control=50",
        "ping=50",
    ];
    let options = faults.into_iter().flat_map(|fault| ["--fault", fault]);
    let rate = ["--frames-per-second", "1000", "--await-streams", "1", "--attempts", "10000"];
    let exchange = Exchange::open(&rate.into_iter().chain(options).collect::<Vec<_>>());
    let path = "/stream?streams=btcusdt@bookTicker/btcusdt@trade/btcusdt@depth@100ms/ethusdt@trade/ethusdt@bookTicker";
    let client = async {
        loop {
            let mut web = exchange.connect(path).await;
            while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_millis(50), web.next()).await {}
        }
    };
    let status = tokio::select! {
        status = exchange.over() => status,
        () = client => unreachable!("it goes on"),
    };
    for fault in
        faults.map(|fault| fault.split('=').next().unwrap()).into_iter().filter(|fault| *fault != "delay")
    {
        assert!(status["faults"][fault].as_u64() > Some(0), "no {fault} in {status}");
    }
}
