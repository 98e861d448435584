//! What came of a warm-up into the store that the deployed calculator uses.
//!
//! A lane that has begun is left alone as a whole: a series ahead of its lane would have taken bars that the lane has yet
//! to close, and those would never be published. Series are written first and the hot item last, as the calculator does,
//! so a warm-up that was broken off can be run again.

use std::collections::BTreeMap;

use indicator_calculator::state::{Condition, Item, ItemKey, Part, SaveError, StateStore, Write};

use super::WarmUpError;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is stored.
    Written,
    /// A newer one is stored.
    Behind,
    /// Its lane has begun: what is stored stays.
    Begun,
}

impl Kept {
    /// Says it to a person.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Behind => "left as it is: a newer one is stored",
            Self::Begun => "left as it is: its symbol has begun",
        }
    }
}

/// Writes the items of every lane that has not begun.
///
/// # Errors
/// When the store fails.
pub(super) async fn keep(
    store: &impl StateStore,
    items: Vec<Item>,
) -> Result<BTreeMap<ItemKey, Kept>, WarmUpError> {
    let hot: Vec<_> =
        items.iter().filter(|item| item.key.part == Part::Hot).map(|item| item.key.clone()).collect();
    let stored = store.load(&hot).await?;
    let mut lanes: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        lanes.entry(item.key.lane.clone()).or_default().push(item);
    }
    let mut kept = BTreeMap::new();
    for (lane, items) in lanes {
        // One that is stored to the letter is of an earlier run over the same files.
        let has_begun = stored.iter().any(|stored| stored.key.lane == lane && !items.contains(stored));
        let keys: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
        let all = if has_begun { vec![Kept::Begun; keys.len()] } else { keep_lane(store, items).await? };
        kept.extend(keys.into_iter().zip(all));
    }
    Ok(kept)
}

/// Writes the items of one lane; gives what became of each, in their order.
async fn keep_lane(store: &impl StateStore, items: Vec<Item>) -> Result<Vec<Kept>, WarmUpError> {
    let mut kept = vec![Kept::Written; items.len()];
    let mut places: Vec<_> = items.into_iter().zip(&mut kept).collect();
    places.sort_by_key(|(item, _)| item.key.part == Part::Hot);
    let mut has_begun = false;
    for (item, kept) in places {
        let is_hot = item.key.part == Part::Hot;
        let condition = if is_hot { Condition::Absent } else { Condition::NotBehind };
        let lane = item.key.lane.clone();
        match store.save(&Write { item, condition }).await {
            Ok(()) => {}
            // It began in this moment. Its series are ahead of it by bars that ended before.
            Err(SaveError::Condition) if is_hot => has_begun = true,
            Err(SaveError::Condition) => *kept = Kept::Behind,
            Err(source) => return Err(WarmUpError::Save { lane, source }),
        }
    }
    Ok(if has_begun { vec![Kept::Begun; kept.len()] } else { kept })
}

#[cfg(test)]
mod tests {
    use indicator_calculator::state::MemoryStore;
    use tapeline_market::Interval;

    use super::*;

    const SERIES: Part = Part::Series(Interval::Minute1);

    fn item(part: Part, order: u64, state: &str) -> Item {
        let key = ItemKey { lane: "spot|BTCUSDT".to_owned(), part };
        Item { key, order, state: state.into() }
    }

    /// Keeps a hot item and a series where `stored` is; expects what became of them, and what is stored then.
    async fn check(stored: &[Item], expected: [Kept; 2], states: &[&str]) {
        let store = MemoryStore::default();
        for item in stored {
            store.save(&Write { item: item.clone(), condition: Condition::Absent }).await.unwrap();
        }
        let kept = keep(&store, vec![item(Part::Hot, 1, "hot"), item(SERIES, 5, "series")]).await.unwrap();
        assert_eq!(kept.into_values().collect::<Vec<_>>(), expected);
        let found: Vec<_> =
            store.items().into_iter().map(|item| String::from_utf8(item.state).unwrap()).collect();
        assert_eq!(found, states);
    }

    #[tokio::test]
    async fn what_is_new_is_written_and_written_again() {
        check(&[], [Kept::Written; 2], &["hot", "series"]).await;
        let earlier = [item(Part::Hot, 1, "hot"), item(SERIES, 5, "series")];
        check(&earlier, [Kept::Written; 2], &["hot", "series"]).await;
        // A run that was broken off.
        check(&earlier[1..], [Kept::Written; 2], &["hot", "series"]).await;
    }

    #[tokio::test]
    async fn a_symbol_that_has_begun_is_left_alone() {
        check(&[item(Part::Hot, 7, "live")], [Kept::Begun; 2], &["live"]).await;
        check(&[item(Part::Hot, 7, "live"), item(SERIES, 4, "old")], [Kept::Begun; 2], &["live", "old"])
            .await;
    }

    #[tokio::test]
    async fn a_series_that_is_newer_is_left_alone() {
        check(&[item(SERIES, 4, "old")], [Kept::Written; 2], &["hot", "series"]).await;
        check(&[item(SERIES, 6, "new")], [Kept::Written, Kept::Behind], &["hot", "new"]).await;
    }
}
