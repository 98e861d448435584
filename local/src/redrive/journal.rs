//! The file that remembers which records were put, so that none is put twice.
//!
//! A line of it is the hash of a document and the place of a record in it. The first line names the destination: what was
//! put into one stream was not put into another. A line that was cut off by a crash stands for nothing.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Records that a journal holds: some 300 MB in memory.
const RECORDS_MAX: usize = 5_000_000;
/// Bytes of a line: the first has the longest names that streams have, and an address.
const LINE_BYTES_MAX: u64 = 4096;

/// A record by its document's hash and its place in it.
pub(super) type RecordId = (u128, u32);

/// The journal cannot be used.
#[derive(Debug, Error)]
pub(crate) enum JournalError {
    /// The system refuses.
    #[error("cannot use the journal {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another run uses it.
    #[error("the journal {} is in use by another run", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is of another destination.
    #[error("the journal {} must be of {expected}, was of {found:?}: name another with --journal", .path.display())]
    Destination {
        /// The file.
        path: PathBuf,
        /// Where records are to go.
        expected: String,
        /// Its first line.
        found: String,
    },
    /// A line is none of a journal.
    #[error("line {line} of the journal {} must be a hash and a number", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// It is full.
    #[error("expected at most {RECORDS_MAX} records in the journal {}: redrive another part of the folder with another journal", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
}

/// Which records were put.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// `None` when nothing is to be written.
    file: Option<File>,
    put: HashSet<RecordId>,
}

impl Journal {
    /// Opens the journal of a destination, and makes it where there is none.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub(super) fn open(path: &Path, destination: &str) -> Result<Self, JournalError> {
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        let mut journal = Self { path: path.to_owned(), file: None, put: HashSet::new() };
        let whole = journal.read(&file, Some(destination))?;
        let (mut file, head) = (file, format!("{destination}\n"));
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        if whole == 0 {
            file.write_all(head.as_bytes()).map_err(failed)?;
        }
        journal.file = Some(file);
        Ok(journal)
    }

    /// Reads a journal that may be there, whatever its destination, and writes nothing.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub(super) fn look(path: &Path) -> Result<Self, JournalError> {
        let mut journal = Self { path: path.to_owned(), file: None, put: HashSet::new() };
        match File::open(path) {
            Ok(file) => journal.read(&file, None).map(|_| journal),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(journal),
            Err(source) => Err(journal.failed(source)),
        }
    }

    /// Whether a record was put.
    pub(super) fn has(&self, record: RecordId) -> bool {
        self.put.contains(&record)
    }

    /// Notes records that were put, at once and for good.
    ///
    /// # Errors
    /// When they cannot be written, or are too many.
    pub(super) fn note(&mut self, records: &[RecordId]) -> Result<(), JournalError> {
        self.put.extend(records);
        self.check_size()?;
        let lines: String =
            records.iter().map(|(document, place)| format!("{document:032x} {place}\n")).collect();
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|source| self.failed(source))
    }

    /// Reads the lines; hands back how many bytes whole lines have.
    fn read(&mut self, file: &File, destination: Option<&str>) -> Result<u64, JournalError> {
        let (mut lines, mut whole, mut line) = (BufReader::new(file), 0, String::new());
        for number in 1.. {
            line.clear();
            let read = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            read.map_err(|source| self.failed(source))?;
            let Some(text) = line.strip_suffix('\n') else { break };
            if number == 1 {
                self.check_destination(text, destination)?;
            } else {
                let record =
                    parse(text).ok_or(JournalError::Line { path: self.path.clone(), line: number })?;
                self.put.insert(record);
                self.check_size()?;
            }
            whole += line.len() as u64;
        }
        Ok(whole)
    }

    fn check_destination(&self, found: &str, expected: Option<&str>) -> Result<(), JournalError> {
        match expected {
            Some(expected) if expected != found => Err(JournalError::Destination {
                path: self.path.clone(),
                expected: expected.to_owned(),
                found: found.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn check_size(&self) -> Result<(), JournalError> {
        let is_full = self.put.len() > RECORDS_MAX;
        if is_full { Err(JournalError::Full { path: self.path.clone() }) } else { Ok(()) }
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::File { path: self.path.clone(), source }
    }
}

fn parse(line: &str) -> Option<RecordId> {
    let (document, place) = line.split_once(' ')?;
    Some((u128::from_str_radix(document, 16).ok()?, place.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const STREAM: &str = "the stream frames in eu-central-1";

    /// A folder and the journal in it.
    fn journal() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        (folder, path)
    }

    #[test]
    fn what_was_noted_is_there_when_it_is_opened_again() {
        let (_folder, path) = journal();
        Journal::open(&path, STREAM).unwrap().note(&[(1, 0), (u128::MAX, 499)]).unwrap();
        let journal = Journal::open(&path, STREAM).unwrap();
        assert!(journal.has((1, 0)) && journal.has((u128::MAX, 499)) && !journal.has((1, 1)));
    }

    #[test]
    fn a_line_that_was_cut_off_stands_for_nothing() {
        let (_folder, path) = journal();
        fs::write(&path, format!("{STREAM}\n{:032x} 1\n{:032x} 1", 1, 2)).unwrap();
        let mut journal = Journal::open(&path, STREAM).unwrap();
        assert!(journal.has((1, 1)) && !journal.has((2, 1)));
        journal.note(&[(2, 12)]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{STREAM}\n{:032x} 1\n{:032x} 12\n", 1, 2));
    }

    #[test]
    fn a_journal_is_of_one_destination() {
        let (_folder, path) = journal();
        drop(Journal::open(&path, STREAM).unwrap());
        let error = Journal::open(&path, "the stream rows in eu-central-1").unwrap_err();
        assert!(matches!(&error, JournalError::Destination { found, .. } if found == STREAM), "{error}");
        assert!(Journal::look(&path).is_ok());
    }

    #[test]
    fn a_journal_is_of_one_run_at_a_time() {
        let (_folder, path) = journal();
        let _first = Journal::open(&path, STREAM).unwrap();
        assert!(matches!(Journal::open(&path, STREAM), Err(JournalError::Locked { .. })));
    }

    #[test]
    fn another_file_is_refused() {
        let (_folder, path) = journal();
        fs::write(&path, format!("{STREAM}\nnothing\n")).unwrap();
        assert!(matches!(Journal::open(&path, STREAM), Err(JournalError::Line { line: 2, .. })));
    }

    #[test]
    fn looking_makes_no_file() {
        let (_folder, path) = journal();
        assert!(!Journal::look(&path).unwrap().has((1, 0)));
        assert!(!path.exists());
    }
}
