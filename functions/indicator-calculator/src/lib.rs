//! The indicator calculator: a batch of a Kinesis event source in, bars and indicators out.

mod aws;
mod backoff;
pub mod fault;
pub mod publish;
pub mod state;

pub use aws::Aws;
