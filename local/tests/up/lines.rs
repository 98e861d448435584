//! What a command says, line by line.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::process::Process;

/// Lines of a command that is under way, or was.
pub(crate) struct Lines {
    /// Of its standard output.
    pub(crate) out: Receiver<String>,
    /// Of its standard error.
    pub(crate) said: Receiver<String>,
}

/// Starts a command.
pub(crate) fn start(command: &mut Command) -> (Process, Lines) {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = Lines { out: lines(child.stdout.take().unwrap()), said: lines(child.stderr.take().unwrap()) };
    (Process::of(child), lines)
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
