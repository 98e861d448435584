//! What a process tells of itself: logs and metrics as lines of JSON on standard output, and errors with their causes.
//!
//! The functions, the feed and the `tapeline` command tell these in the same form, and the feed is to know nothing of Lambda:
//! so they stand in a crate of their own. What is told, and when, is its caller's business.

mod chain;
pub mod log;
pub mod metrics;

pub use chain::chain;
