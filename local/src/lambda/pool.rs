//! The processes of a function, and who may use them.
//!
//! One process serves one invocation at a time, as on Lambda. Which are idle is known here; how many may be busy at once
//! is the function's concurrency.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use super::counts::{FunctionCounts, Recorder};
use super::environment::{Common, Environment, InitError, Loss};
use super::error::InvocationError;
use super::function::FunctionSpec;
use super::log::{FunctionLog, closed_tail};
use super::report::Report;
use super::runtime_api::{Invocation, Outcome};

/// Lambda's limit of the init phase.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Invocations at once of a function that reserves no concurrency. An account on AWS has 1,000 for all of its functions;
/// processes on one machine share its cores, and more of them than a few for each core only wait for one another.
const CONCURRENCY_DEFAULT: u32 = 10;

/// Whether the caller wants to see the log of an invocation: `X-Amz-Log-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogType {
    /// No.
    None,
    /// The end of it.
    Tail,
}

/// An invocation that is over.
#[derive(Debug)]
pub(super) struct Invoked {
    /// Its id.
    pub(super) request_id: String,
    /// Its answer, or why there is none.
    pub(super) result: Result<Bytes, InvocationError>,
    /// The end of its log, when it was asked for.
    pub(super) log_tail: Vec<u8>,
}

/// The right to use a process.
pub(super) type Place = OwnedSemaphorePermit;

/// The processes of a function.
#[derive(Debug)]
pub(super) struct Pool {
    common: Common,
    limit: u32,
    places: Arc<Semaphore>,
    /// Those without an event, the last one used at the end. At most as many as there are places.
    idle: Mutex<Vec<Warm>>,
    requests: AtomicU64,
    recorder: Recorder,
}

/// A process that is ready.
#[derive(Debug)]
struct Warm {
    environment: Environment,
    /// How long it took to start, until that was reported with its first invocation.
    init: Option<Duration>,
}

/// An invocation under way, as often as it has to be handed out.
struct Request {
    id: String,
    trace_id: String,
    event: Bytes,
    timeout: Duration,
}

/// What a process made of an invocation.
struct Served {
    warm: Warm,
    outcome: Result<Outcome, Loss>,
    duration: Duration,
}

impl Pool {
    /// A pool without processes.
    pub(super) fn new(spec: FunctionSpec, log: FunctionLog) -> Self {
        let limit = spec.reserved_concurrency.unwrap_or(CONCURRENCY_DEFAULT);
        // A `u32` always fits where this command runs.
        let places = usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        let common = Common { spec, log, stop: watch::Sender::new(false), running: Arc::new(()) };
        Self {
            common,
            limit,
            places: Arc::new(Semaphore::new(places)),
            idle: Mutex::default(),
            requests: AtomicU64::new(0),
            recorder: Recorder::default(),
        }
    }

    /// What is run.
    pub(super) const fn spec(&self) -> &FunctionSpec {
        &self.common.spec
    }

    /// Starts a process before there is an event for it.
    pub(super) async fn warm_up(&self) -> Result<(), InitError> {
        let warm = self.cold_start().await?;
        self.idle().push(warm);
        Ok(())
    }

    /// Waits for a place. Who waits longest is next.
    ///
    /// # Errors
    /// When there is none and never will be.
    pub(super) async fn place(&self) -> Result<Place, InvocationError> {
        if self.limit == 0 {
            return Err(self.throttled());
        }
        // Places are never closed.
        Arc::clone(&self.places).acquire_owned().await.map_err(|_| InvocationError::Stopped)
    }

    /// Takes a place that is free now.
    ///
    /// # Errors
    /// When none is, which counts as a throttle.
    pub(super) fn free_place(&self) -> Result<Place, InvocationError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.throttled())
    }

    /// Invokes the function on behalf of whom has a place.
    pub(super) async fn run(&self, event: Bytes, log_type: LogType) -> Invoked {
        let request = self.request(event);
        if *self.common.stop.borrow() {
            return Invoked {
                request_id: request.id,
                result: Err(InvocationError::Stopped),
                log_tail: Vec::new(),
            };
        }
        self.recorder.begin();
        match self.serve(&request).await {
            Ok(served) => self.conclude(request.id, served, log_type).await,
            Err(error) => {
                let error = match error {
                    InitError::Stopped => InvocationError::Stopped,
                    source => InvocationError::Init { source },
                };
                self.recorder.end(Some(&error), None);
                Invoked { request_id: request.id, result: Err(error), log_tail: Vec::new() }
            }
        }
    }

    /// Ends all processes and waits until their logs are complete. Invocations under way fail, and so do later ones.
    pub(super) async fn stop(&self) {
        self.common.stop.send_replace(true);
        // Whoever has a place sees that and gives it back.
        let _places = self.places.acquire_many(self.limit).await;
        let idle = mem::take(&mut *self.idle());
        for warm in &idle {
            self.recorder.memory(warm.environment.peak_memory_bytes());
        }
        join_all(idle.into_iter().map(|warm| warm.environment.kill())).await;
    }

    /// What the function did so far.
    pub(super) fn counts(&self) -> FunctionCounts {
        self.idle().retain_mut(|warm| warm.environment.is_alive());
        // One is the pool's own.
        self.recorder.counts(Arc::strong_count(&self.common.running).saturating_sub(1))
    }

    /// Dresses an event for its way to a process. Ids are counted, so that runs can be compared.
    fn request(&self, event: Bytes) -> Request {
        let number = self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let name = format!("{}#{number}", self.common.spec.arn);
        Request {
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(),
            trace_id: format!("Root=1-00000000-{number:024x};Parent={number:016x};Sampled=0"),
            event,
            timeout: self.common.spec.timeout,
        }
    }

    /// Hands an event to the process that was used last, or to a fresh one.
    async fn serve(&self, request: &Request) -> Result<Served, InitError> {
        let Some(warm) = self.take_idle() else { return Ok(request.serve(self.cold_start().await?).await) };
        let served = request.serve(warm).await;
        // It was about to end when it was chosen: nothing has happened to the event.
        if matches!(served.outcome, Err(Loss::Exited { was_taken: false, .. })) {
            return Ok(request.serve(self.cold_start().await?).await);
        }
        Ok(served)
    }

    /// The process that was used last, of those that still run.
    fn take_idle(&self) -> Option<Warm> {
        let mut idle = self.idle();
        while let Some(mut warm) = idle.pop() {
            if warm.environment.is_alive() {
                return Some(warm);
            }
        }
        None
    }

    /// Counts an invocation and tells how it went.
    async fn conclude(&self, request_id: String, served: Served, log_type: LogType) -> Invoked {
        let Served { mut warm, outcome, duration } = served;
        let peak_memory_bytes = warm.environment.peak_memory_bytes();
        self.recorder.memory(peak_memory_bytes);
        let (init, log) = (warm.init.take(), warm.environment.log().clone());
        let (result, tail) = self.settle(warm, outcome, log_type).await;
        let error = result.as_ref().err();
        self.recorder.end(error, Some(duration));
        let memory_mb = self.common.spec.memory_mb;
        let request = request_id.as_str();
        let report = Report { request_id: request, duration, init, memory_mb, peak_memory_bytes, error };
        let report = report.to_string();
        if error.is_some() || init.is_some() {
            log.report(&report);
        }
        let log_tail = match log_type {
            LogType::Tail => closed_tail(tail, request, &report),
            LogType::None => Vec::new(),
        };
        Invoked { request_id, result, log_tail }
    }

    /// Keeps a process that has answered for the next invocation, and ends one that has not. Gives the result, and the
    /// end of the log to whom wants it.
    async fn settle(
        &self,
        mut warm: Warm,
        outcome: Result<Outcome, Loss>,
        log_type: LogType,
    ) -> (Result<Bytes, InvocationError>, Vec<u8>) {
        match outcome {
            Ok(outcome) => {
                let tail = match log_type {
                    LogType::Tail => warm.environment.log_tail().await,
                    LogType::None => Vec::new(),
                };
                self.idle().push(warm);
                (answer(outcome), tail)
            }
            Err(loss) => {
                let log = warm.environment.log().clone();
                warm.environment.kill().await;
                (Err(self.lost(loss)), log.tail())
            }
        }
    }

    fn lost(&self, loss: Loss) -> InvocationError {
        match loss {
            Loss::TimedOut => InvocationError::TimedOut { timeout: self.common.spec.timeout },
            Loss::Exited { status, last_log, .. } => InvocationError::Exited { status, last_log },
            Loss::Stopped => InvocationError::Stopped,
        }
    }

    /// Starts a process and waits until it is ready.
    async fn cold_start(&self) -> Result<Warm, InitError> {
        let number = self.recorder.cold_start();
        let began = Instant::now();
        let mut environment = Environment::spawn(&self.common, number).await?;
        environment.initialise(INIT_LIMIT).await?;
        let init = began.elapsed();
        self.recorder.ready(init);
        Ok(Warm { environment, init: Some(init) })
    }

    fn throttled(&self) -> InvocationError {
        self.recorder.throttle();
        InvocationError::Throttled { limit: self.limit }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Warm>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    /// Hands the event to a process.
    async fn serve(&self, mut warm: Warm) -> Served {
        let began = Instant::now();
        let outcome = warm.environment.serve(self.invocation(), self.timeout).await;
        Served { warm, outcome, duration: began.elapsed() }
    }

    /// The invocation that begins now.
    fn invocation(&self) -> Invocation {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Invocation {
            request_id: self.id.clone(),
            deadline_ms: now.saturating_add(self.timeout).as_millis(),
            trace_id: self.trace_id.clone(),
            event: self.event.clone(),
        }
    }
}

/// Turns the outcome of an invocation into the caller's result.
fn answer(outcome: Outcome) -> Result<Bytes, InvocationError> {
    match outcome {
        Outcome::Response(answer) => Ok(answer),
        Outcome::Error(error) => {
            Err(InvocationError::FunctionError { error_type: error.error_type, message: error.message })
        }
        Outcome::TooLarge { bytes } => Err(InvocationError::ResponseTooLarge { bytes }),
        Outcome::Truncated => Err(InvocationError::FunctionError {
            error_type: "Runtime.TruncatedResponse".to_owned(),
            message: "the connection broke before the answer was complete".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_large_is_named_as_lambda_does() {
        let error = answer(Outcome::TooLarge { bytes: 7_000_000 }).unwrap_err();
        let expected =
            "the answer must have at most 6291556 bytes, it had 7000000 (Function.ResponseSizeTooLarge)";
        assert_eq!(error.to_string(), expected);
    }
}
