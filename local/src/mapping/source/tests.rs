//! A mapping around a function in memory, with a folder as its on-failure destination.

mod batches;
mod discards;
mod failures;

use serde_json::Value;
use tempfile::TempDir;

use super::super::testing::{Closure, Reply, at, documents, settings};
use super::*;
use crate::bucket::Bucket;
use crate::stream::Shards;

/// A mapping with its shards and the folder of its destination.
struct World {
    folder: TempDir,
    shards: Shards,
    function: Closure,
    source: EventSource<Closure>,
}

impl World {
    fn new(
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = OnFailure::S3(Bucket::new(folder.path().to_owned()));
        Self::keeping(folder, bucket, change, answer)
    }

    fn keeping(
        folder: TempDir,
        on_failure: OnFailure,
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let function = Closure::new(answer);
        let source = EventSource::new(settings, function.clone(), Some(on_failure), at(0));
        Self { folder, shards: Shards::new(1), function, source }
    }

    /// Moves the clock to `seconds` behind the start and puts a record that arrives then.
    async fn put(&mut self, seconds: i64, key: &str, data: impl AsRef<[u8]>) {
        self.source.advance(at(seconds)).await.unwrap();
        let record = self.shards.record(key.to_owned(), data.as_ref().to_vec(), at(seconds));
        self.source.put(record).await.unwrap();
    }

    /// Puts the records `1` to `count` of one key and hands them over.
    async fn run(mut self, count: u32) -> Self {
        for number in 1..=count {
            self.put(0, "spot|BTCUSDT", number.to_string()).await;
        }
        self.source.finish().await.unwrap();
        self
    }

    fn counts(&self) -> Counts {
        self.source.counts()
    }

    /// The answered events, each as its texts with spaces between.
    fn events(&self) -> Vec<String> {
        self.function.events()
    }

    /// The documents of what was given up, by key.
    fn documents(&self) -> Vec<(String, Value)> {
        documents(self.folder.path())
    }
}

/// The sequence number of a record of [`World::run`].
fn sequence_number(number: u32) -> String {
    format!("49{number:054}")
}
