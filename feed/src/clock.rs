//! The time of now, for those at the edge: pure parts get it as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use tapeline_market::Timestamp;

/// The system's time. A clock outside of the calendar shows the epoch: it is of no use either way.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or_default();
    Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
}
