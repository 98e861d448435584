//! The feed as it is run: the real command between a test exchange that loses, repeats and refuses, and a Kinesis that
//! throttles, fails, hangs and goes away. Whatever happens, every trade that was made is in the stream.
#![cfg(unix)]

// Marked as tests so that the lints know: what is asserted here may panic.
#[cfg(test)]
#[path = "../common/binaries.rs"]
mod binaries;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod kinesis;
#[cfg(test)]
mod log;
#[cfg(test)]
#[path = "../common/process.rs"]
mod process;
#[cfg(test)]
mod put;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod trades;

/// How long anything may take. What takes as long has failed.
#[cfg(test)]
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);
