//! A command under way: what it says, line by line, and how it ends.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take. What takes as long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked for what is not told.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Looks until there is something. What AWS does in its own time is waited for so.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: nothing within {PATIENCE:?}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// A command under way. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    /// Lines of its standard output.
    pub(crate) out: Receiver<String>,
    /// Lines of its standard error.
    pub(crate) said: Receiver<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, said) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, out, said }
    }

    /// Asks it to end, as a system that shuts down does, and waits until it has.
    pub(crate) fn end(&mut self) -> ExitStatus {
        if self.child.try_wait().unwrap().is_none() {
            self.terminate();
        }
        self.wait()
    }

    /// Asks it to end, and does not wait.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Kills it, in the middle of whatever it does. Its functions are left behind.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the end of the command", || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its functions end with it only if it ends in order.
        if !std::thread::panicking() {
            self.end();
        } else if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }
}

fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            // Who read along has gone.
            let _ = sender.send(line);
        }
    });
    receiver
}
