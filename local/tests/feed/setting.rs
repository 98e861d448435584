//! An exchange, a Kinesis and the feed between them, in a folder of their own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::PATIENCE;
use crate::binaries::{build_others, built};
use crate::exchange::Exchange;
use crate::kinesis::{Kinesis, STREAM, Troubles};
use crate::log::Log;
use crate::process::{Process, until};
use crate::trades::{Trades, assert_complete};

/// What is traded, as the command lines spell it.
pub(crate) const SYMBOLS: &str = "BTCUSDT,ETHUSDT,SOLUSDT,DOGEUSDT";

/// The setting.
pub(crate) struct Setting {
    pub(crate) exchange: Exchange,
    pub(crate) kinesis: Kinesis,
    /// What the feed and those before it said.
    pub(crate) log: Log,
    folder: TempDir,
    options: Vec<String>,
}

impl Setting {
    /// With these options of the exchange and of the feed, and these troubles of Kinesis.
    pub(crate) fn new(exchange: &[&str], feed: &[&str], troubles: Troubles) -> Self {
        build_others();
        let folder = tempfile::tempdir().unwrap();
        let exchange = Exchange::open(folder.path(), &[&["--symbols", SYMBOLS], exchange].concat());
        let options = feed.iter().map(|option| (*option).to_owned()).collect();
        let log = Log(folder.path().join("feed.log"));
        Self { exchange, kinesis: Kinesis::open(troubles), log, folder, options }
    }

    /// Starts the feed, which finds what those before it left.
    pub(crate) fn feed(&self) -> Process {
        let mut command = Command::new(built("tapeline-feed"));
        if !self.options.iter().any(|option| option == "--quote-asset") {
            command.args(["--symbols", SYMBOLS]);
        }
        command.args(["--stream", STREAM, "--region", "us-east-1"]);
        command.args(["--socket-url", &self.exchange.socket_url, "--rest-url", &self.exchange.rest_url]);
        command
            .args(["--endpoint-url", &self.kinesis.url()])
            .arg("--state")
            .arg(self.folder.path().join("state"));
        command.args(&self.options).current_dir(self.folder.path());
        command.envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")]);
        self.log.start(&mut command)
    }

    /// Where a file of this setting is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The trades that the stream holds.
    pub(crate) fn held(&self) -> Trades {
        Trades::of_records(self.kinesis.records().iter().map(|(_, data)| &data[..]))
    }

    /// Waits until the stream holds every trade of the session, which is over; what it holds, repeats included.
    pub(crate) fn complete(&self) -> Trades {
        let traded = self.exchange.trades();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let held = self.held();
            let missing = held.missing(&traded);
            if missing.is_empty() {
                return held;
            }
            let is_late = Instant::now() > deadline;
            assert!(
                !is_late,
                "missing {missing:?} of {}; the feed said {}",
                traded.count(),
                tail(&self.log.text())
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Ends the feed, which must end well, and holds the stream against the exchange.
    pub(crate) fn check(&self, mut feed: Process) -> Trades {
        self.complete();
        assert_eq!(feed.end().code(), Some(0), "{}", tail(&self.log.text()));
        let held = self.held();
        assert_complete(&self.exchange.trades(), &held);
        for (key, data) in self.kinesis.records() {
            let held = Trades::of_records([&data[..]]);
            let foreign = held.0.keys().find(|(symbol, _)| key != format!("spot|{symbol}"));
            assert_eq!(foreign, None, "under the key {key}");
        }
        held
    }

    /// Waits until the feed has a checkpoint of so many symbols and kinds: what was traded before one is nobody's promise.
    pub(crate) fn begun(&self, lanes: usize) {
        let checkpoint = self.path("state/checkpoint.json");
        let marks = || fs::read_to_string(&checkpoint).unwrap_or_default().matches("USDT").count();
        until("a checkpoint", || Some(()).filter(|()| marks() >= lanes));
    }
}

/// The end of a long text.
pub(crate) fn tail(text: &str) -> &str {
    const BYTES: usize = 6_000;
    let start = text.len().saturating_sub(BYTES);
    (start..text.len()).find_map(|at| text.get(at..)).unwrap_or_default()
}
