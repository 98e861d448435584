//! The time of day, read where a frame comes in.

use std::time::{SystemTime, UNIX_EPOCH};

use tapeline_market::Timestamp;

/// The time of day. A clock that stands before 1970 or behind 9999 is taken for one at the epoch.
pub(super) fn wall_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or_default();
    Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
}
