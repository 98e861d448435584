//! Where the calculator keeps its state between invocations: the port, and its adapters.

#[cfg(test)]
mod contract;
#[cfg(feature = "aws")]
mod dynamodb;
mod memory;

use std::future::Future;

use tapeline_market::Interval;
use thiserror::Error;

#[cfg(feature = "aws")]
pub use dynamodb::DynamoDb;
pub use memory::{MemoryStore, StoreCall};

/// Names one item: a lane's own (`hot`), or the series of one of its intervals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    /// `market|symbol`.
    pub lane: String,
    /// Which of the lane's items.
    pub part: Part,
}

/// The items of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Open bars, watermark and version; written with every batch that changes them.
    Hot,
    /// Indicators and ring of one interval; written when a bar of that interval closes.
    Series(Interval),
}

impl Part {
    /// Names the part in keys: `hot`, or the interval as the exchange spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Series(interval) => interval.as_str(),
        }
    }

    /// Reads the name back; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::Hot.as_str() { Some(Self::Hot) } else { text.parse().ok().map(Self::Series) }
    }
}

/// One stored item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: ItemKey,
    /// What orders its writes: the version of a hot item, counted from 1; of a series, the open time of its last bar in
    /// microseconds.
    pub order: u64,
    /// The state, as the indicators crate encodes it.
    pub state: Vec<u8>,
}

/// One item to write, if its condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The item.
    pub item: Item,
    /// What must be stored for the write to happen.
    pub condition: Condition,
}

/// What must be stored for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: the item is new.
    Absent,
    /// An item of exactly this order: nobody wrote since it was loaded.
    Unchanged(u64),
    /// Nothing, or an item whose order is not above the new one: writing the same again changes nothing.
    NotBehind,
}

/// Loads and saves items. Reads are strongly consistent.
pub trait StateStore {
    /// Reads items, in any order; absent ones are left out. No key is given twice.
    ///
    /// # Errors
    /// When any of them could not be read, bounded retries included.
    fn load(&self, keys: &[ItemKey]) -> impl Future<Output = Result<Vec<Item>, StoreError>>;

    /// Writes one item if its condition holds.
    ///
    /// # Errors
    /// [`SaveError::Condition`] when it does not hold: nothing was written, and what is stored is another item than the
    /// one to write. (An item that is stored to the letter already counts as written: the answer to an earlier attempt
    /// may have been lost.)
    fn save(&self, write: &Write) -> impl Future<Output = Result<(), SaveError>>;
}

/// The store did not answer as it should, retries included. Trying again later may succeed.
#[derive(Debug, Error)]
#[error("the state store must answer")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// An item was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    /// What is stored is not what was loaded: another invocation was faster.
    #[error("the item must be as it was loaded")]
    Condition,
    /// The store failed; whether the item was written is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}
