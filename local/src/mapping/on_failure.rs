//! Where the documents go of records that were given up: the on-failure destination.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bucket::{Bucket, PutError};

/// An on-failure destination.
#[derive(Debug)]
pub(crate) enum OnFailure {
    /// A bucket: an object for each batch, with the event.
    S3(Bucket),
    /// An SQS queue: a message for each batch, without the event.
    Queue(Messages),
    /// An SNS topic: a message for each batch, without the event.
    Topic(Messages),
}

/// A folder that stands for a queue or a topic: a file for each message, `1.json` the first.
#[derive(Debug)]
pub(crate) struct Messages {
    folder: PathBuf,
    /// Messages of this mapping. Others may send to the same folder.
    sent: AtomicU64,
}

impl Messages {
    /// Messages in `folder`, which is made with the first of them.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder, sent: AtomicU64::new(0) }
    }

    /// Writes a message behind those that are there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn send(&self, body: &[u8]) -> Result<(), PutError> {
        let failed = |source| PutError::Write { path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        // Numbers ascend, and each is somebody's: the loop ends at the first that is nobody's.
        loop {
            let number = self.sent.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            let path = self.folder.join(format!("{number}.json"));
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let written = match file {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file.and_then(|mut file| file.write_all(body)),
            };
            return written.map_err(|source| PutError::Write { path, source });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_several_mappings_are_counted_together() {
        let folder = tempfile::tempdir().unwrap();
        let queue = folder.path().join("queue");
        let (one, other) = (Messages::new(queue.clone()), Messages::new(queue.clone()));
        for (messages, body) in [(&one, "a"), (&other, "b"), (&one, "c")] {
            messages.send(body.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(queue.join(name)).unwrap();
        assert_eq!(["1.json", "2.json", "3.json"].map(read), ["a", "b", "c"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = Messages::new(folder.path().join("file")).send(b"a").unwrap_err();
        assert!(error.to_string().ends_with("/file"), "{error}");
    }
}
