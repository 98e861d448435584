//! The API over loopback, around a function whose process a test plays.

use std::path::PathBuf;

use reqwest::{Client, RequestBuilder, Response};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;
use crate::lambda::FunctionSpec;
use crate::lambda::function::tests::{connect, spec, started};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:fn";

/// A function behind the API.
struct World {
    folder: TempDir,
    function: Function,
    address: String,
    client: Client,
}

impl World {
    /// A function that answers `answered` events with `[]` and is silent then.
    async fn new(change: impl FnOnce(&mut FunctionSpec), answered: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut spec = spec(&folder, "wait");
        change(&mut spec);
        let function = started(&folder, spec, answered).await;
        Self::around(folder, function).await
    }

    /// A function that answers its first event through `path`, with `body`.
    async fn replying(path: &'static str, body: &'static [u8]) -> Self {
        let folder = TempDir::new().unwrap();
        tokio::spawn(reply(folder.path().to_owned(), path, body));
        let function = Function::start(spec(&folder, "wait")).await.unwrap();
        Self::around(folder, function).await
    }

    async fn around(folder: TempDir, function: Function) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/2015-03-31/functions", listener.local_addr().unwrap());
        let router = router([function.clone()]);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { folder, function, address, client: Client::new() }
    }

    /// An invocation of the function by `name`.
    fn invoke(&self, name: &str, payload: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(format!("{}/{name}/invocations", self.address)).body(payload)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.address)).send().await.unwrap()
    }
}

/// Takes one event of the process that is starting and answers it.
async fn reply(folder: PathBuf, path: &'static str, body: &'static [u8]) {
    let mut client = connect(&folder).await;
    let id = client.next_id().await;
    client.post(&format!("invocation/{id}/{path}"), body).await;
    client.next().await;
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

fn value<'r>(response: &'r Response, header: &str) -> Option<&'r str> {
    response.headers().get(header).map(|value| value.to_str().unwrap())
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Checks how a call is refused: its status, the name of the error, and what its text says.
async fn check(response: Response, (status, name): (u16, &str), message: &str) {
    assert_eq!((response.status().as_u16(), value(&response, "x-amzn-errortype")), (status, Some(name)));
    let document = json_of(response).await;
    let text = document.get("message").or(document.get("Message")).unwrap().as_str().unwrap();
    assert!(text.contains(message), "{text}");
}

#[tokio::test]
async fn an_invocation_gives_the_answer() {
    let world = World::new(|_| (), 1).await;
    let response = sent(world.invoke("fn", "{}")).await;
    assert_eq!(
        (response.status().as_u16(), value(&response, "x-amz-executed-version")),
        (200, Some("$LATEST"))
    );
    assert_eq!(value(&response, "x-amz-function-error"), None);
    assert_eq!(value(&response, "x-amz-log-result"), None);
    assert_eq!(response.bytes().await.unwrap(), "[]");
}

#[tokio::test]
async fn a_function_may_be_named_by_its_escaped_arn_and_version() {
    let world = World::new(|_| (), 1).await;
    let name = format!("{}%3A%24LATEST", ARN.replace(':', "%3A"));
    assert_eq!(sent(world.invoke(&name, "{}")).await.status(), 200);
}

#[tokio::test]
async fn an_error_of_the_function_is_a_header_and_its_document() {
    let world = World::replying("error", br#"{"errorMessage":"no luck","errorType":"Unlucky"}"#).await;
    let response = sent(world.invoke("fn", "{}")).await;
    assert_eq!(
        (response.status().as_u16(), value(&response, "x-amz-function-error")),
        (200, Some("Unhandled"))
    );
    assert_eq!(json_of(response).await, json!({"errorType": "Unlucky", "errorMessage": "no luck"}));
}

#[tokio::test]
async fn a_timeout_is_told_as_lambda_tells_it() {
    let world = World::new(|spec| spec.timeout = std::time::Duration::from_millis(250), 0).await;
    let response = sent(world.invoke("fn", "{}")).await;
    let expected = format!(
        "RequestId: {} Error: Task timed out after 0.25 seconds",
        value(&response, "x-amzn-requestid").unwrap()
    );
    let document = json_of(response).await;
    assert_eq!(document, json!({"errorType": "Sandbox.Timedout", "errorMessage": expected}));
}

#[tokio::test]
async fn the_end_of_the_log_comes_where_it_is_asked_for() {
    let world = World::new(|_| (), 1).await;
    let response = sent(world.invoke("fn", "{}").header("x-amz-log-type", "Tail")).await;
    let log = STANDARD.decode(value(&response, "x-amz-log-result").unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    let id = value(&response, "x-amzn-requestid").unwrap();
    let starts: Vec<_> = log.lines().map(|line| line.split('\t').next().unwrap()).collect();
    let expected = [
        format!("START RequestId: {id} Version: $LATEST"),
        format!("END RequestId: {id}"),
        format!("REPORT RequestId: {id}"),
    ];
    assert_eq!(starts, expected);
}

#[tokio::test]
async fn an_event_is_accepted_and_runs_later() {
    let world = World::new(|_| (), 1).await;
    let response = sent(world.invoke("fn", "{}").header("x-amz-invocation-type", "Event")).await;
    assert_eq!(response.status(), 202);
    assert_eq!(response.bytes().await.unwrap(), "");
    while world.function.counts().duration.max.is_zero() {
        tokio::task::yield_now().await;
    }
    assert_eq!((world.function.counts().invocations, world.function.counts().errors), (1, 0));
}

#[tokio::test]
async fn a_dry_run_invokes_nothing() {
    let world = World::new(|_| (), 0).await;
    let response = sent(world.invoke("fn", "{}").header("x-amz-invocation-type", "DryRun")).await;
    assert_eq!(response.status(), 204);
    assert_eq!(world.function.counts().invocations, 0);
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let world = World::new(|_| (), 0).await;
    let not_found = (404, "ResourceNotFoundException");
    check(sent(world.invoke("other", "{}")).await, not_found, "Function not found: other").await;
    check(sent(world.invoke("fn:v1", "{}")).await, not_found, "Function not found: fn:v1").await;
    check(world.get("/other").await, not_found, "Function not found: other").await;
}

#[tokio::test]
async fn the_largest_payload_is_taken_and_a_larger_one_refused() {
    let world = World::new(|_| (), 1).await;
    let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    assert_eq!(sent(world.invoke("fn", payload(6_291_456))).await.status(), 200);
    let refused = sent(world.invoke("fn", payload(6_291_457))).await;
    check(refused, (413, "RequestTooLargeException"), "smaller than 6291456 bytes").await;
    let event = world.invoke("fn", payload(1_048_577)).header("x-amz-invocation-type", "Event");
    check(sent(event).await, (413, "RequestTooLargeException"), "smaller than 1048576 bytes").await;
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_refused() {
    let world = World::new(|_| (), 0).await;
    let refused = sent(world.invoke("fn", "{a")).await;
    check(refused, (400, "InvalidRequestContentException"), "Could not parse request body into json").await;
}

#[tokio::test]
async fn an_unknown_type_is_refused() {
    let world = World::new(|_| (), 0).await;
    let refused = sent(world.invoke("fn", "{}").header("x-amz-invocation-type", "Later")).await;
    check(refused, (400, "ValidationException"), "'Later' at 'invocationType'").await;
}

#[tokio::test]
async fn an_invocation_above_the_concurrency_is_refused() {
    let world = World::new(|spec| spec.reserved_concurrency = Some(0), 0).await;
    let refused = sent(world.invoke("fn", "{}")).await;
    check(refused, (429, "TooManyRequestsException"), "Rate Exceeded.").await;
    assert_eq!(world.function.counts().throttles, 1);
}

#[tokio::test]
async fn a_call_without_a_payload_is_an_empty_object() {
    let folder = TempDir::new().unwrap();
    let taken = tokio::spawn({
        let folder = folder.path().to_owned();
        async move {
            let mut client = connect(&folder).await;
            let event = client.next().await;
            let id = event.header("lambda-runtime-aws-request-id").to_owned();
            client.post(&format!("invocation/{id}/response"), b"null").await;
            event.body
        }
    });
    let function = Function::start(spec(&folder, "wait")).await.unwrap();
    let world = World::around(folder, function).await;
    assert_eq!(sent(world.invoke("fn", "")).await.status(), 200);
    assert_eq!(taken.await.unwrap(), b"{}");
}

#[tokio::test]
async fn functions_are_listed_and_described() {
    let world = World::new(|spec| spec.reserved_concurrency = Some(2), 0).await;
    let function = json_of(world.get("/fn").await).await;
    assert_eq!(function["Concurrency"], json!({"ReservedConcurrentExecutions": 2}));
    let configuration = &function["Configuration"];
    assert_eq!((&configuration["FunctionArn"], &configuration["Timeout"]), (&json!(ARN), &json!(30)));
    assert_eq!((&configuration["MemorySize"], &configuration["State"]), (&json!(256), &json!("Active")));
    assert_eq!(configuration["Environment"]["Variables"]["ACT"], "wait");
    assert!(world.folder.path().is_dir());
    for path in ["", "/"] {
        assert_eq!(json_of(world.get(path).await).await, json!({"Functions": [configuration]}));
    }
}
