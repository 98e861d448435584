//! The folder that a run writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::engine::Data;

/// The file that marks a folder as one of an earlier run, and tells what that run did.
pub(crate) const SUMMARY: &str = "summary.json";

/// The folder cannot be used.
#[derive(Debug, Error)]
pub(crate) enum FolderError {
    /// There is something of the user's in it.
    #[error("{} must be empty, new, or of an earlier run: choose another folder with --out", .folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refuses.
    #[error("cannot prepare the folder {}", .folder.display())]
    Prepare {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Makes the folder, empty. That of an earlier run is replaced; any other that is not empty is left alone.
///
/// # Errors
/// See [`FolderError`].
pub(crate) fn prepare(folder: &Path) -> Result<(), FolderError> {
    let failed = |source| FolderError::Prepare { folder: folder.to_owned(), source };
    let entries = entries(folder).map_err(failed)?;
    if !entries.is_empty() && !is_of_an_earlier_run(folder, &entries) {
        return Err(FolderError::NotOurs { folder: folder.to_owned() });
    }
    fs::create_dir_all(folder).map_err(failed)?;
    // The mark stands from the start: a run that was broken off can be replaced as well.
    fs::write(folder.join(SUMMARY), "{\"finished\":false}\n").map_err(failed)?;
    for entry in entries.iter().filter(|entry| entry.is_folder) {
        fs::remove_dir_all(&entry.path).map_err(failed)?;
    }
    fs::create_dir_all(Data::of_replay(folder).logs()).map_err(failed)
}

/// Something in a folder.
struct Entry {
    path: PathBuf,
    is_folder: bool,
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok(Entry { path: entry.path(), is_folder: entry.file_type()?.is_dir() })
    };
    entries.map(entry).collect()
}

/// A run writes folders and one file, the summary. A summary of something else has no `finished`.
fn is_of_an_earlier_run(folder: &Path, entries: &[Entry]) -> bool {
    let summary = folder.join(SUMMARY);
    let is_ours = || {
        let summary = fs::read(&summary).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        summary.is_some_and(|summary| summary.get("finished").is_some_and(Value::is_boolean))
    };
    entries.iter().all(|entry| entry.is_folder || entry.path == summary) && is_ours()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_an_earlier_run_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out");
        prepare(&folder).unwrap();
        fs::create_dir(folder.join("old-bucket")).unwrap();
        prepare(&folder).unwrap();
        assert!(!folder.join("old-bucket").exists() && folder.join(SUMMARY).exists());
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(prepare(folder.path()), Err(FolderError::NotOurs { .. })));
        assert!(folder.path().join("thesis.tex").exists());
    }
}
