//! Record bytes to exchange messages and back.
//!
//! The way of a record: [`framing`] finds the JSON documents in its bytes (plain, packed, compressed, aggregated),
//! [`binance`] reads each of them into a typed [`binance::Message`], [`encode`] writes that as a row of the wide
//! table. Everything is borrowed from the record, decimals travel as the digits in which they came, and every
//! refusal carries a [`Reason`]. The crate is pure: no clock, no environment, no input or output.

pub mod binance;
pub mod encode;
pub mod framing;
mod reason;

pub use reason::{DropReason, Reason};
