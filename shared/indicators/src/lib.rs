//! Trades to bars, bars to technical indicators: incremental, serialisable, deterministic.
//!
//! A [`Lane`] folds what the exchange says of one symbol into bars; a [`Series`] takes the closed bars of one interval
//! and gives the values of a [`Plan`], which is read from text such as `sma(20) macd(12,26,9)`. Both are saved as bytes
//! and restored to the bit, at every bar. The crate is pure: no clock, no environment, no input or output; and only
//! `+ - * / sqrt` and comparisons touch a value, so the same bars give the same bytes on every machine.
//!
//! Every indicator is one file here and one line in `registry.rs`.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "oracles count bars in doubles, and TA-Lib in 32 bits"
    )
)]

#[macro_use]
mod registry;

mod bars;
mod directional;
mod indicator;
mod logarithm;
mod money_flow;
mod plan;
mod recent;
mod running;
mod series;
mod smoothing;
mod true_range;
mod windows;
mod wire;

macro_rules! modules {
    ($($module:ident::$indicator:ident;)*) => { $(mod $module;)* };
}

for_each_indicator!(modules);

#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;

pub use bars::*;
pub use plan::{MINIMAL, Plan, PlanError, Reset, STANDARD};
pub use registry::{DEFINITIONS, Definition, Parameter};
pub use series::{Seen, Series};
pub use wire::StateError;
