//! The data streams of a live run, and who reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrokinesis::store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::status::StreamStatus;
use crate::stream::StreamRecord;
use crate::streams::{self, End, Position, ShardConsumer, Source};

/// How often is looked for records to show in a shard that had nothing new: a person takes it for at once.
const TAIL_POLL: Duration = Duration::from_millis(100);
/// How long consumers have at the end to be done with what there is.
const FINISH_MAX: Duration = Duration::from_secs(30);
/// Records that wait for who shows them.
const TAILED_MAX: usize = 256;

/// The data streams. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Streams {
    store: Store,
}

impl Streams {
    /// The streams of this store.
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Has a stream read from a position on, until the reader is stopped or dropped. A stream that is not there yet is
    /// waited for; a shard that had nothing new is looked at again after the interval.
    pub(crate) fn read<C: ShardConsumer>(
        &self,
        stream: &str,
        (position, poll_interval): (Position, Duration),
        consumer: C,
    ) -> Reader {
        let (over, shutdown) = watch::channel(false);
        let source = Source {
            store: self.store.clone(),
            stream: stream.to_owned(),
            position,
            poll_interval,
            finish_max: FINISH_MAX,
        };
        Reader { over, task: tokio::spawn(streams::read(source, consumer, shutdown)) }
    }

    /// The records of a stream from now on; `None` when there is none of that name.
    pub(crate) async fn tail(&self, stream: &str) -> Option<(mpsc::Receiver<StreamRecord>, Reader)> {
        self.store.get_stream(stream).await.ok()?;
        let (records, received) = mpsc::channel(TAILED_MAX);
        Some((received, self.read(stream, (Position::Latest, TAIL_POLL), Show(records))))
    }

    /// What the streams hold, by name.
    pub(crate) async fn status(&self) -> BTreeMap<String, StreamStatus> {
        let mut status = BTreeMap::new();
        for name in self.store.list_stream_names().await {
            let Ok(stream) = self.store.get_stream(&name).await else { continue };
            let open = stream
                .shards
                .iter()
                .filter(|shard| shard.sequence_number_range.ending_sequence_number.is_none());
            let mut records = 0;
            for shard in 0..i64::try_from(stream.shards.len()).unwrap_or_default() {
                // The first record of a shard has the number behind that of the shard itself.
                records += self.store.current_shard_seq(&name, shard).await.saturating_sub(1);
            }
            status.insert(name, StreamStatus { open_shards: open.count() as u64, records });
        }
        status
    }
}

/// A stream that is read. Dropping it abandons what is in hand.
#[derive(Debug)]
pub(crate) struct Reader {
    over: watch::Sender<bool>,
    task: JoinHandle<End>,
}

impl Reader {
    /// Reads what there is, waits until the consumer is done with it, and ends.
    pub(crate) async fn stop(&mut self) {
        self.over.send_replace(true);
        // A task that was aborted has ended as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes records on to who shows them.
#[derive(Debug, Clone)]
struct Show(mpsc::Sender<StreamRecord>);

impl ShardConsumer for Show {
    async fn consume(&self, _shard_id: String, mut records: mpsc::Receiver<StreamRecord>) {
        while let Some(record) = records.recv().await {
            // Who showed them has gone.
            if self.0.send(record).await.is_err() {
                return;
            }
        }
    }
}
