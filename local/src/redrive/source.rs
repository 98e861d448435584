//! Where the documents come from: files, folders of them, and standard input.

use std::fs;
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use thiserror::Error;

use super::document::{Document, DocumentError, Order};
use crate::replay::{STANDARD_INPUT, open_lines};

/// Bytes of a document: the 6 MiB of an event with its quotes escaped, or a record of 10 MiB, the largest that a stream can
/// be set to take, in base64.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files of a run. A delivery stream writes one in five minutes and for each 5 MiB; their names are kept in memory.
const FILES_MAX: usize = 1_000_000;
/// Folders in each other. Object keys of failures have ten parts at most.
const DEPTH_MAX: usize = 32;

/// The documents cannot be read on.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// A file or a folder does not open or ends early.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No document is so long.
    #[error(
        "line {line} of {} must be a failure document of at most {DOCUMENT_BYTES_MAX} bytes: name the folder of failures alone",
        .path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// Too many files.
    #[error("expected at most {FILES_MAX} files: redrive parts of the folder one after another")]
    Files,
    /// Too deep.
    #[error("expected at most {DEPTH_MAX} folders in each other, {} has more", .path.display())]
    Depth {
        /// The folder.
        path: PathBuf,
    },
}

impl SourceError {
    fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }
}

/// Lists the files below these paths in the order in which they are to be redriven: that of their first documents.
/// Standard input comes last. The file `besides` is left out.
///
/// # Errors
/// See [`SourceError`].
pub(super) fn files(paths: &[PathBuf], besides: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| !is_standard_input(path)) {
        walk(path, 0, &mut found)?;
    }
    let besides = besides.canonicalize().ok();
    let is_besides = |path: &PathBuf| besides.is_some() && path.canonicalize().ok() == besides;
    let files = found.into_iter().filter(|path| !is_besides(path));
    let files: Result<Vec<_>, _> = files.map(|path| Ok((first_order(&path)?, path))).collect();
    let mut files = files?;
    files.sort();
    files.dedup();
    let mut files: Vec<_> = files.into_iter().map(|(_, path)| path).collect();
    files.extend(paths.iter().find(|path| is_standard_input(path)).cloned());
    Ok(files)
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

fn walk(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    if !fs::metadata(path).map_err(SourceError::read(path))?.is_dir() {
        found.push(path.to_owned());
        return if found.len() > FILES_MAX { Err(SourceError::Files) } else { Ok(()) };
    }
    if depth == DEPTH_MAX {
        return Err(SourceError::Depth { path: path.to_owned() });
    }
    for entry in fs::read_dir(path).map_err(SourceError::read(path))? {
        let entry = entry.map_err(SourceError::read(path))?;
        // A local run names so what it has not written to its end.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            walk(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

/// Where the first document of a file stands; what is none stands first, so that it is told of first.
fn first_order(path: &Path) -> Result<Option<Order>, SourceError> {
    let (mut text, mut documents) = (Vec::new(), Documents::open(path, &ProgressBar::hidden())?);
    documents.next(&mut text)?;
    Ok(Document::parse(&text).ok().map(|document| document.order))
}

/// The documents of files, one after another.
pub(super) struct Reading<'r> {
    files: std::vec::IntoIter<PathBuf>,
    current: Option<Documents>,
    text: Vec<u8>,
    progress: &'r ProgressBar,
}

/// A text that is no document, and where it stands.
pub(super) struct Unreadable {
    /// The file and the line, for a person.
    pub(super) place: String,
    /// What is wrong with it.
    pub(super) error: DocumentError,
}

impl<'r> Reading<'r> {
    /// Begins with the first of the files.
    pub(super) fn new(files: Vec<PathBuf>, progress: &'r ProgressBar) -> Self {
        Self { files: files.into_iter(), current: None, text: Vec::new(), progress }
    }

    /// Reads the next document; `None` behind the last.
    ///
    /// # Errors
    /// When a file cannot be read on. A text that is no document is handed back as such.
    pub(super) fn next(&mut self) -> Result<Option<Result<Document, Unreadable>>, SourceError> {
        loop {
            if let Some(documents) = &mut self.current
                && documents.next(&mut self.text)?
            {
                let unreadable = |error| Unreadable { place: documents.place(), error };
                return Ok(Some(Document::parse(&self.text).map_err(unreadable)));
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            self.current = Some(Documents::open(&file, self.progress)?);
        }
    }
}

/// The documents of a file, one a line, or one over many lines.
struct Documents {
    path: PathBuf,
    lines: Box<dyn BufRead>,
    line: u64,
}

impl Documents {
    /// Opens a file, plain or compressed; `-` is standard input. The bytes read from it move `progress` on.
    ///
    /// # Errors
    /// When it does not open.
    fn open(path: &Path, progress: &ProgressBar) -> Result<Self, SourceError> {
        let lines = open_lines(path, progress).map_err(SourceError::read(path))?;
        Ok(Self { path: path.to_owned(), lines, line: 0 })
    }

    /// The file and the line that was read last, for a person.
    fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.line)
    }

    /// Reads the next document into `text`, without the space around it; false at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, or no document is so long.
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, SourceError> {
        loop {
            text.clear();
            self.line += 1;
            if self.read_line(text)? == 0 {
                return Ok(false);
            }
            // A document that is laid out for people has the whole file.
            if self.line == 1 && text.trim_ascii() == b"{" {
                while self.read_line(text)? > 0 {}
            }
            let trimmed = text.trim_ascii();
            if !trimmed.is_empty() {
                // The hash of a document depends on nothing around it.
                *text = trimmed.to_vec();
                return Ok(true);
            }
        }
    }

    /// Appends a line; hands back how many bytes it has.
    fn read_line(&mut self, text: &mut Vec<u8>) -> Result<usize, SourceError> {
        // One byte more than allowed tells a document that is too long.
        let left = DOCUMENT_BYTES_MAX.saturating_sub(text.len()) as u64 + 1;
        let read = self.lines.by_ref().take(left).read_until(b'\n', text);
        let read = read.map_err(SourceError::read(&self.path))?;
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(SourceError::TooLong { path: self.path.clone(), line: self.line });
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documents of a file with this content.
    fn documents(content: &[u8]) -> Result<Vec<String>, SourceError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let mut documents = Documents::open(file.path(), &ProgressBar::hidden())?;
        let (mut text, mut found) = (Vec::new(), Vec::new());
        while documents.next(&mut text)? {
            found.push(String::from_utf8(text.clone()).unwrap());
        }
        Ok(found)
    }

    #[test]
    fn every_line_is_a_document() {
        assert_eq!(documents(b"{\"a\":1}\n\n{\"a\":2} \r\n").unwrap(), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(documents(b"").unwrap(), [""; 0]);
    }

    #[test]
    fn a_document_may_be_laid_out_for_people() {
        assert_eq!(documents(b"{\n  \"a\": 1\n}\n").unwrap(), ["{\n  \"a\": 1\n}"]);
    }

    #[test]
    fn a_line_that_no_document_has_is_refused() {
        let error = documents(&vec![b' '; DOCUMENT_BYTES_MAX + 1]).unwrap_err();
        assert!(matches!(error, SourceError::TooLong { line: 1, .. }), "{error}");
    }

    /// A failure document of a delivery stream that arrived then.
    fn arrived(milliseconds: i64) -> String {
        format!(r#"{{"arrivalTimestamp":{milliseconds},"errorCode":"E","rawData":""}}"#)
    }

    /// A batch that a mapping gave up.
    fn discarded(first: u64) -> String {
        format!(
            r#"{{"KinesisBatchInfo":{{"shardId":"s","startSequenceNumber":"{first}","endSequenceNumber":"9","batchSize":1,"streamArn":"arn:stream/a"}}}}"#
        )
    }

    #[test]
    fn files_are_in_the_order_of_their_records() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/second", &arrived(2));
        write("b/first", &arrived(1));
        write("c/fourth", &discarded(10));
        write("d/third", &discarded(9));
        write(".unfinished", "x");
        write("journal", "x");
        let found = files(&[folder.path().to_owned()], &folder.path().join("journal")).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["first", "second", "third", "fourth"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = files(&["nowhere".into()], Path::new("journal")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read nowhere");
    }
}
