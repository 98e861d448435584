//! A bucket as a folder: the key is the path.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// A folder that stands for a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    folder: PathBuf,
}

/// An object cannot be written.
#[derive(Debug, Error)]
pub(crate) enum PutError {
    /// The key leads out of the folder.
    #[error("expected an object key that stays inside of the bucket, was {key:?}")]
    Key {
        /// The key.
        key: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Bucket {
    /// A bucket in `folder`, which is made with the first object.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes an object: whole, or not at all.
    ///
    /// # Errors
    /// When the key is no path inside of the folder, or the file cannot be written.
    pub(crate) fn put(&self, key: &str, content: &[u8]) -> Result<(), PutError> {
        let is_inside = Path::new(key).components().all(|part| matches!(part, Component::Normal(_)));
        if key.is_empty() || key.contains('\\') || !is_inside {
            return Err(PutError::Key { key: key.to_owned() });
        }
        let path = self.folder.join(key);
        write_whole(&path, content).map_err(|source| PutError::Write { path, source })
    }
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_added_extension("unfinished");
    fs::write(&unfinished, content)?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::new(folder.path().join("archive"));
        bucket.put("market/kind=trade/a.parquet", b"content").unwrap();
        assert_eq!(fs::read(folder.path().join("archive/market/kind=trade/a.parquet")).unwrap(), b"content");
    }

    #[test]
    fn a_key_that_leads_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::new(folder.path().join("archive"));
        for key in ["../escape", "/etc/escape", "a/../../escape", "", "a\\b"] {
            assert!(matches!(bucket.put(key, b""), Err(PutError::Key { .. })), "{key:?}");
        }
    }
}
