//! Trades to bars: the fold, its closing rules, and the state between two batches.

mod closed;

mod settings;

pub use closed::{ClosedBar, ClosedBy};

pub use settings::{BarSettings, Fill, INTERVALS_MAX, IntervalsError, Source};
