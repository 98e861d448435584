//! A place in one shard, and what is read from there.
//!
//! The store numbers the records of a shard without gaps, but a number is given before its record is there: a record may
//! become visible behind one with a higher number. Whoever only asks for what is behind the last record would lose it. So a
//! cursor knows which number is next, and where one is missing it waits until whoever was given it has had time enough to
//! put the record, or was refused.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::sequence::{self, SeqObj};
use ferrokinesis::store::Store;
use ferrokinesis::types::{Shard, StoredRecord};
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::stream::StreamRecord;

/// Records that are read at once. They are copies of what the store holds, whose bytes are bounded.
const READ_RECORDS_MAX: usize = 500;
/// How long a missing record is waited for. Putting takes as long as other requests hold the store, some milliseconds each.
const GAP_MAX: Duration = Duration::from_secs(1);
/// The store's number of a shard's first record.
const FIRST: u64 = 1;

/// Where in a shard reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At its first record that arrived at this time or later.
    From(Timestamp),
    /// Behind its last record.
    Tip,
}

/// A place in a shard.
pub(super) struct Cursor {
    store: Store,
    stream: String,
    shard_id: String,
    /// The store's number of the shard.
    shard: i64,
    /// When the shard was made, in ms: a part of all its sequence numbers.
    created_ms: u64,
    /// Records that arrived before are passed over.
    from: Timestamp,
    /// Number of the next record.
    next: u64,
    /// Records with lower numbers are there, or never will be.
    settled: u64,
    /// Numbers below were given by then.
    doubt: Option<(u64, Instant)>,
}

impl Cursor {
    /// A cursor at the start of a shard; `None` when the store's description of it cannot be read.
    pub(super) async fn new(store: &Store, stream: &str, shard: &Shard, start: Start) -> Option<Self> {
        let (shard_id, number) = sequence::resolve_shard_id(&shard.shard_id).ok()?;
        let first = sequence::parse_sequence(&shard.sequence_number_range.starting_sequence_number).ok()?;
        let (from, next) = match start {
            Start::From(from) => (from, FIRST),
            Start::Tip => (Timestamp::MIN, store.current_shard_seq(stream, number).await),
        };
        Some(Self {
            store: store.clone(),
            stream: stream.to_owned(),
            shard_id,
            shard: number,
            created_ms: first.shard_create_time,
            from,
            next,
            settled: next,
            doubt: None,
        })
    }

    /// Id of the shard.
    pub(super) fn shard_id(&self) -> &str {
        &self.shard_id
    }

    /// Reads on: what is there behind the last record, up to the first that may still come. Nothing at the tip.
    pub(super) async fn read(&mut self) -> Vec<StreamRecord> {
        let found = self.found().await;
        if found.is_empty() {
            self.next = self.next.max(self.settled);
        }
        let mut records = Vec::with_capacity(found.len());
        for (key, stored) in found {
            let Some((number, sequence_number)) = self.numbered(&key) else {
                // Nothing more comes of this shard.
                self.next = u64::MAX;
                break;
            };
            if number > self.next.max(self.settled) {
                break;
            }
            self.next = number.saturating_add(1);
            records.extend(self.record(sequence_number, stored));
        }
        if records.is_empty() {
            self.settle().await;
        }
        records
    }

    /// Whether no record is missing between the cursor and the tip.
    pub(super) async fn is_at_tip(&self) -> bool {
        self.next >= self.tip().await
    }

    /// The number that the next record is given that is put.
    async fn tip(&self) -> u64 {
        self.store.current_shard_seq(&self.stream, self.shard).await
    }

    /// Notes since when numbers were given whose records are missing, and at last gives them up.
    async fn settle(&mut self) {
        let tip = self.tip().await;
        self.doubt = match self.doubt {
            _ if self.next >= tip => None,
            None => Some((tip, Instant::now())),
            Some((given, since)) if since.elapsed() >= GAP_MAX => {
                self.settled = self.settled.max(given);
                None
            }
            doubt => doubt,
        };
    }

    /// What the store has from the next number on.
    async fn found(&self) -> Vec<(String, StoredRecord)> {
        let lowest = sequence::stringify_sequence(&SeqObj {
            shard_create_time: self.created_ms,
            seq_ix: Some(self.next),
            byte1: None,
            seq_time: Some(0),
            seq_rand: None,
            shard_ix: self.shard,
            version: 2,
        });
        let start = format!("{}/{lowest}", sequence::shard_ix_to_hex(self.shard));
        let end = sequence::shard_ix_to_hex(self.shard.saturating_add(1));
        range(&self.store, &self.stream, (&start, &end), READ_RECORDS_MAX).await
    }

    /// Number and sequence number of a record of this shard; `None` for one of a stream that came after under its name.
    fn numbered<'k>(&self, key: &'k str) -> Option<(u64, &'k str)> {
        let (_, sequence_number) = key.split_once('/')?;
        let parts = sequence::parse_sequence(sequence_number).ok()?;
        let is_of_shard = parts.shard_create_time == self.created_ms;
        parts.seq_ix.filter(|_| is_of_shard).map(|number| (number, sequence_number))
    }

    fn record(&self, sequence_number: &str, stored: StoredRecord) -> Option<StreamRecord> {
        let arrival = arrival(&stored);
        // Its data was checked to be base64 when it was put.
        let data = STANDARD.decode(&stored.data).ok()?;
        (arrival >= self.from).then(|| StreamRecord {
            arrival,
            shard_id: self.shard_id.clone(),
            sequence_number: sequence_number.to_owned(),
            partition_key: stored.partition_key,
            data,
        })
    }
}

/// When a record arrived, to the second.
pub(super) fn arrival(stored: &StoredRecord) -> Timestamp {
    let since = SignedDuration::try_from_secs_f64(stored.approximate_arrival_timestamp);
    let arrival = since.ok().and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok());
    arrival.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Reads records of a shard from the store, by their keys.
pub(super) async fn range(
    store: &Store,
    stream: &str,
    (start, end): (&str, &str),
    records_max: usize,
) -> Vec<(String, StoredRecord)> {
    loop {
        let read = store.get_records_range_limited(stream, start, end, records_max);
        // The store waits for the shard with a lock of its map in hand, on which a writer blocks its whole thread, and us
        // with it if we were to go on there. So we never wait inside: what is not there at once is asked for again.
        if let Some(records) = tokio::task::unconstrained(read).now_or_never() {
            return records;
        }
        tokio::task::yield_now().await;
    }
}
