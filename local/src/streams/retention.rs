//! Keeps the streams of the Kinesis endpoint in bounds: where they fill the memory they may take, the oldest records go.
//!
//! The store refuses what does not fit any more. On a run that goes on for days every stream would come to that, unless
//! somebody let old records go long before their retention ends, as if it were shorter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferrokinesis::sequence;
use ferrokinesis::store::Store;
use ferrokinesis::types::StoredRecord;
use jiff::Timestamp;

use super::cursor::{arrival, range};

/// How often is looked. The quarter that is free then takes what a fast producer puts in between.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Records of a shard that are looked at together.
const READ_RECORDS_MAX: usize = 256;
/// What a stored record takes besides its key and data: lengths and time.
const FRAME_BYTES: usize = 14;

/// Lets records go. Clones share their count.
#[derive(Clone)]
pub(crate) struct Retention {
    store: Store,
    bytes_max: u64,
    records_gone: Arc<AtomicU64>,
}

/// A record that may go.
struct Oldest {
    arrival: Timestamp,
    key: String,
    stream: String,
    bytes: u64,
}

impl Retention {
    /// Keeps a store that takes at most `bytes_max` below three quarters of that.
    pub(crate) fn new(store: Store, bytes_max: u64) -> Self {
        Self { store, bytes_max, records_gone: Arc::default() }
    }

    /// How many records went before their time.
    pub(crate) fn records_gone(&self) -> u64 {
        self.records_gone.load(Ordering::Relaxed)
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            self.sweep().await;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Lets the oldest records go when three quarters are full, until five eighths are.
    async fn sweep(&self) {
        let eighth = self.bytes_max / 8;
        if self.bytes() <= eighth.saturating_mul(6) {
            return;
        }
        loop {
            let excess = self.bytes().saturating_sub(eighth.saturating_mul(5));
            if excess == 0 || !self.let_go(excess).await {
                return;
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.store.metrics().retained_bytes()
    }

    /// Lets records of so many bytes go, or as many as can be told to be the oldest. False when there are none.
    async fn let_go(&self, bytes: u64) -> bool {
        let mut freed = 0_u64;
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for oldest in self.oldest().await {
            if freed >= bytes {
                break;
            }
            freed = freed.saturating_add(oldest.bytes);
            keys.entry(oldest.stream).or_default().push(oldest.key);
        }
        for (stream, keys) in &keys {
            self.store.delete_record_keys(stream, keys).await;
            self.records_gone.fetch_add(keys.len() as u64, Ordering::Relaxed);
        }
        freed > 0
    }

    /// Records of all streams, the oldest first, up to where a shard was not read any further.
    async fn oldest(&self) -> Vec<Oldest> {
        let (mut found, mut known_to) = (Vec::new(), Timestamp::MAX);
        for stream in self.store.list_stream_names().await {
            let Ok(description) = self.store.get_stream(&stream).await else { continue };
            for shard in &description.shards {
                let Ok((_, number)) = sequence::resolve_shard_id(&shard.shard_id) else { continue };
                let start = format!("{}/", sequence::shard_ix_to_hex(number));
                let end = sequence::shard_ix_to_hex(number.saturating_add(1));
                let records = range(&self.store, &stream, (&start, &end), READ_RECORDS_MAX).await;
                if let (READ_RECORDS_MAX, Some((_, last))) = (records.len(), records.last()) {
                    known_to = known_to.min(arrival(last));
                }
                found.extend(records.into_iter().map(|(key, stored)| oldest(&stream, key, &stored)));
            }
        }
        found.retain(|oldest| oldest.arrival <= known_to);
        found.sort_by(|one, other| (one.arrival, &one.key).cmp(&(other.arrival, &other.key)));
        found
    }
}

fn oldest(stream: &str, key: String, stored: &StoredRecord) -> Oldest {
    let bytes = stored.partition_key.len() + stored.data.len() + FRAME_BYTES;
    Oldest { arrival: arrival(stored), key, stream: stream.to_owned(), bytes: bytes as u64 }
}

#[cfg(test)]
mod tests;
