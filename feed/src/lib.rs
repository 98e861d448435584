//! The feed: frames from exchange sockets into a Kinesis data stream, not one trade missing.
//!
//! The way of a frame: [`exchange`] keeps the sockets and reads the REST API, [`sequence`] drops what came twice and
//! holds newer frames back until a gap is filled, [`sink`] packs frames into records and puts them, by way of the
//! disk while the stream does not take them. What the stream has taken moves the [`checkpoint`] on; the next start
//! goes on behind it. [`sequence`] and the deciding halves of [`sink`] are pure: they take the time as an argument and
//! do no input or output, so every fault is a test.

pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod exchange;
pub mod frame;
pub mod record;
pub mod run;
pub mod seeing;
pub mod sequence;
pub mod sink;
