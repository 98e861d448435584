//! A function that can be invoked, whatever its processes do.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use uuid::Uuid;

use super::environment::{Environment, InitError, Loss, lines, seconds};
use super::log::FunctionLog;
use super::runtime_api::{ANSWER_BYTES_MAX, Invocation, Outcome};

/// Lambda's limit of the init phase.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// What is run, and how.
#[derive(Debug, Clone)]
pub(crate) struct FunctionSpec {
    /// Name of the function.
    pub(crate) name: String,
    /// ARN of the function.
    pub(crate) arn: String,
    /// The executable.
    pub(crate) binary: PathBuf,
    /// Variables of the function. Those that Lambda sets itself are added.
    pub(crate) environment: BTreeMap<String, String>,
    /// Variables that lead it to the services it calls; empty for one that calls none.
    pub(crate) services: BTreeMap<String, String>,
    /// Time an invocation may take.
    pub(crate) timeout: Duration,
    /// Memory the function is given, in MB. It is told to the process, not enforced.
    pub(crate) memory_mb: u32,
    /// File for the function's standard output and error.
    pub(crate) log: PathBuf,
}

/// Why a function cannot be run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The log file cannot be created.
    #[error("cannot create the log file {}", .path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its first process did not become ready.
    #[error(transparent)]
    Init(#[from] InitError),
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    /// The function reported an error.
    #[error("the function reported {error_type}: {message}")]
    FunctionError {
        /// Name of the error.
        error_type: String,
        /// Its text.
        message: String,
    },
    /// The function did not answer in time and was killed.
    #[error("the function must answer within {}, it did not and was killed", seconds(*.timeout))]
    TimedOut {
        /// Time it had.
        timeout: Duration,
    },
    /// The process ended before it answered.
    #[error("the function must answer, it ended with {status} instead{}", lines(.last_log))]
    Exited {
        /// Exit status or signal.
        status: String,
        /// Last lines of its log.
        last_log: Vec<String>,
    },
    /// The answer was above Lambda's limit.
    #[error(
        "the answer must have at most {ANSWER_BYTES_MAX} bytes, it had {bytes} (Function.ResponseSizeTooLarge)"
    )]
    ResponseTooLarge {
        /// Size of the answer.
        bytes: u64,
    },
    /// A fresh process did not become ready.
    #[error("a fresh process of the function did not become ready")]
    Init {
        /// Why.
        #[from]
        source: InitError,
    },
    /// All processes that the function may have were busy: it was not invoked.
    #[error("the function must have a process free, all of its {limit} were busy")]
    Throttled {
        /// How many it may have.
        limit: u32,
    },
}

impl InvocationError {
    /// Names the error as Firehose's logs and failure documents do.
    ///
    /// To Firehose every ending but the timeout is the same: the function was invoked and returned an error.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "Lambda.FunctionTimedOut",
            _ => "Lambda.FunctionError",
        }
    }
}

/// A function on this machine: at most one process, replaced when it is gone.
///
/// Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct FunctionProcess {
    spec: FunctionSpec,
    log: FunctionLog,
    environment: Option<Environment>,
    invocations: u64,
    cold_starts: u64,
    peak_memory_bytes: Option<u64>,
}

impl FunctionProcess {
    /// Starts the function and waits until it asks for its first event.
    ///
    /// # Errors
    /// A function that cannot start is reported here, before any record is at stake.
    pub(crate) async fn start(spec: FunctionSpec) -> Result<Self, StartError> {
        let log = FunctionLog::create(&spec.log)
            .map_err(|source| StartError::Log { path: spec.log.clone(), source })?;
        let mut process =
            Self { spec, log, environment: None, invocations: 0, cold_starts: 0, peak_memory_bytes: None };
        process.environment = Some(process.cold_start().await?);
        Ok(process)
    }

    /// Invokes the function with an event and returns its answer.
    ///
    /// # Errors
    /// Every way in which the answer fails to come. The next invocation works on a fresh process where needed.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvocationError> {
        let warm = self.environment.take().and_then(|mut warm| warm.is_alive().then_some(warm));
        let mut environment = match warm {
            Some(environment) => environment,
            None => self.cold_start().await?,
        };
        let invocation = self.next_invocation(event);
        let result = environment.serve(invocation, self.spec.timeout).await;
        self.note_peak(&environment);
        match result {
            Ok(outcome) => {
                self.environment = Some(environment);
                answer(outcome)
            }
            Err(Loss::TimedOut) => {
                environment.kill().await;
                Err(InvocationError::TimedOut { timeout: self.spec.timeout })
            }
            Err(Loss::Exited { status, last_log }) => Err(InvocationError::Exited { status, last_log }),
        }
    }

    /// Ends the process, if there is one, and waits until its log is complete. The next invocation starts another.
    pub(crate) async fn stop(&mut self) {
        if let Some(environment) = self.environment.take() {
            self.note_peak(&environment);
            environment.kill().await;
        }
    }

    /// Number of processes that were started so far.
    pub(crate) const fn cold_starts(&self) -> u64 {
        self.cold_starts
    }

    /// Most memory one of the processes held at once, in bytes. `None` on other systems than Linux.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        let running = self.environment.as_ref().and_then(Environment::peak_memory_bytes);
        running.max(self.peak_memory_bytes)
    }

    /// Starts a process and waits until it is ready.
    async fn cold_start(&mut self) -> Result<Environment, InitError> {
        self.cold_starts = self.cold_starts.saturating_add(1);
        let mut environment = Environment::spawn(&self.spec, &self.log, self.cold_starts).await?;
        environment.initialise(INIT_LIMIT).await?;
        Ok(environment)
    }

    /// Dresses an event for its way through the Runtime API. Ids are counted, so that runs can be compared.
    fn next_invocation(&mut self, event: Bytes) -> Invocation {
        self.invocations = self.invocations.saturating_add(1);
        let number = self.invocations;
        let name = format!("{}#{number}", self.spec.arn);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Invocation {
            request_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(),
            deadline_ms: now.saturating_add(self.spec.timeout).as_millis(),
            trace_id: format!("Root=1-00000000-{number:024x};Parent={number:016x};Sampled=0"),
            event,
        }
    }

    /// Keeps the memory a process held: once it is gone the system forgets it.
    fn note_peak(&mut self, environment: &Environment) {
        self.peak_memory_bytes = self.peak_memory_bytes.max(environment.peak_memory_bytes());
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
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::super::runtime_api::tests::Client;
    use super::*;

    /// Stands in for a function. It speaks no HTTP: the test polls in its place.
    const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/stand_in.sh");

    /// A function that does `act` and keeps its files in `folder`.
    fn spec(folder: &TempDir, act: &str) -> FunctionSpec {
        let file = |name: &str| folder.path().join(name).display().to_string();
        let environment = [("ACT", act), ("ADDRESS_FILE", &file("address")), ("END_FILE", &file("end"))];
        FunctionSpec {
            name: "fn".to_owned(),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:fn".to_owned(),
            binary: PathBuf::from(STAND_IN),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            services: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            memory_mb: 256,
            log: folder.path().join("fn.log"),
        }
    }

    /// Connects to the Runtime API of the process that is starting.
    async fn connect(folder: &Path) -> Client {
        let file = folder.join("address");
        loop {
            if let Ok(address) = fs::read_to_string(&file) {
                fs::remove_file(&file).unwrap();
                return Client::connect(&address).await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Answers `count` events of one process with `answer`, then polls for another and is silent.
    async fn answer_events(folder: PathBuf, count: usize, answer: &'static [u8]) {
        let mut client = connect(&folder).await;
        for _ in 0..count {
            let id = client.next().await.header("lambda-runtime-aws-request-id").to_owned();
            client.post(&format!("invocation/{id}/response"), answer).await;
        }
        client.next().await;
        std::future::pending::<()>().await;
    }

    /// A function whose process is up and answers `count` events.
    async fn started(folder: &TempDir, spec: FunctionSpec, count: usize) -> FunctionProcess {
        tokio::spawn(answer_events(folder.path().to_owned(), count, b"[]"));
        FunctionProcess::start(spec).await.unwrap()
    }

    #[tokio::test]
    async fn an_invocation_is_answered() {
        let folder = TempDir::new().unwrap();
        let mut function = started(&folder, spec(&folder, "wait"), 2).await;
        assert_eq!(function.invoke(Bytes::from_static(b"{}")).await.unwrap(), "[]");
        assert_eq!(function.invoke(Bytes::from_static(b"{}")).await.unwrap(), "[]");
        assert_eq!(function.cold_starts(), 1);
        assert_eq!(function.peak_memory_bytes().is_some(), cfg!(target_os = "linux"));
    }

    #[tokio::test]
    async fn a_hanging_function_is_killed_and_the_next_invocation_starts_afresh() {
        let folder = TempDir::new().unwrap();
        let hanging = FunctionSpec { timeout: Duration::from_millis(300), ..spec(&folder, "wait") };
        let mut function = started(&folder, hanging, 0).await;
        let error = function.invoke(Bytes::new()).await.unwrap_err();
        assert!(matches!(error, InvocationError::TimedOut { .. }), "{error}");
        assert_eq!(error.code(), "Lambda.FunctionTimedOut");
        tokio::spawn(answer_events(folder.path().to_owned(), 1, b"[]"));
        assert_eq!(function.invoke(Bytes::new()).await.unwrap(), "[]");
        assert_eq!(function.cold_starts(), 2);
    }

    #[tokio::test]
    async fn the_log_of_a_function_that_was_stopped_is_complete() {
        let folder = TempDir::new().unwrap();
        let mut function = started(&folder, spec(&folder, "flood"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        function.stop().await;
        let log = fs::read_to_string(folder.path().join("fn.log")).unwrap();
        assert_eq!(log.lines().last(), Some("2000 lines of the flood were written"));
        assert_eq!(log.lines().count(), 2000);
    }

    #[tokio::test]
    async fn a_process_that_ends_during_an_invocation_is_reported_at_once() {
        let folder = TempDir::new().unwrap();
        let mut function = started(&folder, spec(&folder, "wait"), 0).await;
        fs::write(folder.path().join("end"), "").unwrap();
        let error = function.invoke(Bytes::new()).await.unwrap_err();
        let InvocationError::Exited { status, last_log } = &error else { panic!("{error}") };
        assert_eq!(status, "exit status: 7");
        assert_eq!(last_log, &["out of luck"]);
        assert_eq!(error.code(), "Lambda.FunctionError");
    }

    #[tokio::test]
    async fn a_process_that_ended_between_invocations_is_replaced() {
        let folder = TempDir::new().unwrap();
        let mut function = started(&folder, spec(&folder, "wait"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        fs::write(folder.path().join("end"), "").unwrap();
        while function.environment.as_mut().unwrap().is_alive() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::spawn(answer_events(folder.path().to_owned(), 1, b"[]"));
        assert_eq!(function.invoke(Bytes::new()).await.unwrap(), "[]");
        assert_eq!(function.cold_starts(), 2);
    }

    #[tokio::test]
    async fn a_function_that_ends_at_once_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let error = FunctionProcess::start(spec(&folder, "fail")).await.unwrap_err();
        let expected = "the function must ask for its first event, it ended with exit status: 3 instead, \
            its log ends with:\n  MARKET must be set\n  KINDS must be set";
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn a_function_that_never_polls_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let log = FunctionLog::create(&folder.path().join("fn.log")).unwrap();
        let mut environment = Environment::spawn(&spec(&folder, "wait"), &log, 1).await.unwrap();
        let error = environment.initialise(Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, InitError::TimedOut { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_missing_binary_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let missing = FunctionSpec { binary: folder.path().join("missing"), ..spec(&folder, "") };
        let error = FunctionProcess::start(missing).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot start "), "{error}");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_created_is_reported() {
        let folder = TempDir::new().unwrap();
        let unlogged = FunctionSpec { log: folder.path().join("missing/fn.log"), ..spec(&folder, "wait") };
        assert!(matches!(FunctionProcess::start(unlogged).await, Err(StartError::Log { .. })));
    }

    #[tokio::test]
    async fn the_process_sees_nothing_of_our_environment() {
        let folder = TempDir::new().unwrap();
        let mut function = started(&folder, spec(&folder, "show"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        let log = fs::read_to_string(folder.path().join("fn.log")).unwrap();
        assert!(log.lines().any(|line| line == "AWS_LAMBDA_FUNCTION_NAME=fn"), "{log}");
        assert!(log.lines().any(|line| line == "ACT=show"), "{log}");
        assert!(!log.contains("CARGO"), "{log}");
    }

    #[test]
    fn an_answer_that_is_too_large_is_named_as_lambda_does() {
        let error = answer(Outcome::TooLarge { bytes: 7_000_000 }).unwrap_err();
        let expected =
            "the answer must have at most 6291556 bytes, it had 7000000 (Function.ResponseSizeTooLarge)";
        assert_eq!(error.to_string(), expected);
    }
}
