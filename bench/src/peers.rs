//! Everybody who transforms records: ours and the peers, as functions of bytes and as processes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use record_transformer::{Config, Transformer};

use crate::Places;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// The record transformer.
    Tapeline,
    /// (a) Rust, `aws_lambda_events` and `serde_json::Value`.
    RustValue,
    /// (b) Rust, `aws_lambda_events` and serde types.
    RustTyped,
    /// (c) Python with Powertools for AWS Lambda.
    Python,
    /// (d) Node.js in the shape of AWS's blueprint.
    Node,
}

impl Contender {
    pub(crate) const ALL: [Self; 5] =
        [Self::Tapeline, Self::RustValue, Self::RustTyped, Self::Python, Self::Node];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tapeline => "tapeline",
            Self::RustValue => "(a) Rust, aws_lambda_events, serde_json::Value",
            Self::RustTyped => "(b) Rust, aws_lambda_events, typed serde",
            Self::Python => "(c) Python, Powertools for AWS Lambda",
            Self::Node => "(d) Node.js, as AWS's blueprint",
        }
    }

    /// How arrival times may differ from the record's own, in milliseconds: the events crate reads half of them one off.
    pub(crate) const fn arrival_ms_off(self) -> i64 {
        match self {
            Self::RustValue | Self::RustTyped => 1,
            _ => 0,
        }
    }

    /// The function as Lambda starts it: it asks the Runtime API for events.
    pub(crate) fn command(self, places: &Places) -> Command {
        let binary = |name: &str| Command::new(places.binaries.join(name));
        let mut command = match self {
            Self::Tapeline => binary("record-transformer"),
            Self::RustValue => binary("peer-rust-value"),
            Self::RustTyped => binary("peer-rust-typed"),
            Self::Python => python(places, &["-m", "awslambdaric", "handler.handler"]),
            Self::Node => node(places, &["runtime.mjs"]),
        };
        for variable in Config::VARIABLES {
            command.env_remove(variable);
        }
        command
    }

    /// Sets the function up to answer one event again and again, without HTTP.
    pub(crate) fn in_process(self, places: &Places, event: &Path) -> Box<dyn Rounds> {
        let bytes = std::fs::read(event).expect("the event");
        let event = std::path::absolute(event).expect("a path");
        let event = event.to_str().expect("a path in UTF-8");
        match self {
            Self::Tapeline => {
                let config = Config::from_variables(|_| None).expect("the defaults");
                let mut transformer = Transformer::new(config);
                timed(bytes, move |event| transformer.transform(event).expect("an answer").answer)
            }
            Self::RustValue => timed(bytes, |event| {
                let event = serde_json::from_slice(event).expect("an event");
                serde_json::to_vec(&peer_rust_value::transform(event)).expect("an answer")
            }),
            Self::RustTyped => timed(bytes, |event| {
                let event = serde_json::from_slice(event).expect("an event");
                serde_json::to_vec(&peer_rust_typed::transform(event)).expect("an answer")
            }),
            Self::Python => Box::new(Script::start(python(places, &["rounds.py", event]))),
            Self::Node => Box::new(Script::start(node(places, &["rounds.mjs", event]))),
        }
    }
}

/// Work that is done once a round.
pub(crate) trait Rounds {
    /// Does it; gives the seconds that it took.
    fn round(&mut self) -> f64;
}

impl<F: FnMut() -> f64> Rounds for F {
    fn round(&mut self) -> f64 {
        self()
    }
}

fn timed(event: Vec<u8>, mut answer: impl FnMut(&[u8]) -> Vec<u8> + 'static) -> Box<dyn Rounds> {
    Box::new(move || {
        let start = Instant::now();
        let answer = std::hint::black_box(answer(std::hint::black_box(&event)));
        let elapsed = start.elapsed();
        drop(answer);
        elapsed.as_secs_f64()
    })
}

fn python(places: &Places, arguments: &[&str]) -> Command {
    let mut command = Command::new(places.venv_binaries.join("python"));
    command.args(arguments).current_dir("bench/peers/python");
    command
}

fn node(places: &Places, arguments: &[&str]) -> Command {
    let mut command = Command::new(places.venv_binaries.join("node"));
    command.args(arguments).current_dir("bench/peers/node");
    command
}

/// A script that does a round for each line and writes the nanoseconds that it took.
struct Script {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Script {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let ask = child.stdin.take().expect("a pipe");
        let told = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, ask, told }
    }
}

impl Rounds for Script {
    fn round(&mut self) -> f64 {
        self.ask.write_all(b"\n").expect("the peer reads");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("the peer writes");
        line.trim().parse::<f64>().expect("nanoseconds") / 1e9
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
