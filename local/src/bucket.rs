//! A bucket as a folder: the key is the path.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// The longest name of a file on common file systems. S3 has no such limit, only one of 1,024 bytes for the whole key.
const PART_BYTES_MAX: usize = 255;
/// How the name of a file begins while an object is written to it. No delivery stream names an object so.
pub(crate) const UNFINISHED: &str = ".unfinished-";
/// Objects that were begun. Delivery streams and mappings write into the same folders at the same time: each of their
/// objects needs a file of its own. What a run left behind that was killed is replaced by the next.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// A folder that stands for a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    folder: PathBuf,
    /// Name of the bucket inside of `folder`; `None` when that is the bucket itself.
    name: Option<String>,
}

/// An object cannot be written.
#[derive(Debug, Error)]
pub(crate) enum PutError {
    /// The key leads out of the folder, or no file can have its name.
    #[error(
        "expected an object key that is a path inside of the bucket with parts of at most {PART_BYTES_MAX} bytes, was {key:?}"
    )]
    Key {
        /// The key.
        key: String,
    },
    /// The bucket's name leads out of the folder of all buckets.
    #[error("expected a bucket name that a folder can have, was {name:?}")]
    Name {
        /// The name.
        name: String,
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
    #[cfg(test)]
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder, name: None }
    }

    /// The bucket of this name in the folder of all buckets.
    pub(crate) fn named(folder: &Path, name: &str) -> Self {
        Self { folder: folder.to_owned(), name: Some(name.to_owned()) }
    }

    /// Writes an object: whole, or not at all.
    ///
    /// # Errors
    /// When name or key is no path inside of the folder, or the file cannot be written.
    pub(crate) fn put(&self, key: &str, content: &[u8]) -> Result<(), PutError> {
        check_key(key)?;
        let path = self.place()?.join(key);
        write_whole(&path, content).map_err(|source| PutError::Write { path, source })
    }

    fn place(&self) -> Result<PathBuf, PutError> {
        let Some(name) = &self.name else { return Ok(self.folder.clone()) };
        if name.contains('/') || check_key(name).is_err() {
            return Err(PutError::Name { name: name.clone() });
        }
        Ok(self.folder.join(name))
    }
}

/// Refuses a key that no file below a folder can have.
///
/// # Errors
/// [`PutError::Key`].
pub(crate) fn check_key(key: &str) -> Result<(), PutError> {
    let is_file_name = |part: Component<'_>| match part {
        Component::Normal(name) => name.len() <= PART_BYTES_MAX,
        _ => false,
    };
    let is_inside = Path::new(key).components().all(is_file_name);
    if key.is_empty() || key.contains(['\\', '\0']) || !is_inside {
        return Err(PutError::Key { key: key.to_owned() });
    }
    Ok(())
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Instead of the name, not behind it: the longest name has no room for a mark.
    let number = BEGUN.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_file_name(format!("{UNFINISHED}{number}"));
    let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Why it was not written is told already.
        let _ = fs::remove_file(&unfinished);
    }
    written
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
    fn objects_that_are_written_to_a_folder_at_once_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let content = |writer: u8| vec![writer; 100_000];
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let bucket = Bucket::named(folder.path(), "archive");
                scope.spawn(move || {
                    for number in 0..20 {
                        bucket.put(&format!("errors/{writer}-{number}"), &content(writer)).unwrap();
                    }
                });
            }
        });
        let files = fs::read_dir(folder.path().join("archive/errors")).unwrap().map(Result::unwrap);
        let names = files.map(|file| {
            let name = file.file_name().into_string().unwrap();
            let writer = name.split('-').next().unwrap().parse().unwrap();
            assert!(fs::read(file.path()).unwrap() == content(writer), "{name}");
        });
        assert_eq!(names.count(), 160);
    }

    #[test]
    fn a_key_that_leads_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::new(folder.path().join("archive"));
        for key in ["../escape", "/etc/escape", "a/../../escape", "", "a\\b", "a\0b"] {
            assert!(matches!(bucket.put(key, b""), Err(PutError::Key { .. })), "{key:?}");
        }
    }

    #[test]
    fn a_bucket_is_a_folder_among_the_others() {
        let folder = tempfile::tempdir().unwrap();
        Bucket::named(folder.path(), "archive").put("a", b"content").unwrap();
        assert_eq!(fs::read(folder.path().join("archive/a")).unwrap(), b"content");
        for name in ["..", "", "a/b", "/etc"] {
            let put = Bucket::named(folder.path(), name).put("a", b"");
            assert!(matches!(put, Err(PutError::Name { .. })), "{name:?}");
        }
    }
}
