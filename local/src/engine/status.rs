//! What everything under way has done so far: what `tapeline up` shows, and `GET /_tapeline/status` answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What everything has done so far, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// When, in milliseconds since the epoch.
    pub(crate) at_ms: i64,
    /// Records that left their streams before their time, because these had no room for more.
    pub(crate) records_let_go: u64,
    /// Data streams.
    pub(crate) streams: BTreeMap<String, StreamStatus>,
    /// Delivery streams.
    pub(crate) delivery_streams: BTreeMap<String, DeliveryStatus>,
    /// Event source mappings, by their name in the template.
    pub(crate) mappings: BTreeMap<String, MappingStatus>,
    /// Functions.
    pub(crate) functions: BTreeMap<String, FunctionStatus>,
}

/// What a data stream holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamStatus {
    /// Shards that take records.
    pub(crate) open_shards: u64,
    /// Records that were put so far.
    pub(crate) records: u64,
}

/// What a delivery stream has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryStatus {
    /// Records taken from its source.
    pub(crate) records: u64,
    /// Bytes that wait in its buffers.
    pub(crate) buffered_bytes: u64,
    /// Invocations of its function.
    pub(crate) invocations: u64,
    /// Those that failed.
    pub(crate) invocations_failed: u64,
    /// Objects with records.
    pub(crate) objects: u64,
    /// Records that were kept as failure documents.
    pub(crate) records_failed: u64,
    /// Why it stopped; `None` while it runs.
    pub(crate) stopped: Option<String>,
}

/// What an event source mapping has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingStatus {
    /// Records taken from its stream.
    pub(crate) records: u64,
    /// Age of the oldest record that is not processed yet, in milliseconds.
    pub(crate) iterator_age_ms: u64,
    /// Invocations of its function.
    pub(crate) invocations: u64,
    /// Those that failed.
    pub(crate) invocations_failed: u64,
    /// Batches that were tried again.
    pub(crate) retries: u64,
    /// Records that a filter left out.
    pub(crate) filtered: u64,
    /// Records that were given up.
    pub(crate) discarded: u64,
}

/// What a function has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FunctionStatus {
    /// Invocations, whoever asked for them.
    pub(crate) invocations: u64,
    /// Those that failed.
    pub(crate) errors: u64,
    /// Those that were refused, because too many were under way.
    pub(crate) throttles: u64,
    /// Processes started.
    pub(crate) cold_starts: u64,
    /// Processes there are.
    pub(crate) processes: u64,
    /// Median of the durations, in microseconds.
    pub(crate) p50_us: u64,
    /// 99th percentile of the durations, in microseconds.
    pub(crate) p99_us: u64,
    /// The most memory that a process held, in bytes; absent where the system does not tell.
    pub(crate) peak_memory_bytes: Option<u64>,
}
