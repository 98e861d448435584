//! A destination on this machine that answers as a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::document::Document;
use crate::stream::StreamRecord;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What a request is answered; `None` for never.
pub(super) type Reply = Box<dyn Fn(&Received) -> Option<Response> + Send>;

/// A server that takes one reply for each request, and the last one for all that follow.
#[derive(Clone)]
pub(super) struct Loopback {
    pub(super) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Loopback {
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (received, replies) = (Arc::default(), Arc::new(Mutex::new(VecDeque::from(replies))));
        let requests = Arc::clone(&received);
        let router = Router::new().fallback(move |request| answer(request, requests, replies));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    /// The requests so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request,
    received: Arc<Mutex<Vec<Received>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let request = Received { path: parts.uri.path().to_owned(), headers: parts.headers, body };
    received.lock().unwrap().push(request.clone());
    let response = {
        let mut replies = replies.lock().unwrap();
        let reply = if replies.len() > 1 { replies.pop_front() } else { None };
        reply.as_ref().or_else(|| replies.front()).and_then(|reply| reply(&request))
    };
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

/// A reply of one status, type and body.
pub(super) fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    let (content_type, body) = (content_type.to_owned(), body.to_owned());
    Box::new(move |_| Some(response(status, &content_type, body.clone().into())))
}

/// No reply at all.
pub(super) fn hang() -> Reply {
    Box::new(|_| None)
}

pub(super) fn response(status: u16, content_type: &str, body: Body) -> Response {
    Response::builder().status(status).header("content-type", content_type).body(body).unwrap()
}

/// The start of the tests' clock and seconds behind it.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-11-21T09:30:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// A record that arrived at the start, whose data the function made from other data.
pub(super) fn document(data: &str) -> Document {
    let source = StreamRecord {
        arrival: at(0),
        shard_id: "shardId-000000000000".to_owned(),
        sequence_number: "49607357361271740811418664280693044274821622880012337186".to_owned(),
        partition_key: "spot|BTCUSDT".to_owned(),
        data: format!("source of {data}").into_bytes(),
    };
    Document { data: data.as_bytes().to_vec(), source }
}
