//! One execution environment: a process of the function and the Runtime API it polls.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::function::FunctionSpec;
use super::log::{FunctionLog, ProcessLog};
use super::process_group::{self, ProcessGroup};
use super::runtime_api::{Invocation, Message, Outcome, RuntimeApi};
use crate::arn;

/// How long the outputs of a dead process are waited for. They end with it, unless it left children behind.
const LAST_LINES_WAIT: Duration = Duration::from_millis(500);

/// How long a process that has answered is waited for to ask for the next event, for whom wants to see its log.
const NEXT_POLL_WAIT: Duration = Duration::from_millis(100);

/// How long lines take from a process that stands still into its log.
const LINES_WAIT: Duration = Duration::from_millis(10);

/// Why a process of the function did not become ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// The binary could not be started.
    #[error("cannot start {}", .binary.display())]
    Spawn {
        /// The binary.
        binary: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The process did not ask for its first event in time.
    #[error("the function must ask for its first event within {}, it did not{}", seconds(*.limit), lines(.last_log))]
    TimedOut {
        /// Time it had.
        limit: Duration,
        /// Last lines of its log.
        last_log: Vec<String>,
    },
    /// The process ended instead.
    #[error("the function must ask for its first event, it ended with {status} instead{}", lines(.last_log))]
    Exited {
        /// Exit status or signal.
        status: String,
        /// Last lines of its log.
        last_log: Vec<String>,
    },
    /// The function reported that it cannot start.
    #[error("the function reported that it cannot start: {error_type}: {message}")]
    Reported {
        /// Name of the error.
        error_type: String,
        /// Its text.
        message: String,
    },
    /// The function was stopped before the process was ready.
    #[error("the function was stopped before it asked for its first event")]
    Stopped,
}

/// How an invocation ended that got no answer.
#[derive(Debug)]
pub(super) enum Loss {
    /// Its time was over.
    TimedOut,
    /// The process ended.
    Exited {
        /// Whether it had taken the event.
        was_taken: bool,
        /// Exit status or signal.
        status: String,
        /// Last lines of its log.
        last_log: Vec<String>,
    },
    /// The function was stopped.
    Stopped,
}

/// Shows a duration in seconds.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Shows the end of a log behind a message.
pub(super) fn lines(last_log: &[String]) -> String {
    if last_log.is_empty() {
        ", and its log is empty".to_owned()
    } else {
        format!(", its log ends with:\n  {}", last_log.join("\n  "))
    }
}

/// What the environments of a function have in common.
#[derive(Debug)]
pub(super) struct Common {
    /// What is run.
    pub(super) spec: FunctionSpec,
    /// Where its lines go.
    pub(super) log: FunctionLog,
    /// Whether it is to stop.
    pub(super) stop: watch::Sender<bool>,
    /// Held by each environment, and so counts them.
    pub(super) running: Arc<()>,
}

/// A running process of the function. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Environment {
    child: Child,
    /// `None` once it was ended.
    group: Option<ProcessGroup>,
    api: RuntimeApi,
    log: ProcessLog,
    followers: Vec<JoinHandle<()>>,
    stop: watch::Receiver<bool>,
    _running: Arc<()>,
}

impl Environment {
    /// Starts the process. `number` counts the environments of the function, from 1.
    pub(super) async fn spawn(common: &Common, number: u64) -> Result<Self, InitError> {
        let spec = &common.spec;
        let failed = |source| InitError::Spawn { binary: spec.binary.clone(), source };
        let api = RuntimeApi::open(&spec.arn).await.map_err(failed)?;
        let mut child =
            command(spec, &api.address(), number).and_then(|mut it| it.spawn()).map_err(failed)?;
        let group = ProcessGroup::of(&child);
        if let Some(group) = group {
            api.freeze_between_events(group);
        }
        let log = ProcessLog::new(&common.log);
        let stdout = child.stdout.take().map(|output| tokio::spawn(log.clone().follow(output)));
        let stderr = child.stderr.take().map(|output| tokio::spawn(log.clone().follow(output)));
        let followers = stdout.into_iter().chain(stderr).collect();
        let (stop, running) = (common.stop.subscribe(), Arc::clone(&common.running));
        Ok(Self { child, group, api, log, followers, stop, _running: running })
    }

    /// Waits until the process asks for its first event.
    pub(super) async fn initialise(&mut self, limit: Duration) -> Result<(), InitError> {
        let message = tokio::select! {
            biased;
            message = self.api.message() => Some(message),
            status = self.child.wait() => {
                let last_log = self.ended().await;
                return Err(InitError::Exited { status: describe(status), last_log });
            }
            () = stopped(&mut self.stop) => return Err(InitError::Stopped),
            () = sleep(limit) => None,
        };
        match message {
            Some(Message::InitFailed(error)) => {
                Err(InitError::Reported { error_type: error.error_type, message: error.message })
            }
            // An answer is impossible before the first event.
            Some(Message::Ready | Message::Answered(_)) => Ok(()),
            None => Err(InitError::TimedOut { limit, last_log: self.log.last_lines() }),
        }
    }

    /// Hands an event to the process and waits for the outcome.
    pub(super) async fn serve(&mut self, invocation: Invocation, limit: Duration) -> Result<Outcome, Loss> {
        self.log.begin(&invocation.request_id);
        self.api.hand_out(invocation);
        let deadline = sleep(limit);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                // The message first: a process may answer and end at the same time.
                biased;
                message = self.api.message() => if let Message::Answered(outcome) = message {
                    return Ok(outcome);
                },
                status = self.child.wait() => {
                    let (was_taken, last_log) = (self.api.is_busy(), self.ended().await);
                    return Err(Loss::Exited { was_taken, status: describe(status), last_log });
                }
                () = stopped(&mut self.stop) => return Err(Loss::Stopped),
                () = &mut deadline => return Err(Loss::TimedOut),
            }
        }
    }

    /// What the function wrote during the invocation that it has answered: the end of it, as the service shows it.
    pub(super) async fn log_tail(&mut self) -> Vec<u8> {
        let next_poll = async { while !matches!(self.api.message().await, Message::Ready) {} };
        // It may write until it asks for the next event. One that does not is not waited for.
        let _ = timeout(NEXT_POLL_WAIT, next_poll).await;
        sleep(LINES_WAIT).await;
        self.log.tail()
    }

    /// Where its lines go.
    pub(super) const fn log(&self) -> &ProcessLog {
        &self.log
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        let is_alive = matches!(self.child.try_wait(), Ok(None));
        if !is_alive {
            self.kill_group();
        }
        is_alive
    }

    /// Ends the process at once, whatever it does, and waits until its log is complete.
    pub(super) async fn kill(mut self) {
        self.kill_group();
        // An error means that it is gone already.
        let _ = self.child.kill().await;
        self.last_lines().await;
    }

    /// Ends what a process that has ended left behind, and gives the last lines of its log.
    async fn ended(&mut self) -> Vec<String> {
        self.kill_group();
        self.last_lines().await
    }

    /// Ends the process with all that it started, once: later its number may be that of others.
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            group.kill();
        }
    }

    /// Most memory the process held at once, in bytes. `None` when it is gone, and on other systems than Linux.
    pub(super) fn peak_memory_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        high_water_mark(&status)
    }

    /// Last lines of the log of a process that is gone.
    async fn last_lines(&mut self) -> Vec<String> {
        for follower in self.followers.drain(..) {
            let _ = timeout(LAST_LINES_WAIT, follower).await;
        }
        self.log.last_lines()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Waits until the function is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the function is gone, and who waits with it.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The command that starts the process.
fn command(spec: &FunctionSpec, runtime_api: &str, number: u64) -> io::Result<Command> {
    let binary = std::path::absolute(&spec.binary)?;
    let mut command = Command::new(&binary);
    command
        .env_clear()
        .envs(variables(spec, runtime_api, number))
        .current_dir(binary.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    process_group::isolate(&mut command);
    Ok(command)
}

/// The environment of the process: the function's variables and what Lambda sets, nothing of our own environment.
///
/// A function may replace `PATH` and `TZ`; the others are reserved, as on Lambda.
fn variables(spec: &FunctionSpec, runtime_api: &str, number: u64) -> BTreeMap<String, String> {
    let task_root = spec.binary.parent().unwrap_or(Path::new("/"));
    let region = Some(arn::region(&spec.arn)).filter(|region| !region.is_empty()).unwrap_or("us-east-1");
    let replaceable = [("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"), ("TZ", ":UTC")];
    let reserved = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{number:032x}")),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("LAMBDA_TASK_ROOT", task_root.display().to_string()),
        ("_HANDLER", "bootstrap".to_owned()),
    ];
    let mut variables: BTreeMap<String, String> =
        replaceable.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(spec.environment.clone());
    variables.extend(reserved.into_iter().map(|(name, value)| (name.to_owned(), value)));
    variables.extend(spec.services.clone());
    variables
}

/// Shows how a process ended.
fn describe(status: io::Result<std::process::ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("an unknown status ({error})"),
    }
}

/// Reads `VmHWM`, in bytes, from the text of `/proc/<pid>/status`, which states it in KiB.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::super::log::log_lines;
    use super::*;

    /// A function whose ARN is `arn` with one variable.
    fn spec(arn: &str, name: &str, value: &str) -> FunctionSpec {
        FunctionSpec {
            name: "fn".to_owned(),
            arn: arn.to_owned(),
            binary: PathBuf::from("/opt/fn/bootstrap"),
            environment: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            services: BTreeMap::new(),
            timeout: Duration::from_mins(1),
            memory_mb: 256,
            reserved_concurrency: None,
            log: PathBuf::from("fn.log"),
            lines: log_lines(),
        }
    }

    #[test]
    fn lambda_sets_its_own_variables() {
        let spec = spec("arn:aws:lambda:eu-west-1:000000000000:function:fn", "MARKET", "spot");
        let variables = variables(&spec, "127.0.0.1:9001", 1);
        assert_eq!(variables["MARKET"], "spot");
        assert_eq!(variables["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
        assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
        assert_eq!(variables["AWS_REGION"], "eu-west-1");
        assert_eq!(variables["LAMBDA_TASK_ROOT"], "/opt/fn");
        assert_eq!(variables["TZ"], ":UTC");
    }

    #[test]
    fn reserved_variables_stay_lambdas() {
        let variables = variables(&spec("", "AWS_LAMBDA_RUNTIME_API", "evil"), "127.0.0.1:9001", 1);
        assert_eq!(variables["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
        assert_eq!(variables["AWS_REGION"], "us-east-1");
    }

    #[test]
    fn services_are_where_the_run_says() {
        let endpoint = ("AWS_ENDPOINT_URL_KINESIS".to_owned(), "http://127.0.0.1:9002".to_owned());
        let spec = FunctionSpec {
            services: BTreeMap::from([endpoint]),
            ..spec("", "AWS_ENDPOINT_URL_KINESIS", "http://elsewhere")
        };
        let variables = variables(&spec, "127.0.0.1:9001", 1);
        assert_eq!(variables["AWS_ENDPOINT_URL_KINESIS"], "http://127.0.0.1:9002");
    }

    #[test]
    fn path_and_time_zone_may_be_replaced() {
        assert_eq!(variables(&spec("", "PATH", "/x"), "", 1)["PATH"], "/x");
    }

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        assert_eq!(high_water_mark("Name:\tfn\nVmHWM:\t    5096 kB\nVmRSS:\t 1 kB\n"), Some(5_218_304));
        assert_eq!(high_water_mark("Name:\tfn\n"), None);
        assert_eq!(high_water_mark("VmHWM:\tx kB"), None);
    }
}
