//! `tapeline up`: all of a template on this machine, behind the endpoints of AWS, until it is interrupted.

mod admin;
pub(crate) mod command;
mod opening;
mod screen;
mod terminal;

/// Where `tapeline up` listens unless it is told otherwise.
pub(crate) const PORT: u16 = 4580;
