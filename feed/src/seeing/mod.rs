//! What the feed tells of itself: counts, metrics, health, and a line on a terminal.

mod counts;
pub mod health;
pub mod metrics;
pub mod status;

pub use counts::{BILLED_BYTES, Count, Counts, Gauge};
