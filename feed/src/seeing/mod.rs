//! What the feed tells of itself: counts, metrics, logs, health, and a line on a terminal.

mod counts;

pub use counts::{Count, Counts, Gauge};
