//! Keeps what a function writes to its standard output and error.
//!
//! Lambda sends these lines to a log group. Here they go to one file, to whom listens, and the last of them into error
//! messages: a function that dies says why on its last lines.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::broadcast;

use super::report::{end_line, start_line};

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

/// End of the log of an invocation that is told with its answer, in bytes: what Lambda tells.
const TAIL_BYTES: usize = 4 * 1024;

/// Longest piece of a line that listeners are told, in bytes. Metrics of a batch are a tenth of it.
const TOLD_BYTES_MAX: usize = 16 * 1024;

/// Lines that wait for a slow listener before it misses the oldest: with [`TOLD_BYTES_MAX`], 16 MiB at most.
const TOLD_LINES: usize = 1024;

/// One line about a function: its own, or what Lambda reports of an invocation.
#[derive(Debug, Clone)]
pub(crate) struct LogLine {
    /// When it came.
    pub(crate) time: Timestamp,
    /// Name of the function.
    pub(crate) function: Arc<str>,
    /// The request that its process works on, or worked on last; `None` before the first.
    pub(crate) request: Option<Arc<str>>,
    /// The line, without its end.
    pub(crate) text: String,
}

/// Where lines go to whoever subscribes. Nothing is kept without a listener.
pub(crate) fn log_lines() -> broadcast::Sender<LogLine> {
    broadcast::Sender::new(TOLD_LINES)
}

/// Log of one function, shared by all of its processes.
#[derive(Debug, Clone)]
pub(super) struct FunctionLog {
    function: Arc<str>,
    file: Arc<Mutex<LogFile>>,
    listeners: broadcast::Sender<LogLine>,
}

/// The file and what is in it.
#[derive(Debug)]
struct LogFile {
    file: File,
    bytes: u64,
}

/// Log of one process, shared by the readers of its two outputs.
#[derive(Debug, Clone)]
pub(super) struct ProcessLog {
    log: FunctionLog,
    written: Arc<Mutex<Written>>,
}

/// The end of what a process wrote.
#[derive(Debug, Default)]
struct Written {
    /// Its last lines.
    last: VecDeque<String>,
    /// The request that it works on, or worked on last.
    request: Option<Arc<str>>,
    /// The end of what it wrote since that began.
    tail: VecDeque<u8>,
}

impl FunctionLog {
    /// Creates the file, replacing one of an earlier run.
    pub(super) fn create(
        path: &Path,
        function: &str,
        listeners: broadcast::Sender<LogLine>,
    ) -> io::Result<Self> {
        let file = LogFile { file: File::create(path)?, bytes: 0 };
        Ok(Self { function: function.into(), file: Arc::new(Mutex::new(file)), listeners })
    }

    /// Tells listeners of a line.
    fn tell(&self, request: Option<&Arc<str>>, line: &[u8]) {
        if self.listeners.receiver_count() == 0 {
            return;
        }
        let text = String::from_utf8_lossy(line.get(..TOLD_BYTES_MAX).unwrap_or(line)).into_owned();
        let (function, request) = (Arc::clone(&self.function), request.cloned());
        // The last listener may have gone since.
        let _ = self.listeners.send(LogLine { time: Timestamp::now(), function, request, text });
    }
}

impl ProcessLog {
    /// The log of a process that is about to start.
    pub(super) fn new(log: &FunctionLog) -> Self {
        Self { log: log.clone(), written: Arc::default() }
    }

    /// The last lines, oldest first.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.written().last.iter().cloned().collect()
    }

    /// Notes that the process is given an event: what it writes from now on is about that.
    pub(super) fn begin(&self, request_id: &str) {
        let mut written = self.written();
        written.request = Some(request_id.into());
        written.tail.clear();
        written.keep_tail(start_line(request_id).as_bytes());
    }

    /// Tells listeners what Lambda reports of the invocation.
    pub(super) fn report(&self, report: &str) {
        let request = self.written().request.clone();
        self.log.tell(request.as_ref(), report.as_bytes());
    }

    /// The end of the log of the invocation, with Lambda's own lines around it.
    pub(super) fn tail(&self) -> Vec<u8> {
        self.written().tail.iter().copied().collect()
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
        let request = {
            let mut written = self.written();
            written.keep(line);
            written.request.clone()
        };
        self.log.file.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        self.log.tell(request.as_ref(), line);
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a log with Lambda's lines behind it, cut to what Lambda tells.
pub(super) fn closed_tail(mut tail: Vec<u8>, request_id: &str, report: &str) -> Vec<u8> {
    tail.extend_from_slice(format!("{}\n{report}\n", end_line(request_id)).as_bytes());
    let surplus = tail.len().saturating_sub(TAIL_BYTES);
    tail.split_off(surplus)
}

impl LogFile {
    /// Adds one line.
    fn write(&mut self, line: &[u8]) {
        if self.bytes >= FILE_BYTES_MAX {
            return;
        }
        self.bytes = self.bytes.saturating_add(line.len() as u64).saturating_add(1);
        let end = if self.bytes >= FILE_BYTES_MAX { FULL } else { "" };
        // A log that cannot be written must not stop the function it belongs to.
        let _ = self.file.write_all(&[line, b"\n", end.as_bytes()].concat());
    }
}

impl Written {
    /// Keeps a line for error messages and for whom invoked the function.
    fn keep(&mut self, line: &[u8]) {
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(String::from_utf8_lossy(line).chars().take(LAST_LINE_CHARS_MAX).collect());
        self.keep_tail(line);
    }

    fn keep_tail(&mut self, line: &[u8]) {
        let end = line.get(line.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.tail.extend(end);
        self.tail.push_back(b'\n');
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
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

    /// The log of a process whose file is in `folder`.
    fn process_log(folder: &TempDir) -> ProcessLog {
        ProcessLog::new(&FunctionLog::create(&folder.path().join("fn.log"), "fn", log_lines()).unwrap())
    }

    /// Follows `output` into a file in `folder`.
    async fn follow(folder: &TempDir, output: &[u8]) -> ProcessLog {
        let log = process_log(folder);
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
    }

    #[test]
    fn a_full_log_says_so_and_stops_growing() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("fn.log");
        let log = process_log(&folder);
        log.log.file.lock().unwrap().bytes = FILE_BYTES_MAX - 1;
        log.write(b"last");
        log.write(b"left out");
        assert_eq!(fs::read_to_string(path).unwrap(), format!("last\n{FULL}"));
        assert_eq!(log.last_lines(), ["last", "left out"]);
    }

    #[test]
    fn listeners_are_told_which_request_a_line_is_about() {
        let folder = TempDir::new().unwrap();
        let log = process_log(&folder);
        let mut listener = log.log.listeners.subscribe();
        log.write(b"before");
        log.begin("one");
        log.write(b"during");
        let lines = [listener.try_recv().unwrap(), listener.try_recv().unwrap()];
        assert_eq!(lines.each_ref().map(|line| line.text.as_str()), ["before", "during"]);
        assert_eq!(lines.each_ref().map(|line| line.request.as_deref()), [None, Some("one")]);
        assert_eq!(&*lines[0].function, "fn");
    }

    #[test]
    fn listeners_are_told_the_beginning_of_a_long_line() {
        let folder = TempDir::new().unwrap();
        let log = process_log(&folder);
        let mut listener = log.log.listeners.subscribe();
        log.write(&vec![b'x'; LINE_BYTES_MAX]);
        assert_eq!(listener.try_recv().unwrap().text.len(), TOLD_BYTES_MAX);
    }

    #[test]
    fn the_tail_is_the_last_4_kib_of_the_invocation() {
        let folder = TempDir::new().unwrap();
        let log = process_log(&folder);
        log.begin("one");
        log.write(b"of another");
        log.begin("two");
        log.write(b"short");
        assert_eq!(log.tail(), b"START RequestId: two Version: $LATEST\nshort\n");
        log.write(&[b'x'; 5_000]);
        let tail = closed_tail(log.tail(), "two", "REPORT RequestId: two");
        assert_eq!(tail.len(), 4_096);
        assert!(tail.ends_with(b"xx\nEND RequestId: two\nREPORT RequestId: two\n"));
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
