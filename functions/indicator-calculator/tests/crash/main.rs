//! The built function, killed and failed in the middle of its work: what it publishes and remembers is what it would
//! have without.
//!
//! Lambda's side is played here: the Runtime API ([`function`]) and the event source mapping ([`mapping`]). The table
//! and the stream are embedded endpoints ([`services`]); every call to them passes a script that may lose it, refuse
//! it, hold it, or kill the process that made it ([`disturbance`]).

// Marked as tests so that the lints know: what is asserted here may panic.
#[cfg(test)]
mod cases;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod disturbance;
#[cfg(test)]
mod function;
#[cfg(test)]
mod mapping;
#[cfg(test)]
mod services;
#[cfg(test)]
mod session;
