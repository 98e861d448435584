//! The Runtime API of one process, version 2018-06-01.
//!
//! Status codes and bodies are those of "Using the Lambda runtime API for custom runtimes" and of the official
//! runtime interface emulator: 202 `{"status":"OK"}`, 400 for a wrong request id, 403 for a call out of turn and 413
//! for an answer that is too large.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::body::{Read, read};
use super::process_group::ProcessGroup;

/// Largest answer of a synchronous invocation, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 6_291_556;

/// Characters of an error text of the function that are kept.
const ERROR_TEXT_CHARS_MAX: usize = 4_000;

/// One event on its way to the function, with what the headers say about it.
#[derive(Debug)]
pub(super) struct Invocation {
    /// Request id, unique within the process.
    pub(super) request_id: String,
    /// End of the time the function has, in milliseconds since the epoch.
    pub(super) deadline_ms: u128,
    /// X-Ray header, never sampled.
    pub(super) trace_id: String,
    /// The event.
    pub(super) event: Bytes,
}

/// What the function says through the API.
#[derive(Debug)]
pub(super) enum Message {
    /// It asks for an event. When it does so first, the init phase is over.
    Ready,
    /// The init phase failed.
    InitFailed(ReportedError),
    /// The running invocation is over.
    Answered(Outcome),
}

/// How an invocation ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With an answer.
    Response(Bytes),
    /// With an error that the function reported.
    Error(ReportedError),
    /// With an answer above [`ANSWER_BYTES_MAX`].
    TooLarge {
        /// Bytes of the answer, as far as they were read.
        bytes: u64,
    },
    /// With an answer whose connection broke before its end.
    Truncated,
}

/// An error as the function reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportedError {
    /// `errorType` of the body, else the error type of the header.
    pub(super) error_type: String,
    /// `errorMessage` of the body, else the body.
    pub(super) message: String,
}

/// A served Runtime API. Dropping it ends the service.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    invocations: mpsc::Sender<Invocation>,
    messages: mpsc::Receiver<Message>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Serves the API on a loopback port that the system chooses.
    pub(super) async fn open(function_arn: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        // A poll's answer is small or large but always complete: waiting for more to send only adds latency.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let (invocations, waiting) = mpsc::channel(1);
        // The stages admit at most three messages that nobody has read: ready, answered, and ready again.
        let (sender, messages) = mpsc::channel(4);
        let shared = Arc::new(Shared {
            function_arn: function_arn.to_owned(),
            stage: Mutex::new(Stage::Init),
            group: OnceLock::new(),
            waiting: tokio::sync::Mutex::new(waiting),
            messages: sender,
        });
        let router = router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // `serve` never returns: it goes on after errors of single connections.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, invocations, messages, server })
    }

    /// Host and port, as `AWS_LAMBDA_RUNTIME_API` holds them.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on the processes that poll stand still while they wait for an event.
    pub(super) fn freeze_between_events(&self, group: ProcessGroup) {
        // It is set once, by whom started the processes.
        let _ = self.shared.group.set(group);
    }

    /// Whether the function works on an event that was handed out.
    pub(super) fn is_busy(&self) -> bool {
        matches!(*self.shared.stage(), Stage::Busy(_))
    }

    /// Hands an event to the next poll. Only one may be under way.
    pub(super) fn hand_out(&self, invocation: Invocation) {
        // The channel is never full: the caller waits for the outcome of an invocation before it makes another.
        let _ = self.invocations.try_send(invocation);
    }

    /// Waits for the next message of the function.
    pub(super) async fn message(&mut self) -> Message {
        match self.messages.recv().await {
            Some(message) => message,
            // The server holds the sender and lives as long as `self`.
            None => std::future::pending().await,
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What the handlers share.
#[derive(Debug)]
struct Shared {
    function_arn: String,
    stage: Mutex<Stage>,
    group: OnceLock<ProcessGroup>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    messages: mpsc::Sender<Message>,
}

/// Where the process is in its life.
#[derive(Debug)]
enum Stage {
    /// Started, has not polled yet.
    Init,
    /// Reported that it cannot start.
    Failed,
    /// Waits for an event.
    Ready,
    /// Has answered, and does what it likes until it asks for the next event.
    Answered,
    /// Works on the invocation with this request id.
    Busy(String),
}

impl Stage {
    /// Name in error texts.
    const fn name(&self) -> &'static str {
        match self {
            Self::Init => "Init",
            Self::Failed => "InitError",
            Self::Ready => "Ready",
            Self::Answered => "ResponseSent",
            Self::Busy(_) => "Running",
        }
    }

    /// Admits an answer to the invocation `request_id`.
    fn admit(&self, request_id: &str) -> Result<(), Refusal> {
        match self {
            Self::Busy(running) if running == request_id => Ok(()),
            Self::Busy(_) => Err(Refusal::WrongId),
            _ => Err(Refusal::OutOfTurn { stage: self.name(), wanted: "InvocationResponse" }),
        }
    }
}

/// Why a call is refused.
#[derive(Debug)]
enum Refusal {
    /// Not possible at this stage.
    OutOfTurn { stage: &'static str, wanted: &'static str },
    /// Another request id than the running one.
    WrongId,
    /// The body is above the limit.
    TooLarge,
    /// The body ended early.
    Truncated,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error_type, message) = match self {
            Self::OutOfTurn { stage, wanted } => (
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                format!("Transition from {stage} to {wanted} is not allowed"),
            ),
            Self::WrongId => (StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID".to_owned()),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                format!("Exceeded maximum allowed payload size ({ANSWER_BYTES_MAX} bytes)."),
            ),
            Self::Truncated => (
                StatusCode::BAD_REQUEST,
                "TruncatedHTTPRequest",
                "HTTP request detected as truncated".to_owned(),
            ),
        };
        json(status, format!(r#"{{"errorMessage":"{message}","errorType":"{error_type}"}}"#))
    }
}

impl Shared {
    /// The stage, whoever held it last.
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a message on. See the capacity of the channel.
    fn say(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }

    /// Admits a poll.
    fn poll(&self) -> Result<(), Refusal> {
        let mut stage = self.stage();
        match *stage {
            Stage::Init | Stage::Answered => {
                *stage = Stage::Ready;
                self.say(Message::Ready);
                Ok(())
            }
            // Its connection broke, and it asks once more.
            Stage::Ready => Ok(()),
            Stage::Failed | Stage::Busy(_) => {
                Err(Refusal::OutOfTurn { stage: stage.name(), wanted: "Ready" })
            }
        }
    }

    /// Waits for an event; meanwhile whatever polls stands still.
    async fn event(&self) -> Option<Invocation> {
        let mut waiting = self.waiting.lock().await;
        // A process that is to go on at once need not be stopped.
        if let Ok(invocation) = waiting.try_recv() {
            return Some(invocation);
        }
        let group = self.group.get();
        if let Some(group) = group {
            group.freeze();
        }
        let invocation = waiting.recv().await?;
        if let Some(group) = group {
            group.thaw();
        }
        Some(invocation)
    }

    /// Ends the running invocation. Of two answers to the same one only the first counts.
    fn finish(&self, request_id: &str, outcome: Outcome) -> Result<(), Refusal> {
        let mut stage = self.stage();
        stage.admit(request_id)?;
        *stage = Stage::Answered;
        self.say(Message::Answered(outcome));
        Ok(())
    }

    /// Ends the init phase with an error.
    fn fail_init(&self, error: ReportedError) -> Result<(), Refusal> {
        let mut stage = self.stage();
        if !matches!(*stage, Stage::Init) {
            return Err(Refusal::OutOfTurn { stage: stage.name(), wanted: "InitError" });
        }
        *stage = Stage::Failed;
        self.say(Message::InitFailed(error));
        Ok(())
    }
}

/// The documented paths.
fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(report_error))
        .route("/2018-06-01/runtime/init/error", post(report_init_error))
        .with_state(shared)
}

/// `GET /runtime/invocation/next`: waits for an event and delivers it.
async fn next(State(shared): State<Arc<Shared>>) -> Response {
    if let Err(refusal) = shared.poll() {
        return refusal.into_response();
    }
    let Some(invocation) = shared.event().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    *shared.stage() = Stage::Busy(invocation.request_id.clone());
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.function_arn.clone()),
        ("lambda-runtime-trace-id", invocation.trace_id),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, invocation.event).into_response()
}

/// `POST /runtime/invocation/{id}/response`: takes the answer of an invocation.
async fn respond(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response {
    match read(body, ANSWER_BYTES_MAX).await {
        Read::Whole(bytes) => accepted(shared.finish(&id, Outcome::Response(bytes))),
        Read::TooLarge { bytes } => {
            accepted(shared.finish(&id, Outcome::TooLarge { bytes }).and(Err(Refusal::TooLarge)))
        }
        Read::Truncated => accepted(shared.finish(&id, Outcome::Truncated).and(Err(Refusal::Truncated))),
    }
}

/// `POST /runtime/invocation/{id}/error`: takes the error of an invocation.
async fn report_error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    accepted(shared.finish(&id, Outcome::Error(reported(&headers, body).await)))
}

/// `POST /runtime/init/error`: takes the error of the init phase.
async fn report_init_error(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    accepted(shared.fail_init(reported(&headers, body).await))
}

/// The answer to a `POST`.
fn accepted(result: Result<(), Refusal>) -> Response {
    match result {
        Ok(()) => json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n".to_owned()),
        Err(refusal) => refusal.into_response(),
    }
}

/// A JSON response.
fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The documented body of an error. Runtimes may send any other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    error_message: Option<String>,
    error_type: Option<String>,
}

/// Reads a reported error, however little of it is there.
async fn reported(headers: &HeaderMap, body: Body) -> ReportedError {
    let bytes =
        if let Read::Whole(bytes) = read(body, ANSWER_BYTES_MAX).await { bytes } else { Bytes::new() };
    let body: Option<ErrorBody> = serde_json::from_slice(&bytes).ok();
    let (error_type, message) = body.map(|body| (body.error_type, body.error_message)).unwrap_or_default();
    let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    ReportedError {
        error_type: shortened(
            &error_type.or(header.map(str::to_owned)).unwrap_or_else(|| "Unknown".to_owned()),
        ),
        message: shortened(&message.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned())),
    }
}

/// Cuts a text of the function to what is kept of it.
fn shortened(text: &str) -> String {
    text.chars().take(ERROR_TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const NEXT: &str = "/2018-06-01/runtime/invocation/next";
    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:fn";

    /// Plays the runtime inside a function: one connection, one request after the other.
    pub(in crate::lambda) struct Client(TcpStream);

    /// Head and body of a response.
    pub(in crate::lambda) struct Reply {
        pub(in crate::lambda) status: u16,
        pub(in crate::lambda) head: String,
        pub(in crate::lambda) body: Vec<u8>,
    }

    impl Reply {
        /// Value of a header.
        pub(in crate::lambda) fn header(&self, name: &str) -> &str {
            let line = self.head.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1
        }
    }

    impl Client {
        pub(in crate::lambda) async fn connect(address: &str) -> Self {
            Self(TcpStream::connect(address).await.unwrap())
        }

        pub(in crate::lambda) async fn next(&mut self) -> Reply {
            self.send(&format!("GET {NEXT} HTTP/1.1\r\nhost: x\r\n\r\n"), b"").await
        }

        /// Takes an event; gives its id.
        pub(in crate::lambda) async fn next_id(&mut self) -> String {
            self.next().await.header("lambda-runtime-aws-request-id").to_owned()
        }

        pub(in crate::lambda) async fn post(&mut self, path: &str, body: &[u8]) -> Reply {
            let head = format!(
                "POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            self.send(&head, body).await
        }

        async fn send(&mut self, head: &str, body: &[u8]) -> Reply {
            self.0.write_all(head.as_bytes()).await.unwrap();
            self.0.write_all(body).await.unwrap();
            let mut received = Vec::new();
            loop {
                if let Some(reply) = parse(&received) {
                    return reply;
                }
                assert_ne!(self.0.read_buf(&mut received).await.unwrap(), 0, "the connection was closed");
            }
        }
    }

    /// A response, once it is complete.
    fn parse(received: &[u8]) -> Option<Reply> {
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let reply = Reply { status, head, body: received[end + 4..].to_vec() };
        (reply.body.len() == reply.header("content-length").parse::<usize>().unwrap()).then_some(reply)
    }

    /// An invocation with this id.
    fn invocation(request_id: &str) -> Invocation {
        Invocation {
            request_id: request_id.to_owned(),
            deadline_ms: 1_764_000_000_000,
            trace_id: "Root=1-0-0;Parent=0;Sampled=0".to_owned(),
            event: Bytes::from_static(b"{\"a\":1}"),
        }
    }

    /// A runtime that has taken the invocation "one".
    async fn busy() -> (RuntimeApi, Client) {
        let mut api = RuntimeApi::open(ARN).await.unwrap();
        let mut client = Client::connect(&api.address()).await;
        api.hand_out(invocation("one"));
        client.next().await;
        assert!(matches!(api.message().await, Message::Ready));
        (api, client)
    }

    #[tokio::test]
    async fn an_event_is_delivered_with_the_documented_headers() {
        let api = RuntimeApi::open(ARN).await.unwrap();
        let mut client = Client::connect(&api.address()).await;
        api.hand_out(invocation("one"));
        let reply = client.next().await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("lambda-runtime-aws-request-id"), "one");
        assert_eq!(reply.header("lambda-runtime-deadline-ms"), "1764000000000");
        assert_eq!(reply.header("lambda-runtime-invoked-function-arn"), ARN);
        assert_eq!(reply.header("lambda-runtime-trace-id"), "Root=1-0-0;Parent=0;Sampled=0");
        assert_eq!(reply.body, b"{\"a\":1}");
    }

    #[tokio::test]
    async fn an_answer_is_accepted_and_passed_on() {
        let (mut api, mut client) = busy().await;
        let reply = client.post("invocation/one/response", b"[1]").await;
        assert_eq!((reply.status, reply.body.as_slice()), (202, &b"{\"status\":\"OK\"}\n"[..]));
        let Message::Answered(Outcome::Response(answer)) = api.message().await else { panic!("no answer") };
        assert_eq!(answer, "[1]");
    }

    #[tokio::test]
    async fn a_reported_error_is_passed_on() {
        let (mut api, mut client) = busy().await;
        let body = br#"{"errorMessage":"no luck","errorType":"MyError","stackTrace":[]}"#;
        assert_eq!(client.post("invocation/one/error", body).await.status, 202);
        let Message::Answered(Outcome::Error(error)) = api.message().await else { panic!("no error") };
        assert_eq!(error, ReportedError { error_type: "MyError".into(), message: "no luck".into() });
    }

    #[tokio::test]
    async fn an_error_without_a_readable_body_keeps_its_text() {
        let (mut api, mut client) = busy().await;
        client.post("invocation/one/error", b"not json").await;
        let Message::Answered(Outcome::Error(error)) = api.message().await else { panic!("no error") };
        assert_eq!(error, ReportedError { error_type: "Unknown".into(), message: "not json".into() });
    }

    #[tokio::test]
    async fn the_largest_answer_is_accepted() {
        let (mut api, mut client) = busy().await;
        let answer = vec![b' '; 6_291_556];
        assert_eq!(client.post("invocation/one/response", &answer).await.status, 202);
        let Message::Answered(Outcome::Response(received)) = api.message().await else { panic!("no answer") };
        assert_eq!(received.len(), 6_291_556);
    }

    #[tokio::test]
    async fn a_larger_answer_is_refused_and_ends_the_invocation() {
        let (mut api, mut client) = busy().await;
        let reply = client.post("invocation/one/response", &vec![b' '; 6_291_557]).await;
        assert_eq!(reply.status, 413);
        let expected = r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#;
        assert_eq!(String::from_utf8(reply.body).unwrap(), expected);
        let Message::Answered(Outcome::TooLarge { bytes }) = api.message().await else {
            panic!("not refused")
        };
        assert_eq!(bytes, 6_291_557);
        api.hand_out(invocation("two"));
        assert_eq!(client.next().await.header("lambda-runtime-aws-request-id"), "two");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_ends_the_invocation() {
        let (mut api, mut client) = busy().await;
        let head = b"POST /2018-06-01/runtime/invocation/one/response HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n[1";
        client.0.write_all(head).await.unwrap();
        drop(client);
        assert!(matches!(api.message().await, Message::Answered(Outcome::Truncated)));
    }

    #[tokio::test]
    async fn an_answer_to_another_request_is_refused() {
        let (_api, mut client) = busy().await;
        let reply = client.post("invocation/two/response", b"[1]").await;
        assert_eq!(reply.status, 400);
        let expected = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
        assert_eq!(String::from_utf8(reply.body).unwrap(), expected);
        assert_eq!(client.post("invocation/two/error", b"{}").await.status, 400);
    }

    #[tokio::test]
    async fn calls_out_of_turn_are_refused() {
        let (_api, mut client) = busy().await;
        assert_eq!(client.next().await.status, 403);
        assert_eq!(client.post("init/error", b"{}").await.status, 403);
        assert_eq!(client.post("invocation/one/response", b"1").await.status, 202);
        assert_eq!(client.post("invocation/one/response", b"2").await.status, 403);
    }

    #[tokio::test]
    async fn a_failed_init_is_passed_on() {
        let mut api = RuntimeApi::open(ARN).await.unwrap();
        let mut client = Client::connect(&api.address()).await;
        assert_eq!(client.post("init/error", br#"{"errorMessage":"MARKET must be set"}"#).await.status, 202);
        let Message::InitFailed(error) = api.message().await else { panic!("no error") };
        assert_eq!(error.message, "MARKET must be set");
        assert_eq!(client.next().await.status, 403);
    }
}
