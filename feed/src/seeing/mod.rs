//! What the feed tells of itself: counts, metrics, logs, health, and a line on a terminal.

mod counts;
pub mod health;
pub mod log;
pub mod metrics;
pub mod status;

pub use counts::{BILLED_BYTES, Count, Counts, Gauge};
