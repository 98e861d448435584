//! The test exchange as a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::binaries::TAPELINE;
use crate::log::Log;
use crate::process::{Process, until};
use crate::trades::Trades;

/// An exchange under way.
pub(crate) struct Exchange {
    _process: Process,
    /// Address of its sockets.
    pub(crate) socket_url: String,
    /// Address of its REST API.
    pub(crate) rest_url: String,
    trades: PathBuf,
    runtime: Runtime,
    client: reqwest::Client,
}

impl Exchange {
    /// Opens it with these options; a folder keeps what it says and what it traded.
    pub(crate) fn open(folder: &Path, options: &[&str]) -> Self {
        let (log, trades) = (Log(folder.join("exchange.log")), folder.join("trades"));
        let mut command = Command::new(TAPELINE);
        command.args(["exchange", "--port", "0", "--trades"]).arg(&trades).args(options);
        let process = log.start(&mut command);
        let opening = until("the exchange", || log.text().lines().next().map(str::to_owned));
        let url = |name: &str| {
            let found = opening.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name} in {opening:?}")).to_owned()
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            socket_url: url("EXCHANGE_SOCKET_URL"),
            rest_url: url("EXCHANGE_REST_URL"),
            _process: process,
            trades,
            runtime,
            client: reqwest::Client::new(),
        }
    }

    /// What it has done.
    pub(crate) fn status(&self) -> Value {
        let request = self.client.get(format!("{}/_exchange/status", self.rest_url));
        let text = self.runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until its session is there: `playing`, or `over`.
    pub(crate) fn until(&self, stage: &str) -> Value {
        until(stage, || Some(self.status()).filter(|status| status["session"] == stage))
    }

    /// How often a fault has happened.
    pub(crate) fn struck(&self, fault: &str) -> u64 {
        self.status()["faults"][fault].as_u64().unwrap()
    }

    /// Has its session end.
    pub(crate) fn end(&self) {
        let request = self.client.post(format!("{}/_exchange/end", self.rest_url));
        self.runtime.block_on(async { request.send().await.unwrap() });
    }

    /// Every trade of its session, which must be over.
    pub(crate) fn trades(&self) -> Trades {
        Trades::noted(&fs::read_to_string(&self.trades).unwrap())
    }
}
