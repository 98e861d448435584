//! An execution environment as the system sees it: the function's process and whatever it started.
//!
//! Lambda freezes an environment as a whole between invocations: timers and threads in the background stand still.
//! Signals to the process group do the same. Should this command end without a word, the system itself wakes and ends
//! frozen groups: that is its rule for stopped groups whose parent is gone.

use tokio::process::{Child, Command};

/// The processes of one environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessGroup {
    #[cfg(unix)]
    leader: rustix::process::Pid,
}

/// Has a command start a group of its own. An interrupt typed at the terminal does not reach it then: what is under
/// way can be ended in order.
pub(super) fn isolate(command: &mut Command) {
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(not(unix))]
    let _ = command;
}

#[cfg(unix)]
impl ProcessGroup {
    /// The group of a process whose command [`isolate`] was given; `None` when it is gone already.
    pub(super) fn of(child: &Child) -> Option<Self> {
        let number = i32::try_from(child.id()?).ok()?;
        Some(Self { leader: rustix::process::Pid::from_raw(number)? })
    }

    /// Stops everything in it until [`Self::thaw`].
    pub(super) fn freeze(self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub(super) fn thaw(self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Ends it, frozen or not.
    pub(super) fn kill(self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn signal(self, signal: rustix::process::Signal) {
        // An error means that it is gone already.
        let _ = rustix::process::kill_process_group(self.leader, signal);
    }
}

/// Elsewhere processes run on between invocations, and only the function's own is ended.
#[cfg(not(unix))]
impl ProcessGroup {
    pub(super) fn of(_child: &Child) -> Option<Self> {
        None
    }

    pub(super) fn freeze(self) {}

    pub(super) fn thaw(self) {}

    pub(super) fn kill(self) {}
}
