//! What came of a warm-up into the store that the deployed calculator uses.
//!
//! Of a symbol whose frames the calculator has seen, only series are written, and none that is ahead of its lane: it would
//! have taken bars that the lane has yet to close, and those would never be published. Series are written first and the
//! hot item last, as the calculator does, so a warm-up that was broken off can be run again.

use std::collections::BTreeMap;

use indicator_calculator::state::{Condition, Item, ItemKey, Part, SaveError, StateStore, StoreError, Write};
use tapeline_indicators::{BarSettings, Lane};
use tapeline_market::{Interval, Timestamp};

use super::WarmUpError;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is stored.
    Written,
    /// It is stored, and its lane goes on as it was.
    Renewed,
    /// A newer one is stored.
    Behind,
    /// Its lane is not as far.
    Ahead,
}

impl Kept {
    /// Says it to a person.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Renewed => "written, up to where the stream is",
            Self::Behind => "left as it was, the stream is further",
            Self::Ahead => "left as it was, the stream is not as far",
        }
    }
}

/// The lanes that the store has.
pub(super) struct Begun<'b> {
    bars: &'b BarSettings,
    hot: BTreeMap<String, Item>,
}

impl<'b> Begun<'b> {
    /// Asks the store for these lanes.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn load(
        store: &impl StateStore,
        bars: &'b BarSettings,
        lanes: impl Iterator<Item = String>,
    ) -> Result<Self, StoreError> {
        let keys: Vec<_> = lanes.map(|lane| ItemKey { lane, part: Part::Hot }).collect();
        let items = store.load(&keys).await?.into_iter();
        Ok(Self { bars, hot: items.map(|item| (item.key.lane.clone(), item)).collect() })
    }

    /// Where the closed bars of a lane end; `None` for one that has not begun, or is not of this configuration.
    pub(super) fn closed_until(&self, lane: &str, interval: Interval) -> Option<Timestamp> {
        let lane = Lane::restore(&self.hot.get(lane)?.state, self.bars).ok()?;
        lane.closed_until(self.bars, interval)
    }

    /// Whether a lane goes on as it is stored. One that is stored to the letter is of an earlier run over the same files.
    fn goes_on(&self, lane: &str, items: &[Item]) -> bool {
        self.hot.get(lane).is_some_and(|hot| !items.contains(hot))
    }

    /// Whether a series has only bars that its lane has closed.
    fn is_ahead(&self, item: &Item) -> bool {
        let Part::Series(interval) = item.key.part else { return true };
        let open = i64::try_from(item.order).ok();
        let end = open.and_then(|open| open.checked_add(interval.length_us()?));
        let until = self.closed_until(&item.key.lane, interval);
        until.zip(end).is_none_or(|(until, end)| until.micros() < end)
    }
}

/// Writes items under their conditions.
///
/// # Errors
/// When the store fails.
pub(super) async fn keep(
    store: &impl StateStore,
    bars: &BarSettings,
    items: Vec<Item>,
) -> Result<BTreeMap<ItemKey, Kept>, WarmUpError> {
    let mut lanes: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        lanes.entry(item.key.lane.clone()).or_default().push(item);
    }
    let begun = Begun::load(store, bars, lanes.keys().cloned()).await?;
    let mut kept = BTreeMap::new();
    for (lane, mut items) in lanes {
        let goes_on = begun.goes_on(&lane, &items);
        items.retain(|item| !goes_on || item.key.part != Part::Hot);
        items.sort_by_key(|item| item.key.part == Part::Hot);
        for item in items {
            let key = item.key.clone();
            let outcome = if !goes_on {
                save(store, item).await?
            } else if begun.is_ahead(&item) {
                Kept::Ahead
            } else {
                match save(store, item).await? {
                    Kept::Written => Kept::Renewed,
                    other => other,
                }
            };
            kept.insert(key, outcome);
        }
    }
    Ok(kept)
}

/// Writes one item. A hot one of a lane that begins in this moment is left, and that is no loss: its bars of the time
/// before are in its series.
async fn save(store: &impl StateStore, item: Item) -> Result<Kept, WarmUpError> {
    let condition = if item.key.part == Part::Hot { Condition::Absent } else { Condition::NotBehind };
    let lane = item.key.lane.clone();
    match store.save(&Write { item, condition }).await {
        Ok(()) => Ok(Kept::Written),
        Err(SaveError::Condition) => Ok(Kept::Behind),
        Err(source) => Err(WarmUpError::Save { lane, source }),
    }
}

#[cfg(test)]
mod tests {
    use indicator_calculator::state::MemoryStore;
    use tapeline_market::Market;

    use super::*;

    const SERIES: Part = Part::Series(Interval::Minute1);

    fn bars() -> BarSettings {
        BarSettings::new(Market::Spot, tapeline_indicators::Source::Trade, &[Interval::Minute1]).unwrap()
    }

    fn item(part: Part, order: u64, state: &[u8]) -> Item {
        Item { key: ItemKey { lane: "spot|BTCUSDT".to_owned(), part }, order, state: state.into() }
    }

    /// A hot item whose closed bars end after so many minutes.
    fn hot(minutes: i64) -> Item {
        let mut lane = Lane::new(&bars());
        lane.begin_at(&bars(), |_| Timestamp::from_micros(minutes * 60_000_000).ok());
        item(Part::Hot, 1, &lane.save(&bars()).unwrap())
    }

    /// A series whose last bar begins after so many minutes.
    fn series(minutes: u64, state: &[u8]) -> Item {
        item(SERIES, minutes * 60_000_000, state)
    }

    /// Keeps a lane of ten minutes and its series where `stored` is; expects what becomes of the series, and what is
    /// stored then.
    async fn check(stored: &[Item], expected: Kept, then: &[Item]) {
        let store = MemoryStore::default();
        for item in stored {
            store.save(&Write { item: item.clone(), condition: Condition::Absent }).await.unwrap();
        }
        let kept = keep(&store, &bars(), vec![hot(10), series(9, b"ours")]).await.unwrap();
        assert_eq!(kept[&series(9, b"").key], expected);
        assert_eq!(store.items(), then);
    }

    #[tokio::test]
    async fn what_is_new_is_written_and_written_again() {
        let ours = [hot(10), series(9, b"ours")];
        check(&[], Kept::Written, &ours).await;
        check(&ours, Kept::Written, &ours).await;
        // A run that was broken off.
        check(&ours[1..], Kept::Written, &ours).await;
        check(&[series(8, b"old")], Kept::Written, &ours).await;
    }

    #[tokio::test]
    async fn a_lane_that_has_begun_goes_on_with_a_series_of_its_bars() {
        check(&[hot(11), series(9, b"old")], Kept::Renewed, &[hot(11), series(9, b"ours")]).await;
        check(&[hot(11)], Kept::Renewed, &[hot(11), series(9, b"ours")]).await;
    }

    #[tokio::test]
    async fn a_series_that_is_newer_stays() {
        check(&[series(10, b"new")], Kept::Behind, &[hot(10), series(10, b"new")]).await;
        check(&[hot(11), series(10, b"new")], Kept::Behind, &[hot(11), series(10, b"new")]).await;
    }

    #[tokio::test]
    async fn a_series_does_not_run_ahead_of_its_lane() {
        check(&[hot(9), series(8, b"old")], Kept::Ahead, &[hot(9), series(8, b"old")]).await;
        let unusable = item(Part::Hot, 7, b"of another version");
        let unusable = std::slice::from_ref(&unusable);
        check(unusable, Kept::Ahead, unusable).await;
    }
}
