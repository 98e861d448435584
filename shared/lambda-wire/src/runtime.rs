//! The loop between the Lambda Runtime API and a handler of raw bytes.

use std::any::Any;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{PooledClient, build_request};
use tracing::error;

/// What a handler knows of the invocation besides its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The id of the request, as it stands in the logs of the service.
    pub request_id: String,
    /// The name under which the function is deployed.
    pub function_name: String,
}

impl Invocation {
    fn of(invocation: &LambdaInvocation) -> Self {
        let context = &invocation.context;
        Self {
            request_id: context.request_id.clone(),
            function_name: context.env_config.function_name.clone(),
        }
    }
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
/// The runtime's own way of reading a payload and of writing an answer costs as much as all of the work between them: it
/// parses the one, and parses and copies the other. So a layer around it takes the payload before the runtime sees it,
/// and posts the answer over a connection of its own. Errors and panics are left to the runtime.
///
/// # Errors
/// When the Runtime API cannot be reached.
///
/// # Panics
/// When the environment variables that Lambda sets are missing.
pub async fn run<H, F>(handler: H) -> Result<(), Error>
where
    H: FnMut(Bytes, Invocation) -> F,
    F: Future<Output = Result<Vec<u8>, HandlerError>>,
{
    let answering = Answering::new(handler, PooledClient::builder().with_pool_size(1).build());
    let failures = Arc::clone(&answering.failures);
    let runtime = Runtime::new(service_fn(move |_: LambdaEvent<()>| ready(failures.tell())));
    runtime.layer(answering).run().await
}

/// The layer that answers in the runtime's place, and what it answers with.
struct Answering<'h, H> {
    /// Invocations of one environment come one after another: nobody waits for the lock.
    handler: Arc<Mutex<H>>,
    client: Arc<PooledClient>,
    failures: Arc<Failures>,
    lifetime: PhantomData<&'h ()>,
}

impl<H> Answering<'_, H> {
    fn new(handler: H, client: PooledClient) -> Self {
        let (handler, client) = (Arc::new(Mutex::new(handler)), Arc::new(client));
        Self { handler, client, failures: Arc::default(), lifetime: PhantomData }
    }
}

impl<'h, S, H> Layer<S> for Answering<'h, H> {
    type Service = Answers<'h, S, H>;

    fn layer(&self, runtime: S) -> Self::Service {
        Answers {
            runtime,
            handler: Arc::clone(&self.handler),
            client: Arc::clone(&self.client),
            failures: Arc::clone(&self.failures),
            lifetime: PhantomData,
        }
    }
}

/// Hands an invocation to the handler, and the runtime only those that failed.
struct Answers<'h, S, H> {
    runtime: S,
    handler: Arc<Mutex<H>>,
    client: Arc<PooledClient>,
    failures: Arc<Failures>,
    lifetime: PhantomData<&'h ()>,
}

impl<'h, S, H, F> Service<LambdaInvocation> for Answers<'h, S, H>
where
    S: Service<LambdaInvocation, Response = (), Error = Error> + Clone + 'h,
    H: FnMut(Bytes, Invocation) -> F,
    F: Future<Output = Result<Vec<u8>, HandlerError>> + 'h,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>> + 'h>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        self.runtime.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let payload = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        let begun = catch_unwind(AssertUnwindSafe(|| {
            // A panic of the handler leaves nothing half done behind the lock.
            let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
            handler(payload, Invocation::of(&invocation))
        }));
        let (mut runtime, client, failures) =
            (self.runtime.clone(), Arc::clone(&self.client), Arc::clone(&self.failures));
        Box::pin(async move {
            let ended = match begun {
                Ok(answer) => AssertUnwindSafe(answer).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let failure = match ended {
                Ok(Ok(answer)) => return post(&client, &invocation, answer).await,
                Ok(Err(error)) => Failure::Error(error),
                Err(panic) => Failure::Panic(panic),
            };
            failures.put(failure);
            runtime.call(invocation).await
        })
    }
}

/// Posts an answer as it is. One that the Runtime API does not take is logged, as by the runtime: the service knows why.
async fn post(client: &PooledClient, invocation: &LambdaInvocation, answer: Vec<u8>) -> Result<(), Error> {
    let request_id = &invocation.context.request_id;
    let path = format!("/2018-06-01/runtime/invocation/{request_id}/response");
    let mut request = build_request().method("POST").uri(path);
    // Sent back, it lets the service tell the answer to an invocation that timed out from the one that is due.
    if let Some(invocation_id) = invocation.parts.headers.get(INVOCATION_ID) {
        request = request.header(INVOCATION_ID, invocation_id);
    }
    let response = client.call(request.body(Body::from(answer))?).await?;
    let status = response.status();
    if !status.is_success() {
        error!(request_id, status = status.as_u16(), "answer not taken");
    }
    Ok(())
}

const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// Why an invocation was not answered.
enum Failure {
    Error(HandlerError),
    Panic(Box<dyn Any + Send>),
}

/// The failure of the invocation under way, on its way to the runtime, which reports it.
#[derive(Default)]
struct Failures(Mutex<Option<Failure>>);

impl Failures {
    fn put(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// The handler's end as the runtime would have seen it.
    fn tell(&self) -> Result<(), HandlerError> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match failure {
            Some(Failure::Error(error)) => Err(error),
            Some(Failure::Panic(panic)) => resume_unwind(panic),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "a Runtime API on loopback takes the answer")]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use lambda_runtime::Context;

    use super::*;

    /// The lines of a request's head, and its body.
    type Request = (Vec<String>, Vec<u8>);

    /// A Runtime API that takes one answer.
    fn runtime_api() -> (PooledClient, JoinHandle<Request>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let taken = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut lines = reader.by_ref().lines().map(Result::unwrap);
            let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            connection.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
            (head, body)
        });
        (PooledClient::builder().with_endpoint(address).build(), taken)
    }

    fn invocation() -> LambdaInvocation {
        let mut response = http::Response::new(());
        response.headers_mut().insert(INVOCATION_ID, http::HeaderValue::from_static("7"));
        let mut context = Context::default();
        context.request_id = "r1".to_owned();
        LambdaInvocation { parts: response.into_parts().0, body: Bytes::from_static(b"{ }"), context }
    }

    type Seen = Arc<Mutex<Vec<Bytes>>>;

    /// The runtime behind the layer: it keeps the payloads that it sees, and tells the failure as a panic or an error.
    fn behind(
        failures: Arc<Failures>,
        seen: Seen,
    ) -> impl Service<
        LambdaInvocation,
        Response = (),
        Error = Error,
        Future: Future<Output = Result<(), Error>>,
    > + Clone {
        service_fn(move |invocation: LambdaInvocation| {
            seen.lock().unwrap().push(invocation.body);
            ready(failures.tell().map_err(|error| error.error_type.into()))
        })
    }

    async fn ended<F>(
        handler: impl FnMut(Bytes, Invocation) -> F,
        client: PooledClient,
    ) -> (std::thread::Result<Result<(), Error>>, Seen)
    where
        F: Future<Output = Result<Vec<u8>, HandlerError>>,
    {
        let (answering, seen) = (Answering::new(handler, client), Seen::default());
        let mut answers = answering.layer(behind(Arc::clone(&answering.failures), Arc::clone(&seen)));
        let ended = AssertUnwindSafe(async { answers.call(invocation()).await }).catch_unwind().await;
        (ended, seen)
    }

    #[tokio::test]
    async fn an_answer_is_posted_as_it_is_and_the_runtime_sees_nothing() {
        let (client, taken) = runtime_api();
        let (ended, seen) = ended(|payload, _| ready(Ok([b"[", &payload[..], b"]"].concat())), client).await;
        assert!(ended.unwrap().is_ok());
        let (head, body) = taken.join().unwrap();
        assert_eq!(head[0], "POST /2018-06-01/runtime/invocation/r1/response HTTP/1.1");
        assert!(head.iter().any(|line| line == "lambda-runtime-invocation-id: 7"), "{head:?}");
        assert_eq!(body, b"[{ }]");
        assert_eq!(seen.lock().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn an_error_is_left_to_the_runtime_without_the_payload() {
        let error = HandlerError { error_type: "Tapeline.Test", message: "expected".to_owned() };
        let client = PooledClient::builder().with_endpoint("http://127.0.0.1:9".parse().unwrap()).build();
        let (ended, seen) = ended(|_, _| ready(Err(error.clone())), client).await;
        assert_eq!(ended.unwrap().unwrap_err().to_string(), "Tapeline.Test");
        assert_eq!(*seen.lock().unwrap(), [Bytes::from_static(b"null")]);
    }

    #[tokio::test]
    async fn a_panic_before_or_behind_the_first_await_is_left_to_the_runtime() {
        let client = || PooledClient::builder().with_endpoint("http://127.0.0.1:9".parse().unwrap()).build();
        let at_once = |_: Bytes, _: Invocation| -> std::future::Ready<_> { panic!("at once") };
        let (ended_at_once, _) = ended(at_once, client()).await;
        assert_eq!(ended_at_once.unwrap_err().downcast_ref(), Some(&"at once"));
        let (ended_later, _) = ended(async |_, _| panic!("later"), client()).await;
        assert_eq!(ended_later.unwrap_err().downcast_ref(), Some(&"later"));
    }
}
