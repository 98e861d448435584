//! What a template declares, under way.
//!
//! [`plan`] finds out what is run and what flows where, [`settings`] makes the template's words ready, and [`functions`]
//! starts the function binaries. Two ways run it: [`lock_step`] on one clock, one after another, so that the bytes that are
//! written follow from the records alone; and [`live`], on the clock of the system, everything in a task of its own.

mod data;
mod deliveries;
pub(crate) mod functions;
pub(crate) mod live;
mod live_delivery;
pub(crate) mod lock_step;
pub(crate) mod plan;
pub(crate) mod route;
pub(crate) mod settings;
pub(crate) mod status;
mod streams;
mod tailed;

pub(crate) use data::Data;
