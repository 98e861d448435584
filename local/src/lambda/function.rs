//! A function that can be invoked, whatever its processes do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::broadcast;

use super::counts::FunctionCounts;
use super::error::{InvocationError, StartError};
use super::log::{FunctionLog, LogLine};
use super::pool::{Invoked, LogType, Place, Pool};

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
    /// Memory the function is given, in MB. It is told to the process and measured, not enforced.
    pub(crate) memory_mb: u32,
    /// Invocations that may be under way at once: `ReservedConcurrentExecutions`. With 0 none may.
    pub(crate) reserved_concurrency: Option<u32>,
    /// File for the function's standard output and error.
    pub(crate) log: PathBuf,
    /// Where its lines go besides: see [`super::log_lines`].
    pub(crate) lines: broadcast::Sender<LogLine>,
}

/// A function on this machine, shared by all who invoke it.
///
/// Its processes are started when they are needed, one for each invocation under way. Dropping the last handle kills
/// them.
#[derive(Debug, Clone)]
pub(crate) struct Function(Arc<Pool>);

impl Function {
    /// Starts the function and waits until it asks for its first event.
    ///
    /// # Errors
    /// A function that cannot start is reported here, before any record is at stake.
    pub(crate) async fn start(spec: FunctionSpec) -> Result<Self, StartError> {
        let log = FunctionLog::create(&spec.log, &spec.name, spec.lines.clone())
            .map_err(|source| StartError::Log { path: spec.log.clone(), source })?;
        let pool = Pool::new(spec, log);
        pool.warm_up().await?;
        Ok(Self(Arc::new(pool)))
    }

    /// Invokes the function with an event and returns its answer. When as many invocations as it may have are under way,
    /// this one waits for its turn.
    ///
    /// # Errors
    /// Every way in which the answer fails to come. The next invocation works on a fresh process where needed.
    pub(crate) async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let place = self.0.place().await?;
        self.run(place, event, LogType::None).await?.result
    }

    /// Invokes the function unless as many invocations as it may have are under way.
    ///
    /// # Errors
    /// When it was not invoked. How the invocation ended is told beside its id.
    pub(super) async fn try_invoke(
        &self,
        event: Bytes,
        log_type: LogType,
    ) -> Result<Invoked, InvocationError> {
        let place = self.0.free_place()?;
        self.run(place, event, log_type).await
    }

    /// Ends all processes and waits until their logs are complete. Invocations under way fail, and so do later ones.
    pub(crate) async fn stop(&self) {
        self.0.stop().await;
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.spec().name
    }

    /// What the function did so far.
    pub(crate) fn counts(&self) -> FunctionCounts {
        self.0.counts()
    }

    /// What is run, and how.
    pub(super) fn spec(&self) -> &FunctionSpec {
        self.0.spec()
    }

    async fn run(&self, place: Place, event: Bytes, log_type: LogType) -> Result<Invoked, InvocationError> {
        let pool = Arc::clone(&self.0);
        // A task of its own: a caller who goes away does not end the invocation, as on Lambda. The place is given back
        // when its process is free.
        let invocation = tokio::spawn(async move {
            let invoked = pool.run(event, log_type).await;
            drop(place);
            invoked
        });
        // It ends early only with the runtime itself.
        invocation.await.map_err(|_| InvocationError::Stopped)
    }
}

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;
    use tokio::sync::watch;
    use tokio::task::JoinHandle;

    use super::super::environment::{Common, Environment, InitError};
    use super::super::log_lines;
    use super::super::runtime_api::tests::Client;
    use super::*;

    /// Stands in for a function. It speaks no HTTP: the test polls in its place.
    const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/stand_in.sh");

    /// A function that does `act` and keeps its files in `folder`.
    pub(in crate::lambda) fn spec(folder: &TempDir, act: &str) -> FunctionSpec {
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
            reserved_concurrency: None,
            log: folder.path().join("fn.log"),
            lines: log_lines(),
        }
    }

    /// Connects to the Runtime API of the process that is starting.
    pub(in crate::lambda) async fn connect(folder: &Path) -> Client {
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
            let id = client.next_id().await;
            client.post(&format!("invocation/{id}/response"), answer).await;
        }
        client.next().await;
        std::future::pending::<()>().await;
    }

    /// A function whose process is up and answers `count` events.
    pub(in crate::lambda) async fn started(folder: &TempDir, spec: FunctionSpec, count: usize) -> Function {
        tokio::spawn(answer_events(folder.path().to_owned(), count, b"[]"));
        Function::start(spec).await.unwrap()
    }

    /// A function whose process is up, and who plays its client. It has asked for an event that did not come yet.
    async fn played(folder: &TempDir, spec: FunctionSpec) -> (Function, Player) {
        let player = tokio::spawn(Player::connect(folder.path().to_owned()));
        (Function::start(spec).await.unwrap(), player.await.unwrap())
    }

    /// Invokes a function in a task of its own.
    fn invoke(function: &Function) -> JoinHandle<Result<Bytes, InvocationError>> {
        let function = function.clone();
        tokio::spawn(async move { function.invoke(Bytes::from_static(b"{}")).await })
    }

    /// Plays the client of a process step by step.
    struct Player {
        event: JoinHandle<(Client, String)>,
    }

    impl Player {
        /// Takes over a process that is starting, and asks for its first event.
        async fn connect(folder: PathBuf) -> Self {
            Self::poll(connect(&folder).await)
        }

        fn poll(mut client: Client) -> Self {
            let event = tokio::spawn(async move {
                let id = client.next_id().await;
                (client, id)
            });
            Self { event }
        }

        /// Waits for the event.
        async fn take(self) -> (Client, String) {
            self.event.await.unwrap()
        }
    }

    /// Answers an event and asks for the next.
    async fn answer((mut client, id): (Client, String)) -> Player {
        client.post(&format!("invocation/{id}/response"), b"[]").await;
        Player::poll(client)
    }

    /// The state of a process as the system tells it: `T` is stopped.
    #[cfg(target_os = "linux")]
    fn state(process: &str) -> char {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    }

    /// The process that started last.
    fn process(folder: &TempDir) -> String {
        fs::read_to_string(folder.path().join("address.process")).unwrap().trim().to_owned()
    }

    /// Waits until something holds.
    async fn until(mut holds: impl FnMut() -> bool) {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn an_invocation_is_answered() {
        let folder = TempDir::new().unwrap();
        let function = started(&folder, spec(&folder, "wait"), 2).await;
        assert_eq!(function.invoke(Bytes::from_static(b"{}")).await.unwrap(), "[]");
        assert_eq!(function.invoke(Bytes::from_static(b"{}")).await.unwrap(), "[]");
        let counts = function.counts();
        assert_eq!((counts.invocations, counts.errors, counts.cold_starts, counts.running), (2, 0, 1, 1));
        assert_eq!(counts.peak_memory_bytes.is_some(), cfg!(target_os = "linux"));
        assert!(counts.init.max > Duration::ZERO && counts.duration.max > Duration::ZERO);
    }

    #[tokio::test]
    async fn a_hanging_function_is_killed_and_the_next_invocation_starts_afresh() {
        let folder = TempDir::new().unwrap();
        let hanging = FunctionSpec { timeout: Duration::from_millis(300), ..spec(&folder, "wait") };
        let function = started(&folder, hanging, 0).await;
        let error = function.invoke(Bytes::new()).await.unwrap_err();
        assert!(matches!(error, InvocationError::TimedOut { .. }), "{error}");
        assert_eq!(error.code(), "Lambda.FunctionTimedOut");
        assert_eq!(function.counts().running, 0);
        tokio::spawn(answer_events(folder.path().to_owned(), 1, b"[]"));
        assert_eq!(function.invoke(Bytes::new()).await.unwrap(), "[]");
        let counts = function.counts();
        assert_eq!((counts.cold_starts, counts.errors, counts.timeouts), (2, 1, 1));
    }

    #[tokio::test]
    async fn two_invocations_at_once_have_two_processes_and_a_third_waits() {
        let folder = TempDir::new().unwrap();
        let two = FunctionSpec { reserved_concurrency: Some(2), ..spec(&folder, "wait") };
        let (function, first) = played(&folder, two).await;
        let (one, first) = (invoke(&function), first.take().await);
        let other = invoke(&function);
        let second = Player::connect(folder.path().to_owned()).await.take().await;
        let third = invoke(&function);
        assert_eq!((function.counts().running, function.counts().cold_starts), (2, 2));
        // Whoever is free first serves it.
        let second = answer(second).await.take().await;
        assert!(!third.is_finished() && !one.is_finished());
        answer(second).await;
        answer(first).await;
        for invocation in [one, other, third] {
            assert_eq!(invocation.await.unwrap().unwrap(), "[]");
        }
        let counts = function.counts();
        assert_eq!((counts.invocations, counts.cold_starts, counts.concurrency_peak), (3, 2, 2));
    }

    #[tokio::test]
    async fn the_process_that_was_used_last_is_used_next() {
        let folder = TempDir::new().unwrap();
        let (function, first) = played(&folder, spec(&folder, "wait")).await;
        let (one, first) = (invoke(&function), first.take().await);
        let other = invoke(&function);
        let second = Player::connect(folder.path().to_owned()).await.take().await;
        let first = answer(first).await;
        one.await.unwrap().unwrap();
        let second = answer(second).await;
        other.await.unwrap().unwrap();
        let third = invoke(&function);
        answer(second.take().await).await;
        third.await.unwrap().unwrap();
        assert!(!first.event.is_finished());
    }

    #[tokio::test]
    async fn an_invocation_above_the_concurrency_is_throttled_where_it_does_not_wait() {
        let folder = TempDir::new().unwrap();
        let single = FunctionSpec { reserved_concurrency: Some(1), ..spec(&folder, "wait") };
        let (function, player) = played(&folder, single).await;
        let (invocation, event) = (invoke(&function), player.take().await);
        let error = function.try_invoke(Bytes::new(), LogType::None).await.unwrap_err();
        assert!(matches!(error, InvocationError::Throttled { limit: 1 }), "{error}");
        assert_eq!(error.code(), "Lambda.InvokeLimitExceeded");
        answer(event).await;
        invocation.await.unwrap().unwrap();
        let counts = function.counts();
        assert_eq!((counts.invocations, counts.throttles, counts.errors), (1, 1, 0));
    }

    #[tokio::test]
    async fn a_function_that_reserves_nothing_is_always_throttled() {
        let folder = TempDir::new().unwrap();
        let none = FunctionSpec { reserved_concurrency: Some(0), ..spec(&folder, "wait") };
        let function = started(&folder, none, 0).await;
        let error = function.invoke(Bytes::new()).await.unwrap_err();
        assert!(matches!(error, InvocationError::Throttled { limit: 0 }), "{error}");
        assert_eq!(function.counts().throttles, 1);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_process_stands_still_between_invocations() {
        let folder = TempDir::new().unwrap();
        let (function, player) = played(&folder, spec(&folder, "sleep")).await;
        let process = process(&folder);
        until(|| state(&process) == 'T').await;
        let (invocation, event) = (invoke(&function), player.take().await);
        assert_ne!(state(&process), 'T');
        let _player = answer(event).await;
        invocation.await.unwrap().unwrap();
        until(|| state(&process) == 'T').await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_process_that_stands_still_can_be_stopped() {
        let folder = TempDir::new().unwrap();
        let (function, _player) = played(&folder, spec(&folder, "sleep")).await;
        let process = process(&folder);
        until(|| state(&process) == 'T').await;
        function.stop().await;
        assert!(!Path::new("/proc").join(process).exists());
        assert_eq!(function.counts().running, 0);
    }

    #[tokio::test]
    async fn stopping_ends_invocations_that_are_under_way_or_wait() {
        let folder = TempDir::new().unwrap();
        let single = FunctionSpec { reserved_concurrency: Some(1), ..spec(&folder, "wait") };
        let (function, player) = played(&folder, single).await;
        let (busy, _event) = (invoke(&function), player.take().await);
        let waits = invoke(&function);
        tokio::task::yield_now().await;
        function.stop().await;
        for invocation in [busy, waits, invoke(&function)] {
            let error = invocation.await.unwrap().unwrap_err();
            assert!(matches!(error, InvocationError::Stopped), "{error}");
        }
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_does_not_end_the_invocation() {
        let folder = TempDir::new().unwrap();
        let (function, player) = played(&folder, spec(&folder, "wait")).await;
        let (invocation, event) = (invoke(&function), player.take().await);
        invocation.abort();
        assert!(invocation.await.unwrap_err().is_cancelled());
        let player = answer(event).await;
        let next = invoke(&function);
        answer(player.take().await).await;
        next.await.unwrap().unwrap();
        assert_eq!((function.counts().invocations, function.counts().cold_starts), (2, 1));
    }

    #[tokio::test]
    async fn a_cold_start_and_a_failure_are_reported() {
        let folder = TempDir::new().unwrap();
        let spec = spec(&folder, "wait");
        let mut lines = spec.lines.subscribe();
        let (function, player) = played(&folder, spec).await;
        let (cold, event) = (invoke(&function), player.take().await);
        let player = answer(event).await;
        cold.await.unwrap().unwrap();
        let (warm, event) = (invoke(&function), player.take().await);
        let player = answer(event).await;
        warm.await.unwrap().unwrap();
        let (fails, _event) = (invoke(&function), player.take().await);
        fs::write(folder.path().join("end"), "").unwrap();
        fails.await.unwrap().unwrap_err();
        let texts: Vec<_> = std::iter::from_fn(|| lines.try_recv().ok()).map(|line| line.text).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].starts_with("REPORT ") && texts[0].contains("\tInit Duration: "), "{texts:?}");
        assert_eq!(texts[1], "out of luck");
        assert!(texts[2].ends_with("\tStatus: error\tError Type: Runtime.ExitError"), "{texts:?}");
    }

    #[tokio::test]
    async fn the_log_of_a_function_that_was_stopped_is_complete() {
        let folder = TempDir::new().unwrap();
        let function = started(&folder, spec(&folder, "flood"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        function.stop().await;
        let log = fs::read_to_string(folder.path().join("fn.log")).unwrap();
        assert_eq!(log.lines().last(), Some("2000 lines of the flood were written"));
        assert_eq!(log.lines().count(), 2000);
    }

    #[tokio::test]
    async fn a_process_that_ends_during_an_invocation_is_reported_at_once() {
        let folder = TempDir::new().unwrap();
        let (function, player) = played(&folder, spec(&folder, "wait")).await;
        let (invocation, _event) = (invoke(&function), player.take().await);
        fs::write(folder.path().join("end"), "").unwrap();
        let error = invocation.await.unwrap().unwrap_err();
        let InvocationError::Exited { status, last_log } = &error else { panic!("{error}") };
        assert_eq!(status, "exit status: 7");
        assert_eq!(last_log, &["out of luck"]);
        assert_eq!(error.code(), "Lambda.FunctionError");
    }

    #[tokio::test]
    async fn a_process_that_ended_between_invocations_is_replaced() {
        let folder = TempDir::new().unwrap();
        let function = started(&folder, spec(&folder, "wait"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        let process = rustix::process::Pid::from_raw(process(&folder).parse().unwrap()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        until(|| function.counts().running == 0).await;
        tokio::spawn(answer_events(folder.path().to_owned(), 1, b"[]"));
        assert_eq!(function.invoke(Bytes::new()).await.unwrap(), "[]");
        assert_eq!(function.counts().cold_starts, 2);
    }

    #[tokio::test]
    async fn a_function_that_ends_at_once_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let error = Function::start(spec(&folder, "fail")).await.unwrap_err();
        let expected = "the function must ask for its first event, it ended with exit status: 3 instead, \
            its log ends with:\n  MARKET must be set\n  KINDS must be set";
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn a_function_that_never_polls_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let spec = spec(&folder, "wait");
        let log = FunctionLog::create(&spec.log, "fn", log_lines()).unwrap();
        let common = Common { spec, log, stop: watch::Sender::new(false), running: Arc::new(()) };
        let mut environment = Environment::spawn(&common, 1).await.unwrap();
        let error = environment.initialise(Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, InitError::TimedOut { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_missing_binary_cannot_be_started() {
        let folder = TempDir::new().unwrap();
        let missing = FunctionSpec { binary: folder.path().join("missing"), ..spec(&folder, "") };
        let error = Function::start(missing).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot start "), "{error}");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_created_is_reported() {
        let folder = TempDir::new().unwrap();
        let unlogged = FunctionSpec { log: folder.path().join("missing/fn.log"), ..spec(&folder, "wait") };
        assert!(matches!(Function::start(unlogged).await, Err(StartError::Log { .. })));
    }

    #[tokio::test]
    async fn the_process_sees_nothing_of_our_environment() {
        let folder = TempDir::new().unwrap();
        let function = started(&folder, spec(&folder, "show"), 1).await;
        function.invoke(Bytes::new()).await.unwrap();
        let log = fs::read_to_string(folder.path().join("fn.log")).unwrap();
        assert!(log.lines().any(|line| line == "AWS_LAMBDA_FUNCTION_NAME=fn"), "{log}");
        assert!(log.lines().any(|line| line == "ACT=show"), "{log}");
        assert!(!log.contains("CARGO"), "{log}");
    }
}
