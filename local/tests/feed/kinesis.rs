//! A Kinesis endpoint that is not always there: the embedded one, behind faults.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::store::{Store, StoreOptions};
use ferrokinesis::{actions, create_app};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

use crate::put;

/// The stream.
pub(crate) const STREAM: &str = "frames";
const SHARDS: u32 = 4;
/// Most bytes of a request, as the service bounds them, in base64.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a request hangs.
const HANG: Duration = Duration::from_secs(3);

/// What goes wrong with requests: of each, one in so many; 0 for none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Troubles {
    /// The whole request is throttled.
    pub(crate) throttled: u32,
    /// Some of its records fail.
    pub(crate) failed: u32,
    /// It fails as a whole, with HTTP 500.
    pub(crate) broken: u32,
    /// It is done, and the answer does not come for a while.
    pub(crate) hung: u32,
}

/// The endpoint.
pub(crate) struct Kinesis {
    /// Where the records are, whether they can be reached or not.
    inner: Runtime,
    store: Store,
    front: Front,
    port: u16,
    /// What serves requests while the endpoint is there.
    served: Option<Runtime>,
}

#[derive(Clone)]
struct Front {
    app: Router,
    troubles: Troubles,
    requests: Arc<AtomicU32>,
}

impl Kinesis {
    /// Opens it with the stream.
    pub(crate) fn open(troubles: Troubles) -> Self {
        let inner = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (app, store) = inner.block_on(async {
            let (app, store) = create_app(StoreOptions { create_stream_ms: 0, ..StoreOptions::default() });
            let request = json!({"StreamName": STREAM, "ShardCount": SHARDS});
            actions::dispatch(&store, actions::Operation::CreateStream, request).await.unwrap();
            (app.layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)), store)
        });
        let front = Front { app, troubles, requests: Arc::default() };
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut kinesis = Self { inner, store, front, port, served: None };
        kinesis.come();
        kinesis
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on it is there.
    pub(crate) fn come(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))).unwrap();
        let router = Router::new().fallback(answer).with_state(self.front.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        self.served = Some(runtime);
    }

    /// From now on nobody is there, and whoever was connected is not any more.
    pub(crate) fn go(&mut self) {
        if let Some(runtime) = self.served.take() {
            runtime.shutdown_background();
        }
    }

    /// Number of requests so far.
    pub(crate) fn requests(&self) -> u32 {
        self.front.requests.load(Ordering::Relaxed)
    }

    /// The records with their keys, shard by shard, each in its order.
    pub(crate) fn records(&self) -> Vec<(String, Vec<u8>)> {
        let records = self.inner.block_on(self.store.get_record_store(STREAM));
        records
            .into_values()
            .map(|record| (record.partition_key, STANDARD.decode(&record.data).unwrap()))
            .collect()
    }
}

impl Drop for Kinesis {
    fn drop(&mut self) {
        self.go();
    }
}

/// Answers a request, or lets something go wrong with it.
async fn answer(State(front): State<Front>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BYTES_MAX).await.unwrap();
    let place = front.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let is_struck = |one_in: u32| one_in > 0 && place.is_multiple_of(one_in);
    let troubles = front.troubles;
    if is_struck(troubles.throttled) {
        return refused(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException");
    }
    if is_struck(troubles.broken) {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure");
    }
    if is_struck(troubles.failed) {
        return front.fail_some(head, &body).await;
    }
    let answer = front.pass(head, body).await;
    if is_struck(troubles.hung) {
        tokio::time::sleep(HANG).await;
    }
    answer
}

impl Front {
    async fn pass(&self, head: Parts, body: Bytes) -> Response {
        let request = Request::from_parts(head, Body::from(body));
        self.app.clone().oneshot(request).await.into_response()
    }

    /// Takes every other record of a request, and lets the others fail.
    async fn fail_some(&self, mut head: Parts, body: &[u8]) -> Response {
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return refused(StatusCode::BAD_REQUEST, "SerializationException");
        };
        let (taken, fates) = put::split(request);
        let mut results = json!([]);
        if taken["Records"].as_array().is_some_and(|records| !records.is_empty()) {
            let taken = taken.to_string();
            head.headers.insert("content-length", taken.len().into());
            let answer = self.pass(head, taken.into()).await;
            let answer = to_bytes(answer.into_body(), REQUEST_BYTES_MAX).await.unwrap();
            results = serde_json::from_slice::<Value>(&answer).unwrap()["Records"].take();
        }
        let merged = put::merged(&fates, &results).to_string();
        ([("content-type", "application/x-amz-json-1.1")], merged).into_response()
    }
}

fn refused(status: StatusCode, kind: &str) -> Response {
    let body = json!({"__type": kind, "message": "a trouble of the test"}).to_string();
    (status, [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", kind)], body)
        .into_response()
}
