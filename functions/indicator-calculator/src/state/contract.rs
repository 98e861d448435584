//! What every state store must do, whatever it keeps its items in.

use tapeline_market::Interval;

use super::{Condition, Item, ItemKey, Part, SaveError, StateStore, Write};

/// A write of the lane's `hot` item; its state tells the order.
pub(super) fn write(lane: &str, order: u64, condition: Condition) -> Write {
    let key = ItemKey { lane: lane.to_owned(), part: Part::Hot };
    Write { item: Item { key, order, state: order.to_be_bytes().to_vec() }, condition }
}

/// Holds an empty store to the port's contract.
pub(super) async fn check(store: &impl StateStore) {
    check_conditions(store).await;
    check_lost_answers(store).await;
    check_loads(store).await;
}

async fn outcome(store: &impl StateStore, write: Write) -> &'static str {
    match store.save(&write).await {
        Ok(()) => "written",
        Err(SaveError::Condition) => "refused",
        Err(SaveError::Store(error)) => panic!("{error}: {:?}", error.0),
    }
}

async fn check_conditions(store: &impl StateStore) {
    for (order, condition, expected) in [
        (7, Condition::Unchanged(6), "refused"),
        (7, Condition::Absent, "written"),
        (9, Condition::Absent, "refused"),
        (9, Condition::Unchanged(8), "refused"),
        (9, Condition::Unchanged(7), "written"),
        (8, Condition::NotBehind, "refused"),
        (9, Condition::NotBehind, "written"),
        (10, Condition::NotBehind, "written"),
    ] {
        let found = outcome(store, write("spot|A", order, condition)).await;
        assert_eq!(found, expected, "order {order}, {condition:?}");
    }
    assert_eq!(outcome(store, write("spot|B", 1, Condition::NotBehind)).await, "written");
}

/// The store cannot know that an earlier attempt was its own; that the very same item is stored is enough.
async fn check_lost_answers(store: &impl StateStore) {
    for condition in [Condition::Absent, Condition::Unchanged(9)] {
        assert_eq!(outcome(store, write("spot|A", 10, condition)).await, "written");
        let mut other = write("spot|A", 10, condition);
        other.item.state.push(0);
        assert_eq!(outcome(store, other).await, "refused");
    }
}

async fn check_loads(store: &impl StateStore) {
    let series = Item {
        key: ItemKey { lane: "spot|A".to_owned(), part: Part::Series(Interval::Month1) },
        order: u64::MAX,
        state: Vec::new(),
    };
    let save = Write { item: series.clone(), condition: Condition::Absent };
    assert_eq!(outcome(store, save).await, "written");
    let hot = write("spot|A", 10, Condition::Absent).item;
    let absent = ItemKey { lane: "spot|A".to_owned(), part: Part::Series(Interval::Minute1) };
    let keys = [hot.key.clone(), absent, series.key.clone()];
    let mut items = store.load(&keys).await.unwrap();
    items.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(items, [hot, series]);
    assert_eq!(store.load(&[]).await.unwrap(), []);
}
