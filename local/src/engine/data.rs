//! The folder of a run: what S3, DynamoDB, the queues and topics and the logs would hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bucket::Bucket;
use crate::mapping::{Messages, OnFailure};
use crate::template::{self, Stack};

/// The folder of the buckets in that of a live run.
const BUCKETS: &str = "s3";
/// The folder of the logs.
const LOGS: &str = "logs";

/// The folder of a run.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    folder: PathBuf,
    buckets: PathBuf,
}

impl Data {
    /// The folder of a replay: the buckets are in it, side by side with the rest.
    pub(crate) fn of_replay(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), buckets: folder.to_owned() }
    }

    /// The folder of a live run: the buckets are in a folder of their own, which is what S3 lists. It is made where it is
    /// missing, with the template's buckets; everything in it stays from run to run.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn open(folder: &Path, stack: &Stack) -> io::Result<Self> {
        let data = Self { folder: folder.to_owned(), buckets: folder.join(BUCKETS) };
        fs::create_dir_all(data.logs())?;
        fs::create_dir_all(data.buckets())?;
        for bucket in &stack.buckets {
            fs::create_dir_all(data.buckets.join(&bucket.name))?;
        }
        Ok(data)
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
