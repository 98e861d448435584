//! Each id once and in order: pure bookkeeping between sockets and sink.
//!
//! [`Identifier`] tells what a frame is, [`Sequencer`] drops what came before, holds newer frames back while a gap is
//! filled and says what is to be asked of the REST API. Neither knows a socket or a clock: the time is an argument, a
//! duration since some beginning that is always the same.

mod identify;
mod lane;
mod recent;
mod sequencer;

pub use identify::{Arrival, Identifier, Nature, is_sequenced};
pub use sequencer::{Answer, Ask, Content, Limits, Sequencer, Step, Why};

#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;
