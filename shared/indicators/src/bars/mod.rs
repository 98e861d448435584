//! Trades to bars: the fold, its closing rules, and the state between two batches.

mod closed;
mod lane;
mod open;
mod settings;

pub use closed::{ClosedBar, ClosedBy};
pub use lane::{ExchangeBar, Folded, Lane, Observation, Tally};
pub use settings::{BarSettings, Fill, INTERVALS_MAX, IntervalsError, Source, UnknownSource};
