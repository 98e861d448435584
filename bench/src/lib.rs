//! What is measured: events, batches and bars that are the same every time, and the work on them.
//!
//! `tapeline-bench` (`make bench`) times that work beside peers and beside the floor; `tapeline-instructions`
//! (`make check-instructions`) runs it so often that its instructions can be counted.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a bench stops where something is not as it set it up"
)]

pub mod bars;
pub mod batches;
pub mod event;
pub mod fold;
