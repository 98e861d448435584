//! The built function on loopback: the Lambda Runtime API as much as a function sees of it, a table and a stream.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dynoxide::Database;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::store::{Store, StoreOptions};
use indicator_calculator::Config;
use indicator_calculator::aws::Aws;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a function may take to answer: far more than any does, far less than a hanging test is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The command that starts the function under these variables and no others of its configuration.
pub(crate) fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_indicator-calculator"));
    for variable in Config::VARIABLES.iter().chain(&Aws::VARIABLES) {
        command.env_remove(variable);
    }
    command
        .envs(variables.iter().copied())
        .env("AWS_LAMBDA_FUNCTION_NAME", "indicator-calculator")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .stdout(Stdio::piped());
    command
}

/// A running function.
pub(crate) struct Function {
    child: Child,
    payloads: UnboundedSender<Vec<u8>>,
    outcomes: UnboundedReceiver<Outcome>,
    rows: Store,
    log: Option<JoinHandle<String>>,
}

/// What the function posted for one invocation.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `response` or `error`.
    pub(crate) verdict: String,
    pub(crate) body: Vec<u8>,
}

impl Function {
    /// Starts the function beside an empty table and an empty stream.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let (kinesis, rows) = kinesis().await;
        let (payloads, next) = unbounded_channel();
        let (post, outcomes) = unbounded_channel();
        let [runtime, dynamodb] = [runtime_api(next, post).await, dynamodb().await].map(|at| at.to_string());
        let mut child = command(variables)
            .env("STATE_TABLE", "state")
            .env("OUTPUT_STREAM", "rows")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}"))
            .env("AWS_ENDPOINT_URL_KINESIS", format!("http://{kinesis}"))
            .env("AWS_LAMBDA_RUNTIME_API", runtime)
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, payloads, outcomes, rows, log: Some(log) }
    }

    pub(crate) async fn invoke(&mut self, payload: Vec<u8>) -> Outcome {
        self.payloads.send(payload).unwrap();
        let outcome = tokio::time::timeout(ANSWER_TIMEOUT, self.outcomes.recv()).await;
        outcome.expect("the function answers").unwrap()
    }

    /// Memory of the process that is resident, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    /// Every row that was published, in its order.
    pub(crate) async fn rows(&self) -> Vec<Vec<u8>> {
        let records = self.rows.get_record_store("rows").await;
        records.into_values().map(|record| BASE64_STANDARD.decode(record.data).unwrap()).collect()
    }

    /// Takes the output stream away.
    pub(crate) async fn remove_stream(&self) {
        dispatch(&self.rows, Operation::DeleteStream, json!({ "StreamName": "rows" })).await.unwrap();
    }

    /// Asks the function to end, as Lambda does before it takes an environment away; waits until it has.
    pub(crate) fn terminate(&mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap();
    }

    /// Ends the function; gives the lines that it logged.
    pub(crate) fn log(mut self) -> Vec<String> {
        // Already ended is as good.
        let _ = self.child.kill();
        let log = self.log.take().unwrap().join().unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn dynamodb() -> SocketAddr {
    let (listener, address) = listener().await;
    let keys = [("lane", "HASH"), ("part", "RANGE")];
    let table = json!({
        "TableName": "state",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys.map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })),
        "AttributeDefinitions": keys.map(|(name, _)| json!({ "AttributeName": name, "AttributeType": "S" })),
    });
    let database = Database::memory().unwrap();
    database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    address
}

async fn kinesis() -> (SocketAddr, Store) {
    let (listener, address) = listener().await;
    let (app, store) =
        ferrokinesis::create_app(StoreOptions { create_stream_ms: 0, ..StoreOptions::default() });
    let stream = json!({ "StreamName": "rows", "ShardCount": 1 });
    dispatch(&store, Operation::CreateStream, stream).await.unwrap();
    tokio::spawn(ferrokinesis::serve_plain_http(listener, app, std::future::pending()));
    (address, store)
}

/// Where invocations come from, and where their outcomes go.
struct Invocations {
    next: Mutex<UnboundedReceiver<Vec<u8>>>,
    post: UnboundedSender<Outcome>,
}

async fn runtime_api(next: UnboundedReceiver<Vec<u8>>, post: UnboundedSender<Outcome>) -> SocketAddr {
    let (listener, address) = listener().await;
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
        .route("/2018-06-01/runtime/invocation/{id}/{verdict}", post_route())
        .with_state(Arc::new(Invocations { next: Mutex::new(next), post }));
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    address
}

fn post_route() -> axum::routing::MethodRouter<Arc<Invocations>> {
    post(
        async |State(invocations): State<Arc<Invocations>>,
               Path((_, verdict)): Path<(String, String)>,
               body: Bytes| {
            // Nobody waits any more: the test is over.
            let _ = invocations.post.send(Outcome { verdict, body: body.to_vec() });
            StatusCode::ACCEPTED
        },
    )
}

async fn next_invocation(State(invocations): State<Arc<Invocations>>) -> Response<Body> {
    let Some(payload) = invocations.next.lock().await.recv().await else { std::future::pending().await };
    Response::builder()
        .header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda")
        .body(Body::from(payload))
        .unwrap()
}
