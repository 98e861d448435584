//! A command under way, whose words go to files: it is ended in order, or killed.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take. What takes as long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How often is looked for what is not told.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Looks until there is something.
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

/// A command under way. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    /// Starts a command. What it says on both of its outputs is added to a file.
    pub(crate) fn start(command: &mut Command, said: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(said).unwrap();
        let outputs = [file.try_clone().unwrap(), file].map(Stdio::from);
        let [out, error] = outputs;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap();
        Self { child, said: said.to_owned() }
    }

    /// All that it and those before it said.
    pub(crate) fn said(&self) -> String {
        let mut text = String::new();
        File::open(&self.said).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Kills it, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "it must not end by itself: {}", self.said());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        until("the end of the command", || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
