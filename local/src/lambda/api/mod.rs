//! The Lambda API for whom has functions and wants to invoke them: `Invoke`, `ListFunctions` and
//! `GetFunction`.
//!
//! Paths, headers, limits and errors are those of the API reference (version 2015-03-31), as far as one version of each
//! function goes: there are no aliases and no published versions.

mod describe;
mod events;
mod name;
mod refusal;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::body::{Read, read};
use super::function::Function;
use super::pool::{Invoked, LogType};
use events::Events;
use refusal::Refusal;

/// Largest payload of a synchronous invocation, in bytes.
const PAYLOAD_BYTES_MAX: usize = 6_291_456;

/// Largest payload of an asynchronous invocation, in bytes.
const EVENT_BYTES_MAX: usize = 1_048_576;

/// The only version there is.
const LATEST: &str = "$LATEST";

/// What `X-Amz-Invocation-Type` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InvocationType {
    /// To wait for the answer.
    RequestResponse,
    /// To have it run later.
    Event,
    /// To see whether it could run.
    DryRun,
}

/// The functions that can be invoked, by name.
struct Catalogue {
    functions: BTreeMap<String, Function>,
    events: Events,
}

/// Serves these functions.
pub(crate) fn router(functions: impl IntoIterator<Item = Function>) -> Router {
    let functions = functions.into_iter().map(|function| (function.spec().name.clone(), function)).collect();
    Router::new()
        .route("/2015-03-31/functions", get(list))
        // Older clients end this path with a slash.
        .route("/2015-03-31/functions/", get(list))
        .route("/2015-03-31/functions/{name}", get(describe))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .with_state(Arc::new(Catalogue { functions, events: Events::default() }))
}

/// `ListFunctions`. There are few: all are on the first page.
async fn list(State(catalogue): State<Arc<Catalogue>>) -> Response {
    let functions: Vec<Value> =
        catalogue.functions.values().map(|function| describe::configuration(function.spec())).collect();
    document(StatusCode::OK, &json!({ "Functions": functions }))
}

/// `GetFunction`.
async fn describe(
    State(catalogue): State<Arc<Catalogue>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let function = catalogue.find(&name, request.uri().query())?;
    Ok(document(StatusCode::OK, &describe::function(function.spec())))
}

/// `Invoke`.
async fn invoke(
    State(catalogue): State<Arc<Catalogue>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    // Whatever is wrong with the call, its body is read first: see `read`.
    let payload = read(body, PAYLOAD_BYTES_MAX).await;
    let function = catalogue.find(&name, parts.uri.query())?;
    let what = invocation_type(&parts)?;
    let log_type = log_type(&parts)?;
    let event = event(payload, what)?;
    match what {
        InvocationType::DryRun => Ok(empty(StatusCode::NO_CONTENT)),
        InvocationType::Event => {
            catalogue.events.take(function.clone(), event)?;
            Ok(empty(StatusCode::ACCEPTED))
        }
        InvocationType::RequestResponse => {
            let reserved = function.spec().reserved_concurrency.is_some();
            // The only way not to be invoked.
            let invoked = function.try_invoke(event, log_type).await;
            let invoked = invoked.map_err(|_| Refusal::Throttled { reserved })?;
            Ok(answer(invoked, log_type))
        }
    }
}

impl Catalogue {
    /// The function that a path and a query name.
    fn find(&self, name: &str, query: Option<&str>) -> Result<&Function, Refusal> {
        let named = name::read(name, query)?;
        let function =
            self.functions.get(named.function).filter(|function| named.is_of(&function.spec().arn));
        function.ok_or_else(|| Refusal::NotFound { name: named.shown() })
    }
}

/// Reads `X-Amz-Invocation-Type`.
fn invocation_type(parts: &Parts) -> Result<InvocationType, Refusal> {
    match header_text(parts, "x-amz-invocation-type") {
        "" | "RequestResponse" => Ok(InvocationType::RequestResponse),
        "Event" => Ok(InvocationType::Event),
        "DryRun" => Ok(InvocationType::DryRun),
        other => Err(Refusal::invalid("invocationType", other, "[Event, DryRun, RequestResponse]")),
    }
}

/// Reads `X-Amz-Log-Type`.
fn log_type(parts: &Parts) -> Result<LogType, Refusal> {
    match header_text(parts, "x-amz-log-type") {
        "" | "None" => Ok(LogType::None),
        "Tail" => Ok(LogType::Tail),
        other => Err(Refusal::invalid("logType", other, "[None, Tail]")),
    }
}

/// A header, empty where there is none or none that can be read.
fn header_text<'p>(parts: &'p Parts, name: &str) -> &'p str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The event of a call. One without a payload has an empty object, as on Lambda.
fn event(payload: Read, what: InvocationType) -> Result<Bytes, Refusal> {
    let bytes_max = if what == InvocationType::Event { EVENT_BYTES_MAX } else { PAYLOAD_BYTES_MAX };
    let payload = match payload {
        Read::Whole(payload) if payload.len() <= bytes_max => payload,
        Read::Whole(_) | Read::TooLarge { .. } => return Err(Refusal::TooLarge { bytes_max }),
        Read::Truncated => return Err(Refusal::NotJson { error: "the payload broke off".to_owned() }),
    };
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(Refusal::NotJson { error: error.to_string() }),
    }
}

/// The response to an invocation that is over. That it failed stands in a header; the status stays 200.
fn answer(invoked: Invoked, log_type: LogType) -> Response {
    let Invoked { request_id, result, log_tail } = invoked;
    let (payload, error) = match result {
        Ok(payload) => (payload, None),
        Err(error) => (error.payload(&request_id).to_string().into(), Some("Unhandled")),
    };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-amzn-requestid", request_id)
        .header("x-amz-executed-version", LATEST);
    if let Some(error) = error {
        response = response.header("x-amz-function-error", error);
    }
    if log_type == LogType::Tail {
        response = response.header("x-amz-log-result", STANDARD.encode(log_tail));
    }
    // Ids, literals and base64 are headers.
    response.body(Body::from(payload)).unwrap_or_default()
}

/// A response with nothing to say.
fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A response that is a JSON document.
fn document(status: StatusCode, document: &Value) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
