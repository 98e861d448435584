//! Everything that is counted, shared by all parts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tapeline_codec::binance::Kind;

/// A number that only grows. Relaxed: a reader wants the value of about now, not an order between counts.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds some.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number so far.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to it; what is added may be negative.
    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number of now.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Frames that sockets handed over, equal ones and control messages too.
    pub frames_received: Count,
    /// Bytes of these.
    pub bytes_received: Count,
    /// Frames dropped because their ids had come before.
    pub frames_equal: Count,
    /// Control messages and other frames that tell nothing of a market.
    pub frames_control: Count,
    /// Frames passed on though no decoder knows them.
    pub frames_unknown: Count,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections opened in place of one that failed or went silent.
    pub reconnects: Count,
    /// Gaps that were filled whole.
    pub gaps_filled: Count,
    /// Frames that filled gaps.
    pub frames_filled: Count,
    /// Gaps, or parts of them, that were given up.
    pub gaps_unfilled: Count,
    /// Ids within these.
    pub ids_unfilled: Count,
    /// Frames held back while gaps are filled.
    pub frames_held_back: Gauge,
    /// When a socket handed over its last frame; microseconds since the epoch, 0 before the first.
    pub last_frame_us: Gauge,
    /// Frames that no record holds, and that were left out.
    pub frames_too_large: Count,
    /// Frames that the recording missed because the disk was too slow.
    pub frames_unrecorded: Count,
    /// Calls to the stream.
    pub calls: Count,
    /// Calls that failed as a whole.
    pub calls_failed: Count,
    /// Microseconds that calls took, together.
    pub call_us: Count,
    /// Records that the stream has taken.
    pub records_put: Count,
    /// Frames in these.
    pub frames_put: Count,
    /// Bytes of these records, partition keys included.
    pub bytes_put: Count,
    /// The same as an on-demand stream bills it: each record rounded up to [`BILLED_BYTES`].
    pub bytes_billed: Count,
    /// Entries that went again, whether their call failed or they alone were refused.
    pub records_retried: Count,
    /// When the stream took a record for the last time; microseconds since the epoch, 0 before the first.
    pub last_put_us: Gauge,
    /// Records in memory that the stream has not taken.
    pub records_waiting: Gauge,
    /// For how long the first of them has waited since it was received; microseconds.
    pub lag_us: Gauge,
    /// Bytes on the disk.
    pub spool_bytes: Gauge,
    /// How often the spool was full, so that frames had to wait before they were packed.
    pub spool_full: Count,
    /// Frames that the sink took, by kind, in the order of [`Kind::ALL`]; behind them those without a kind.
    frames: [Count; KINDS + 1],
}

/// The step in which an on-demand stream bills a record ("Amazon Kinesis Data Streams pricing").
pub const BILLED_BYTES: u64 = 1024;

const KINDS: usize = Kind::ALL.len();

impl Counts {
    /// Frames that the sink took of a kind; `None` are those without.
    pub fn frames(&self, kind: Option<Kind>) -> &Count {
        let place = kind.and_then(|kind| Kind::ALL.iter().position(|each| *each == kind));
        let [kinds @ .., without] = &self.frames;
        place.and_then(|place| kinds.get(place)).unwrap_or(without)
    }
}
