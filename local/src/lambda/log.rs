//! Keeps what a function writes to its standard output and error.
//!
//! Lambda sends these lines to a log group. Here they go to one file, and the last of them into error messages: a
//! function that dies says why on its last lines.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Lines kept for error messages.
const LAST_LINES: usize = 20;

/// Longest line, in bytes. Longer ones are cut: Lambda cuts them at 256 KiB too.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// Longest piece of a line that is kept for error messages, in characters.
const LAST_LINE_CHARS_MAX: usize = 500;

/// Size at which the file stops growing: a function that floods its log must not fill the disk.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Last line of a file that reached its limit.
const FULL: &str = "tapeline: this log is full, later lines are left out";

/// Log of one function, shared by the readers of its two outputs.
#[derive(Debug, Clone)]
pub(super) struct FunctionLog(Arc<Mutex<Lines>>);

/// The file and the end of what was written.
#[derive(Debug)]
struct Lines {
    file: File,
    bytes: u64,
    last: VecDeque<String>,
}

impl FunctionLog {
    /// Creates the file, replacing one of an earlier run.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(Self(Arc::new(Mutex::new(Lines { file, bytes: 0, last: VecDeque::new() }))))
    }

    /// The last lines, oldest first.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.iter().cloned().collect()
    }

    /// Forgets the last lines: those of a process that is gone explain nothing about the next one.
    pub(super) fn forget_last_lines(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.clear();
    }

    /// Copies an output line by line until it ends.
    pub(super) async fn follow(self, mut output: impl AsyncRead + Unpin) {
        let mut cutter = LineCutter::default();
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = output.read(&mut buffer).await {
            cutter.push(buffer.get(..count).unwrap_or_default(), |line| self.write(line));
        }
        cutter.finish(|line| self.write(line));
    }

    /// Adds one line.
    fn write(&self, line: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line);
    }
}

impl Lines {
    /// Adds one line to the file and to the last lines.
    fn write(&mut self, line: &[u8]) {
        self.keep(line);
        if self.bytes >= FILE_BYTES_MAX {
            return;
        }
        self.bytes = self.bytes.saturating_add(line.len() as u64).saturating_add(1);
        let end = if self.bytes >= FILE_BYTES_MAX { FULL } else { "" };
        // A log that cannot be written must not stop the function it belongs to.
        let _ = self.file.write_all(&[line, b"\n", end.as_bytes()].concat());
    }

    /// Keeps the line for error messages.
    fn keep(&mut self, line: &[u8]) {
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(String::from_utf8_lossy(line).chars().take(LAST_LINE_CHARS_MAX).collect());
    }
}

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Debug, Default)]
struct LineCutter {
    line: Vec<u8>,
}

impl LineCutter {
    /// Takes the next bytes and hands out the lines they complete, without their line ends.
    fn push(&mut self, bytes: &[u8], mut complete: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if piece.ends_with(b"\n") {
                complete(self.line.strip_suffix(b"\r").unwrap_or(&self.line));
                self.line.clear();
            }
        }
    }

    /// Hands out what stands after the last line end.
    fn finish(&self, mut complete: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            complete(&self.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    /// Lines cut from pieces.
    fn cut(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            cutter.push(piece, |line| lines.push(line.to_vec()));
        }
        cutter.finish(|line| lines.push(line.to_vec()));
        lines
    }

    /// Follows `output` into a file in `folder`.
    async fn follow(folder: &TempDir, output: &[u8]) -> FunctionLog {
        let log = FunctionLog::create(&folder.path().join("fn.log")).unwrap();
        log.clone().follow(output).await;
        log
    }

    #[test]
    fn lines_end_at_line_ends_wherever_the_pieces_end() {
        assert_eq!(cut(&[b"a\nb", b"c\r\n", b"", b"\nd"]), [&b"a"[..], b"bc", b"", b"d"]);
    }

    #[test]
    fn long_lines_are_cut() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        assert_eq!(cut(&[&long, &long, b"\nshort\n"]), [&long[1..], b"short"]);
    }

    #[tokio::test]
    async fn every_line_reaches_the_file() {
        let folder = TempDir::new().unwrap();
        follow(&folder, b"one\ntwo").await;
        assert_eq!(fs::read_to_string(folder.path().join("fn.log")).unwrap(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn the_last_twenty_lines_are_kept() {
        let folder = TempDir::new().unwrap();
        let text: String = (0..30).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let log = follow(&folder, text.as_bytes()).await;
        let expected: Vec<String> = (10..30).map(|number| number.to_string()).collect();
        assert_eq!(log.last_lines(), expected);
        log.forget_last_lines();
        assert!(log.last_lines().is_empty());
    }

    #[test]
    fn a_full_log_says_so_and_stops_growing() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("fn.log");
        let log = FunctionLog::create(&path).unwrap();
        log.0.lock().unwrap().bytes = FILE_BYTES_MAX - 1;
        log.write(b"last");
        log.write(b"left out");
        assert_eq!(fs::read_to_string(path).unwrap(), format!("last\n{FULL}"));
        assert_eq!(log.last_lines(), ["last", "left out"]);
    }

    proptest! {
        #[test]
        fn no_short_line_is_lost(text in "[a-z\n]{0,60}", at in 0_usize..60) {
            let (first, second) = text.split_at(at.min(text.len()));
            let expected: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(cut(&[first.as_bytes(), second.as_bytes()]), expected);
        }
    }
}
