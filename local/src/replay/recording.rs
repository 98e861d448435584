//! Files of recorded frames: one frame a line, plain or compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use ruzstd::decoding::StreamingDecoder;
use thiserror::Error;

/// The largest record that a data stream takes by default, and so the longest frame of a recording.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Stands for standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// A recording cannot be read on; what was read before has been taken.
#[derive(Debug, Error)]
pub(crate) enum RecordingError {
    /// The file does not open.
    #[error("cannot read {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file ends early, or its compression is damaged.
    #[error("cannot read {} behind line {line}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line that was read.
        line: u64,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// A line that no record holds.
    #[error("line {line} of {} must have at most {RECORD_BYTES_MAX} bytes, as a record of a data stream", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
}

/// Recordings that are read one after another.
pub(crate) struct Recordings<'r> {
    files: std::slice::Iter<'r, PathBuf>,
    current: Option<Recording>,
    progress: &'r ProgressBar,
}

impl<'r> Recordings<'r> {
    pub(crate) fn new(files: &'r [PathBuf], progress: &'r ProgressBar) -> Self {
        Self { files: files.iter(), current: None, progress }
    }

    /// What the reading moves on.
    pub(crate) const fn progress(&self) -> &'r ProgressBar {
        self.progress
    }

    /// Reads the next frame into `frame`; false behind the last recording.
    ///
    /// # Errors
    /// See [`RecordingError`].
    pub(crate) fn next_frame(&mut self, frame: &mut Vec<u8>) -> Result<bool, RecordingError> {
        loop {
            if let Some(recording) = &mut self.current
                && recording.next_frame(frame)?
            {
                return Ok(true);
            }
            let Some(file) = self.files.next() else { return Ok(false) };
            self.current = Some(Recording::open(file, self.progress)?);
        }
    }
}

/// A recording that is being read.
pub(crate) struct Recording {
    path: PathBuf,
    lines: Box<dyn BufRead>,
    line: u64,
}

impl Recording {
    /// Opens a file; `-` is standard input. The bytes read from it move `progress` on.
    ///
    /// # Errors
    /// When it does not open, or is compressed and does not begin as such a file should.
    pub(crate) fn open(path: &Path, progress: &ProgressBar) -> Result<Self, RecordingError> {
        let lines = open_lines(path, progress);
        let lines = lines.map_err(|source| RecordingError::Open { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), lines, line: 0 })
    }

    /// Size of a file in bytes; 0 where that is not known.
    pub(crate) fn bytes(path: &Path) -> u64 {
        path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// The line that was read last, from 1.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next frame into `frame`; false at the end. Blank lines are no frames.
    ///
    /// # Errors
    /// When the file cannot be read on, or a line is too long for a record.
    pub(crate) fn next_frame(&mut self, frame: &mut Vec<u8>) -> Result<bool, RecordingError> {
        loop {
            frame.clear();
            // One byte more than allowed, and the line feed, tell a line that is too long.
            let mut limited = self.lines.by_ref().take(RECORD_BYTES_MAX as u64 + 2);
            let read = limited.read_until(b'\n', frame);
            let read = read.map_err(|source| {
                let (path, line) = (self.path.clone(), self.line);
                RecordingError::Read { path, line, source }
            })?;
            self.line += 1;
            if read == 0 {
                return Ok(false);
            }
            frame.truncate(frame.trim_ascii_end().len());
            if frame.len() > RECORD_BYTES_MAX {
                return Err(RecordingError::TooLong { path: self.path.clone(), line: self.line });
            }
            if !frame.is_empty() {
                return Ok(true);
            }
        }
    }
}

/// Opens a file that is plain or compressed with gzip or zstd; `-` is standard input. The bytes read from it move `progress`
/// on.
///
/// # Errors
/// When it does not open, or is compressed and does not begin as such a file should.
pub(crate) fn open_lines(path: &Path, progress: &ProgressBar) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new(STANDARD_INPUT) {
        return decompressed(BufReader::new(io::stdin()));
    }
    decompressed(BufReader::new(progress.wrap_read(File::open(path)?)))
}

/// Takes gzip or zstd off, told by the first bytes.
fn decompressed(mut input: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    let start = input.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(input))));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(BufReader::new(ZstdFrames { frame: None, input: Some(input) })));
    }
    Ok(Box::new(input))
}

/// The frames of a zstd file, one behind another.
struct ZstdFrames<R: BufRead> {
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
    /// What follows the frame; `None` while a frame is being read.
    input: Option<R>,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut input) = self.input.take() {
                if input.fill_buf()?.is_empty() {
                    self.input = Some(input);
                    return Ok(0);
                }
                self.frame = Some(StreamingDecoder::new(input).map_err(io::Error::other)?);
            }
            let Some(frame) = &mut self.frame else { return Ok(0) };
            let read = frame.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            self.input = self.frame.take().map(StreamingDecoder::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn frames(content: &[u8]) -> Result<Vec<String>, RecordingError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut recording = Recording::open(file.path(), &ProgressBar::hidden())?;
        let (mut frame, mut found) = (Vec::new(), Vec::new());
        while recording.next_frame(&mut frame)? {
            found.push(String::from_utf8_lossy(&frame).into_owned());
        }
        Ok(found)
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn every_line_is_a_frame_and_blank_lines_are_none() {
        assert_eq!(
            frames(b"{\"a\":1}\r\n\n{\"a\":2}\n  \n{\"a\":3}").unwrap(),
            ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]
        );
        assert_eq!(frames(b"").unwrap(), [""; 0]);
    }

    #[test]
    fn compressed_files_are_read_to_their_last_member() {
        for compress in [gzip, zstd] {
            let content = [compress(b"1\n2\n"), compress(b"3\n")].concat();
            assert_eq!(frames(&content).unwrap(), ["1", "2", "3"]);
        }
    }

    #[test]
    fn a_truncated_file_is_an_error_behind_its_last_line() {
        let lines = b"{\"a\":1}\n".repeat(5000);
        let content = gzip(&lines);
        let error = frames(&content[..content.len() - 8]).unwrap_err();
        assert!(matches!(error, RecordingError::Read { line: 5000, .. }), "{error}");
    }

    #[test]
    fn a_line_that_no_record_holds_is_refused_with_its_number() {
        let longest = "x".repeat(RECORD_BYTES_MAX);
        assert_eq!(frames(format!("1\n{longest}\n2\n").as_bytes()).unwrap().len(), 3);
        let error = frames(format!("1\n{longest}y\n2\n").as_bytes()).unwrap_err();
        assert!(matches!(error, RecordingError::TooLong { line: 2, .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Recording::open(Path::new("nowhere.ndjson"), &ProgressBar::hidden()).err().unwrap();
        assert_eq!(error.to_string(), "cannot read nowhere.ndjson");
    }
}
