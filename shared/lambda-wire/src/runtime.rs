//! The loop between the Lambda Runtime API and a handler of raw bytes.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde_json::value::RawValue;

/// What a handler knows of the invocation besides its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The id of the request, as it stands in the logs of the service.
    pub request_id: String,
    /// The name under which the function is deployed.
    pub function_name: String,
}

/// The invocation as a whole failed; the service will try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerError {
    /// A name to alarm on.
    pub error_type: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        Self { error_type: error.error_type.to_owned(), error_message: error.message }
    }
}

/// Runs until the environment is shut down: each invocation's payload goes to `handler` as the bytes that arrived,
/// its answer (a JSON text) goes back as it is.
///
/// The runtime's own way of reading a payload costs as much as all of the work on it, so a layer takes the payload
/// away before the runtime sees it. What it posts is checked once more to be JSON by `RawValue`.
///
/// # Errors
/// When the Runtime API cannot be reached.
///
/// # Panics
/// When the environment variables that Lambda sets are missing.
pub async fn run<H, F>(mut handler: H) -> Result<(), Error>
where
    H: FnMut(Bytes, Invocation) -> F,
    F: Future<Output = Result<Vec<u8>, HandlerError>>,
{
    let payload = Payload::default();
    let taken = payload.clone();
    let service = service_fn(move |event: LambdaEvent<()>| {
        let answer = handler(taken.take(), invocation(&event));
        async move { answer.await.and_then(json) }
    });
    Runtime::new(service).layer(payload).run().await
}

fn invocation(event: &LambdaEvent<()>) -> Invocation {
    let context = &event.context;
    Invocation {
        request_id: context.request_id.clone(),
        function_name: context.env_config.function_name.clone(),
    }
}

fn json(answer: Vec<u8>) -> Result<Box<RawValue>, HandlerError> {
    let text = String::from_utf8(answer).map_err(|error| not_json(&error))?;
    RawValue::from_string(text).map_err(|error| not_json(&error))
}

fn not_json(error: &dyn std::error::Error) -> HandlerError {
    HandlerError {
        error_type: "Tapeline.AnswerNotJson",
        message: format!("expected the answer to be JSON: {error}"),
    }
}

/// The payload of the invocation under way. Invocations of one environment come one after another.
#[derive(Debug, Clone, Default)]
struct Payload(Arc<Mutex<Bytes>>);

impl Payload {
    fn replace(&self, with: Bytes) -> Bytes {
        // A panic of the handler leaves nothing half done behind the lock.
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), with)
    }

    fn take(&self) -> Bytes {
        self.replace(Bytes::new())
    }
}

impl<S> Layer<S> for Payload {
    type Service = TakesPayload<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TakesPayload { inner, payload: self.clone() }
    }
}

/// Puts the payload aside and leaves `null` for the runtime to read.
#[derive(Debug, Clone)]
struct TakesPayload<S> {
    inner: S,
    payload: Payload,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for TakesPayload<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        self.payload.replace(std::mem::replace(&mut invocation.body, Bytes::from_static(b"null")));
        self.inner.call(invocation)
    }
}
