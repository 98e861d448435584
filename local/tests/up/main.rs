//! `tapeline up`, `tapeline tail` and `tapeline redrive` as they are used: the real command behind its port, with the real
//! functions or with ones that do what a test says, and raw requests as the clients of AWS make them.
#![cfg(unix)]

// Marked as tests so that the lints know: what is asserted here may panic.
#[cfg(test)]
mod aws;
#[cfg(test)]
#[path = "../common/binaries.rs"]
mod binaries;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod deployed;
#[cfg(test)]
mod destination;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod mappings;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
#[path = "../common/process.rs"]
mod process;
#[cfg(test)]
mod redrive;
#[cfg(test)]
mod resharding;
#[cfg(test)]
mod run;
#[cfg(test)]
#[path = "../common/runtime_client.rs"]
mod runtime_client;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tail;

/// How long anything may take. What takes as long has failed.
#[cfg(test)]
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
