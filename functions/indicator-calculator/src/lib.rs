//! The indicator calculator: a batch of a Kinesis event source in, bars and indicators out.

pub mod fault;
pub mod publish;
pub mod state;

