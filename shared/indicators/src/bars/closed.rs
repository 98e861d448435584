//! A bar that will not change any more.

use tapeline_market::Bar;

/// A closed bar, and what is known of how complete it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedBar {
    /// The bar.
    pub bar: Bar,
    /// How many trades (of klines: bars) are known to be missing, by the exchange's ids.
    pub missing: u64,
    /// Whether some are missing: in this bar, or between it and the one before.
    pub gap: bool,
    /// The first bar after a start in the middle of it: what came before the start is not in it.
    pub partial: bool,
    /// Nothing was traded: the previous close, without volume.
    pub filled: bool,
    /// What closed it.
    pub closed_by: ClosedBy,
}

/// What closed a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// A trade of a later bucket.
    Trade,
    /// The exchange's own closed bar.
    Kline,
    /// A frame whose event time lies past the bar's end and the grace.
    EventTime,
}

impl ClosedBy {
    /// Names the cause as rows do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Kline => "kline",
            Self::EventTime => "event_time",
        }
    }
}
