//! The folder that a run writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The folder of the functions' logs.
const LOGS: &str = "logs";
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
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if !is_empty && !folder.join(SUMMARY).is_file() {
        return Err(FolderError::NotOurs { folder: folder.to_owned() });
    }
    if !is_empty {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder.join(LOGS)).map_err(failed)?;
    // The mark stands from the start: a run that was broken off can be replaced as well.
    fs::write(folder.join(SUMMARY), "{\"finished\":false}\n").map_err(failed)
}

/// The file for a function's log.
pub(super) fn log_of(function: &str, folder: &Path) -> PathBuf {
    folder.join(LOGS).join(format!("{function}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_an_earlier_run_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out");
        prepare(&folder).unwrap();
        fs::write(folder.join("old"), "").unwrap();
        prepare(&folder).unwrap();
        assert!(!folder.join("old").exists() && folder.join(SUMMARY).exists());
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(prepare(folder.path()), Err(FolderError::NotOurs { .. })));
        assert!(folder.path().join("thesis.tex").exists());
    }
}
