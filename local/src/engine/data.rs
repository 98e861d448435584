//! The folder of a run: what S3, DynamoDB, the queues and topics and the logs would hold.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::bucket::Bucket;
use crate::mapping::{Messages, OnFailure};
use crate::template::{self, Stack};

/// The folder of the buckets in that of a live run.
const BUCKETS: &str = "s3";
/// The folder of the logs.
const LOGS: &str = "logs";
/// The file that a live run holds. It is empty, and stays.
const LOCK: &str = "lock";

/// The folder of a live run cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    /// The system refuses.
    #[error("cannot use the folder {}", .folder.display())]
    System {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Two runs would write the same tables and objects.
    #[error("expected a data folder that no other `tapeline up` uses, was {}: choose another with --data", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

/// The folder of a run. Clones are of the same.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    folder: PathBuf,
    buckets: PathBuf,
    /// Keeps other live runs out as long as anybody of this one may write; `None` in a replay, which has its folder empty.
    _lock: Option<Arc<File>>,
}

impl Data {
    /// The folder of a replay: the buckets are in it, side by side with the rest.
    pub(crate) fn of_replay(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), buckets: folder.to_owned(), _lock: None }
    }

    /// The folder of a live run: the buckets are in a folder of their own, which is what S3 lists. It is made where it is
    /// missing, with the template's buckets; everything in it stays from run to run. It is of this run alone until the
    /// last clone is dropped, or the process ends in whatever way.
    ///
    /// # Errors
    /// When the system refuses, or another run uses the folder.
    pub(crate) fn open(folder: &Path, stack: &Stack) -> Result<Self, DataError> {
        let lock = lock(folder)?;
        let data =
            Self { folder: folder.to_owned(), buckets: folder.join(BUCKETS), _lock: Some(Arc::new(lock)) };
        data.make(stack).map_err(|source| DataError::System { folder: folder.to_owned(), source })?;
        Ok(data)
    }

    /// Makes the folders in it.
    fn make(&self, stack: &Stack) -> io::Result<()> {
        fs::create_dir_all(self.logs())?;
        fs::create_dir_all(self.buckets())?;
        stack.buckets.iter().try_for_each(|bucket| fs::create_dir_all(self.buckets.join(&bucket.name)))
    }

    /// The folder of the buckets, each a folder of its own in it.
    pub(crate) fn buckets(&self) -> &Path {
        &self.buckets
    }

    /// An on-failure destination.
    pub(crate) fn on_failure(&self, destination: &template::OnFailure) -> OnFailure {
        match destination {
            template::OnFailure::S3 { bucket } => OnFailure::S3(Bucket::named(&self.buckets, bucket)),
            template::OnFailure::Sqs { queue } => OnFailure::Queue(self.messages("sqs", queue)),
            template::OnFailure::Sns { topic } => OnFailure::Topic(self.messages("sns", topic)),
        }
    }

    fn messages(&self, service: &str, name: &str) -> Messages {
        Messages::new(self.folder.join(service).join(name))
    }

    /// The database of the tables.
    pub(crate) fn tables(&self) -> PathBuf {
        self.folder.join("tables.sqlite")
    }

    /// The folder of the functions' logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join(LOGS)
    }

    /// The file of a function's log.
    pub(crate) fn log_of(&self, function: &str) -> PathBuf {
        self.logs().join(format!("{function}.log"))
    }
}

/// Makes a folder, and has it for this process alone as long as the file is open.
fn lock(folder: &Path) -> Result<File, DataError> {
    let failed = |source| DataError::System { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_one_run_until_all_of_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Data::open(folder.path(), &Stack::default());
        let data = open().unwrap();
        let clone = data.clone();
        drop(data);
        assert!(matches!(open(), Err(DataError::InUse { .. })));
        drop(clone);
        open().unwrap();
    }
}
