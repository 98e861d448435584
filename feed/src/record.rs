//! Frames recorded in files: JSON Lines that `tapeline replay` reads, plain or compressed.
//!
//! A thread of its own writes, in whole blocks; compressed, each block is a member (gzip) or a frame (zstd) by itself, so
//! what a kill leaves can be read up to its last block. The file that is written has the name that was asked for; when it
//! is large or old it gets the time of its first block into its name, and a new one begins.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tapeline_market::Timestamp;
use thiserror::Error;
use tracing::warn;

use crate::clock;
use crate::seeing::Counts;

/// Frames that wait for the thread. When there are more the recording misses some: it must not hold the stream up.
const FRAMES_WAITING_MAX: usize = 16_384;
/// Where compression has little to gain from more.
const BLOCK_BYTES: usize = 256 * 1024;
/// How long a frame waits until it is in the file.
const BLOCK_AGE_MAX: Duration = Duration::from_secs(1);
/// When a file is done with: an hour of a busy market compresses to about as much.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
const FILE_AGE_MAX: Duration = Duration::from_hours(1);

/// A recording cannot be started.
#[derive(Debug, Error)]
#[error("cannot record to {}", .path.display())]
pub struct RecordError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Records frames. Dropping it waits until all of them are written.
#[derive(Debug)]
pub struct Recorder {
    frames: Option<SyncSender<Bytes>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts to record to a file, whose suffix tells the compression: `.gz`, `.zst`, or none. A file of an earlier run
    /// is moved out of the way.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(path: &Path) -> Result<Self, RecordError> {
        let failed = |source| RecordError { path: path.to_owned(), source };
        let writer = Writer::open(path).map_err(failed)?;
        let (sender, receiver) = sync_channel(FRAMES_WAITING_MAX);
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let thread = thread.spawn(move || writer.run(&receiver)).map_err(failed)?;
        Ok(Self { frames: Some(sender), thread: Some(thread) })
    }

    /// Takes a frame, if the thread keeps up.
    pub fn take(&self, frame: &Bytes, counts: &Counts) {
        let is_taken = self.frames.as_ref().is_some_and(|frames| frames.try_send(frame.clone()).is_ok());
        if !is_taken {
            counts.frames_unrecorded.one();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.frames = None;
        // A thread that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }

    fn compress(self, block: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(block),
            Self::Zstd => Ok(compress_to_vec(block.as_slice(), CompressionLevel::Fastest)),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&block)?;
                encoder.finish()
            }
        }
    }
}

/// Writes the files.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    compression: Compression,
    file: File,
    file_bytes: u64,
    file_since: (Instant, Timestamp),
    block: Vec<u8>,
    block_since: Instant,
}

impl Writer {
    fn open(path: &Path) -> io::Result<Self> {
        if let Ok(metadata) = fs::metadata(path)
            && metadata.len() > 0
        {
            fs::rename(path, dated(path, clock::now()))?;
        }
        Ok(Self {
            path: path.to_owned(),
            compression: Compression::of(path),
            file: File::create(path)?,
            file_bytes: 0,
            file_since: (Instant::now(), clock::now()),
            block: Vec::new(),
            block_since: Instant::now(),
        })
    }

    /// Writes until nobody sends any more.
    fn run(mut self, frames: &Receiver<Bytes>) {
        loop {
            let frame = frames.recv_timeout(BLOCK_AGE_MAX);
            if let Ok(frame) = &frame {
                self.add(frame);
            }
            let is_over = matches!(frame, Err(RecvTimeoutError::Disconnected));
            let is_due = self.block.len() >= BLOCK_BYTES || self.block_since.elapsed() >= BLOCK_AGE_MAX;
            if (is_over || is_due)
                && let Err(error) = self.write()
            {
                warn!(error = error.to_string(), "a block of the recording is lost");
            }
            if is_over {
                return;
            }
        }
    }

    /// A frame is a line: a line feed inside of it, where JSON allows space, becomes one.
    fn add(&mut self, frame: &[u8]) {
        if self.block.is_empty() {
            self.block_since = Instant::now();
        }
        self.block.extend(frame.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        self.block.push(b'\n');
    }

    fn write(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        if block.is_empty() {
            return Ok(());
        }
        let (since, started) = self.file_since;
        if self.file_bytes >= FILE_BYTES_MAX || since.elapsed() >= FILE_AGE_MAX {
            fs::rename(&self.path, dated(&self.path, started))?;
            self.file = File::create(&self.path)?;
            (self.file_bytes, self.file_since) = (0, (Instant::now(), clock::now()));
        }
        let block = self.compression.compress(block)?;
        self.file.write_all(&block)?;
        self.file_bytes += block.len() as u64;
        Ok(())
    }
}

/// The name of a file that is done with: `frames.ndjson.gz` becomes `frames-2026-11-21T093000.123456Z.ndjson.gz`.
fn dated(path: &Path, time: Timestamp) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, suffix) = name.split_at(name.find('.').unwrap_or(name.len()));
    path.with_file_name(format!("{stem}-{}{suffix}", time.to_string().replace(':', "")))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gunzip(bytes: &[u8]) -> String {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    fn unzstd(bytes: &[u8]) -> String {
        let mut text = String::new();
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(bytes).unwrap();
        decoder.read_to_string(&mut text).unwrap();
        text
    }

    fn plain(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn check(name: &str, read: impl Fn(&[u8]) -> String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        for text in ["{\"a\":1}\n{\"a\":2 }\n", "{\"a\":3}\n"] {
            let (recorder, counts) = (Recorder::start(&path).unwrap(), Counts::default());
            let frames =
                if text.contains('3') { ["{\"a\":3}"].as_slice() } else { &["{\"a\":1}", "{\"a\":2\n}"] };
            for frame in frames {
                recorder.take(&Bytes::copy_from_slice(frame.as_bytes()), &counts);
            }
            drop(recorder);
            assert_eq!(read(&fs::read(&path).unwrap()), text);
            assert_eq!(counts.frames_unrecorded.now(), 0);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_frame_is_a_line_and_an_earlier_recording_is_kept() {
        check("frames.ndjson", plain);
        check("frames.ndjson.gz", gunzip);
        check("frames.ndjson.zst", unzstd);
    }

    #[test]
    fn files_that_are_done_with_are_named_by_their_time() {
        let time = Timestamp::from_micros(1_633_998_274_793_000).unwrap();
        assert_eq!(
            dated(Path::new("data/frames.ndjson.gz"), time),
            Path::new("data/frames-2021-10-12T002434.793000Z.ndjson.gz")
        );
        assert_eq!(dated(Path::new("frames"), time), Path::new("frames-2021-10-12T002434.793000Z"));
    }

    #[test]
    fn a_file_that_is_large_enough_is_put_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(&folder.path().join("frames.ndjson")).unwrap();
        writer.add(b"1");
        writer.write().unwrap();
        writer.file_bytes = FILE_BYTES_MAX;
        writer.add(b"2");
        writer.write().unwrap();
        assert_eq!(fs::read_to_string(&writer.path).unwrap(), "2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
