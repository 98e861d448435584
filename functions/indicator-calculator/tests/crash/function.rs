//! The built function in front of Lambda's Runtime API, and in front of services whose calls pass a script.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle as Thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use indicator_calculator::aws::Aws;
use indicator_calculator::fault::Fault;
use indicator_calculator::{Config, fault::Injected};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::services::{Answer, Call, STREAM, Services, Step, TABLE, listener};
use crate::session::INTERVALS;

/// How long a function may take to do anything: far more than it ever does, far less than a hanging test is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the script lets become of a call.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It arrives, and so does its answer.
    Answered,
    /// It does not arrive, or its answer does not.
    Lost(Fault, Loss),
    /// Of the records to put, those of one lane are refused.
    Refused(String),
    /// It arrives once the gate is open.
    Held(watch::Receiver<bool>),
    /// The process that makes it dies.
    Killed(Moment),
}

/// What the function sees of a loss.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    /// Status 500.
    Error,
    /// The end of its connection.
    Disconnect,
}

/// When a process dies that makes a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// Before the call arrives.
    Before,
    /// After it did.
    After,
    /// While it is on its way: it arrives when another process has already loaded what is stored.
    Late,
}

/// How an invocation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer.
    Answered(String),
    /// The process died.
    Killed,
}

/// What happens to a process.
#[derive(Debug)]
enum Sign {
    /// It asked for an invocation.
    Polled,
    /// One of its calls is held.
    Held,
    Ended(End),
}

type Script = Box<dyn FnMut(&Call) -> Fate + Send>;

/// A running process. Dropping it kills it.
pub(crate) struct Function {
    front: Arc<Front>,
    server: JoinHandle<()>,
    payloads: UnboundedSender<Vec<u8>>,
    signs: UnboundedReceiver<Sign>,
    log: Option<Thread<String>>,
}

/// What stands between one process and the world.
struct Front {
    services: Arc<Services>,
    child: Mutex<Child>,
    script: Mutex<Script>,
    /// What this invocation did so far, as the services took it.
    steps: Mutex<Vec<Step>>,
    payloads: tokio::sync::Mutex<UnboundedReceiver<Vec<u8>>>,
    signs: UnboundedSender<Sign>,
}

impl Function {
    /// Starts the function and waits until it asks for work.
    pub(crate) async fn start(services: &Arc<Services>) -> Self {
        let (address, listener) = listener().await;
        let mut child = command(&address.to_string()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stdout.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        let ((payloads, next), (sign, signs)) = (unbounded_channel(), unbounded_channel());
        let front = Arc::new(Front {
            services: Arc::clone(services),
            child: Mutex::new(child),
            script: Mutex::new(Box::new(|_| Fate::Answered)),
            steps: Mutex::default(),
            payloads: tokio::sync::Mutex::new(next),
            signs: sign,
        });
        let app = router(Arc::clone(&front));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let mut function = Self { front, server, payloads, signs, log: Some(log) };
        while !matches!(function.sign().await, Sign::Polled) {}
        function
    }

    /// Hands an event out; `script` decides over the calls that it leads to.
    pub(crate) fn hand_out(&self, event: Vec<u8>, script: impl FnMut(&Call) -> Fate + Send + 'static) {
        *self.front.script.lock().unwrap() = Box::new(script);
        self.front.steps.lock().unwrap().clear();
        self.payloads.send(event).unwrap();
    }

    /// Waits for the end of the invocation, and brings it about when the process has lived long enough.
    pub(crate) async fn end(&mut self, life: Option<Duration>) -> End {
        let answer = async {
            loop {
                if let Sign::Ended(end) = self.sign().await {
                    return end;
                }
            }
        };
        let end = match life {
            None => answer.await,
            Some(life) => timeout(life, answer).await.unwrap_or(End::Killed),
        };
        if end == End::Killed {
            self.front.kill();
        }
        end
    }

    /// Waits until a call is held.
    pub(crate) async fn held(&mut self) {
        while !matches!(self.sign().await, Sign::Held) {}
    }

    /// The last that the services took in this invocation.
    pub(crate) fn last_step(&self) -> Option<Step> {
        self.front.steps.lock().unwrap().last().copied()
    }

    /// Ends the process; gives the documents that it logged.
    pub(crate) fn log(mut self) -> Vec<Value> {
        self.front.kill();
        let log = self.log.take().unwrap().join().unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn sign(&mut self) -> Sign {
        timeout(ANSWER_TIMEOUT, self.signs.recv()).await.expect("the function answers").unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.front.kill();
        self.server.abort();
    }
}

/// The command that starts the function behind an address, with no other variables of its configuration.
fn command(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_indicator-calculator"));
    for variable in Config::VARIABLES.iter().chain(&Aws::VARIABLES) {
        command.env_remove(variable);
    }
    command
        .env("INTERVALS", INTERVALS)
        .env("INDICATORS", "sma(5) ema(9) rsi(14) macd(12,26,9) obv")
        .env("STATE_TABLE", TABLE)
        .env("OUTPUT_STREAM", STREAM)
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .envs(["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "local")))
        .env("AWS_LAMBDA_FUNCTION_NAME", "indicator-calculator")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .stdout(Stdio::piped());
    command
}

fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{verdict}", post(ended))
        .route("/", post(called))
        .with_state(front)
}

async fn next(State(front): State<Arc<Front>>) -> Response {
    front.sign(Sign::Polled);
    let Some(payload) = front.payloads.lock().await.recv().await else {
        // The test is over.
        return StatusCode::GONE.into_response();
    };
    let head = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("Lambda-Runtime-Deadline-Ms", "4102444800000"),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda"),
    ];
    (head, payload).into_response()
}

async fn ended(
    State(front): State<Arc<Front>>,
    Path((_, verdict)): Path<(String, String)>,
    answer: String,
) -> StatusCode {
    assert_eq!(verdict, "response", "{answer}");
    front.sign(Sign::Ended(End::Answered(answer)));
    StatusCode::ACCEPTED
}

async fn called(State(front): State<Arc<Front>>, head: HeaderMap, body: Bytes) -> Response {
    let call = Call::new(head["x-amz-target"].to_str().unwrap(), &body);
    let fate = front.script.lock().unwrap()(&call);
    match fate {
        Fate::Answered => front.take(&call).await.into_response(),
        Fate::Lost(fault, loss) => {
            if fault == Fault::After {
                front.take(&call).await;
            }
            loss.response()
        }
        Fate::Refused(lane) => front.take_but(call, &lane).await.into_response(),
        Fate::Held(mut gate) => {
            front.sign(Sign::Held);
            gate.wait_for(|is_open| *is_open).await.unwrap();
            front.take(&call).await.into_response()
        }
        Fate::Killed(moment) => {
            match moment {
                Moment::Before => {}
                Moment::After => drop(front.take(&call).await),
                Moment::Late => front.services.delay(call),
            }
            front.kill();
            front.sign(Sign::Ended(End::Killed));
            Loss::Disconnect.response()
        }
    }
}

impl Front {
    fn sign(&self, sign: Sign) {
        // Nobody listens any more when the test is over.
        let _ = self.signs.send(sign);
    }

    /// Kills the process with `SIGKILL`, and sees that it is gone. Already dead is as good.
    fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
    }

    async fn take(&self, call: &Call) -> Answer {
        let (step, answer) = (call.step(), self.services.take(call).await);
        if answer.status == 200 {
            self.steps.lock().unwrap().push(step);
        }
        if step == Step::Load {
            self.services.take_delayed().await;
        }
        answer
    }

    /// Puts the records of all lanes but one, as a stream does that is throttled.
    async fn take_but(&self, mut call: Call, lane: &str) -> Answer {
        let records = std::mem::take(call.body["Records"].as_array_mut().unwrap());
        let is_refused = |record: &Value| record["PartitionKey"] == lane;
        call.body["Records"] = records.iter().filter(|record| !is_refused(record)).cloned().collect();
        let mut taken = Value::Null;
        if call.body["Records"] != json!([]) {
            taken = serde_json::from_slice(&self.take(&call).await.body).unwrap();
        }
        let mut taken = taken["Records"].as_array().cloned().unwrap_or_default().into_iter();
        let refusal = json!({ "ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "" });
        let results = records
            .iter()
            .map(|record| if is_refused(record) { refusal.clone() } else { taken.next().unwrap() });
        let results: Vec<_> = results.collect();
        let refused = records.iter().filter(|record| is_refused(record)).count();
        let body = json!({ "FailedRecordCount": refused, "Records": results });
        Answer { status: 200, body: body.to_string().into_bytes() }
    }
}

impl Answer {
    fn into_response(self) -> Response {
        (StatusCode::from_u16(self.status).unwrap(), self.body).into_response()
    }
}

impl Loss {
    fn response(self) -> Response {
        match self {
            Self::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            // A body that fails ends the connection.
            Self::Disconnect => Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(Injected)]))),
        }
    }
}
