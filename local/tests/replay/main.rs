//! `tapeline replay` as it is used: the real command with the real function binary, and with functions that misbehave.

// Marked as tests so that the lints know: what is asserted here may panic.
#[cfg(test)]
mod bars;
#[cfg(test)]
#[path = "../common/binaries.rs"]
mod binaries;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod edits;
#[cfg(test)]
#[cfg(unix)]
mod mapping;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod run;
#[cfg(test)]
#[cfg(unix)]
#[path = "../common/runtime_client.rs"]
mod runtime_client;
#[cfg(test)]
#[cfg(unix)]
mod stand_in;
#[cfg(test)]
mod warm_up;
