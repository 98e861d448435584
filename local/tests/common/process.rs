//! A command under way, which is ended in order or killed, and how what is not told is waited for.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;

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
pub(crate) struct Process(Child);

impl Process {
    pub(crate) const fn of(child: Child) -> Self {
        Self(child)
    }

    /// Asks it to end, as a system that shuts down does, and waits until it has.
    pub(crate) fn end(&mut self) -> ExitStatus {
        if self.0.try_wait().unwrap().is_none() {
            self.terminate();
        }
        self.wait()
    }

    /// Asks it to end, and does not wait.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the end of the command", || self.0.try_wait().unwrap())
    }

    /// Kills it, in the middle of whatever it does; no processes of its own end with it. Gives how it ended: by the kill,
    /// unless it had ended before.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.0.kill().unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its functions end with it only if it ends in order.
        if !std::thread::panicking() {
            self.end();
        } else if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        }
    }
}
