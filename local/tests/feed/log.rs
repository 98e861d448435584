//! What commands say, in a file.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::Process;

/// The file.
pub(crate) struct Log(pub(crate) PathBuf);

impl Log {
    /// Starts a command. What it says on both of its outputs is added.
    pub(crate) fn start(&self, command: &mut Command) -> Process {
        let file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        let [out, error] = [file.try_clone().unwrap(), file].map(Stdio::from);
        Process::of(command.stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap())
    }

    /// All that was said so far.
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}
