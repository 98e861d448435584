//! The indicator calculator: a batch of a Kinesis event source in, bars and indicators out.
//!
//! The way of a batch: [`tapeline_lambda_wire::kinesis::Event`] -> lanes by (market, symbol), each in the order of the
//! exchange's ids -> what is stored of them, in one read -> a pure step -> rows to the output stream -> items to the state
//! table, each under a condition -> the first sequence number that must come again, if any.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
mod backoff;
mod batch;
mod calculate;
mod config;
pub mod fault;
mod group;
mod lane;
pub mod log;
pub mod publish;
mod report;
mod row;
pub mod state;
#[cfg(test)]
mod testing;

pub use calculate::{CalculateError, Calculated, Calculator};
pub use config::Config;
pub use lane::{first_writes, lane_key};
pub use report::{Refusal, Report};
pub use row::COLUMNS;
