//! One symbol's order book: price levels, and what changed since it was last told.
//!
//! Invariant: every bid is below every ask. The tape keeps it by quoting bids at most at the fair price and asks
//! above it; takers only remove.

use std::collections::BTreeMap;

/// Which side of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Those who want to buy.
    Bid,
    /// Those who want to sell.
    Ask,
}

/// A price in ticks and the quantity offered there in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// Price in ticks.
    pub(crate) price: i64,
    /// Quantity in steps; zero in an update says that the level is gone.
    pub(crate) quantity: i64,
}

/// The best level of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    /// Highest bid.
    pub(crate) bid: Level,
    /// Lowest ask.
    pub(crate) ask: Level,
}

/// Levels of both sides, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Id of the first change; that of the last one in a snapshot.
    pub(crate) first_update_id: i64,
    /// Id of the last change.
    pub(crate) last_update_id: i64,
    /// Highest price first.
    pub(crate) bids: Vec<Level>,
    /// Lowest price first.
    pub(crate) asks: Vec<Level>,
}

/// Quantities by price, for both sides.
#[derive(Debug, Default)]
struct Sides {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Sides {
    fn side(&self, side: Side) -> &BTreeMap<i64, i64> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, i64> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// The best `count` levels of each side.
    fn top(&self, count: usize) -> (Vec<Level>, Vec<Level>) {
        (
            self.bids.iter().rev().take(count).map(level).collect(),
            self.asks.iter().take(count).map(level).collect(),
        )
    }
}

/// The book and its unsent changes.
#[derive(Debug)]
pub(crate) struct Book {
    levels: Sides,
    changes: Sides,
    first_unsent_id: i64,
    update_id: i64,
}

impl Book {
    /// Opens an empty book whose next change is `update_id + 1`.
    pub(crate) fn new(update_id: i64) -> Self {
        Self {
            levels: Sides::default(),
            changes: Sides::default(),
            first_unsent_id: update_id + 1,
            update_id,
        }
    }

    /// Sets what is offered at a price; zero removes the level.
    pub(crate) fn set(&mut self, side: Side, level: Level) {
        let levels = self.levels.side_mut(side);
        match level.quantity {
            0 => levels.remove(&level.price),
            quantity => levels.insert(level.price, quantity),
        };
        self.changes.side_mut(side).insert(level.price, level.quantity);
        self.update_id += 1;
    }

    /// The best level of one side.
    pub(crate) fn best(&self, side: Side) -> Option<Level> {
        let levels = self.levels.side(side);
        match side {
            Side::Bid => levels.last_key_value(),
            Side::Ask => levels.first_key_value(),
        }
        .map(level)
    }

    /// The level of one side that is furthest from the other.
    pub(crate) fn worst(&self, side: Side) -> Option<Level> {
        let levels = self.levels.side(side);
        match side {
            Side::Bid => levels.first_key_value(),
            Side::Ask => levels.last_key_value(),
        }
        .map(level)
    }

    /// Number of levels of one side.
    pub(crate) fn depth(&self, side: Side) -> usize {
        self.levels.side(side).len()
    }

    /// Id of the last change.
    pub(crate) fn update_id(&self) -> i64 {
        self.update_id
    }

    /// The best bid and ask, once both exist.
    pub(crate) fn quote(&self) -> Option<Quote> {
        Some(Quote { bid: self.best(Side::Bid)?, ask: self.best(Side::Ask)? })
    }

    /// The best levels of both sides.
    pub(crate) fn snapshot(&self, count: usize) -> Levels {
        let (bids, asks) = self.levels.top(count);
        Levels { first_update_id: self.update_id, last_update_id: self.update_id, bids, asks }
    }

    /// Takes what changed since the last call; `None` if nothing did.
    pub(crate) fn take_changes(&mut self) -> Option<Levels> {
        if self.first_unsent_id > self.update_id {
            return None;
        }
        let (bids, asks) = std::mem::take(&mut self.changes).top(usize::MAX);
        let first_update_id = std::mem::replace(&mut self.first_unsent_id, self.update_id + 1);
        Some(Levels { first_update_id, last_update_id: self.update_id, bids, asks })
    }
}

fn level((&price, &quantity): (&i64, &i64)) -> Level {
    Level { price, quantity }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(price: i64, quantity: i64) -> Level {
        Level { price, quantity }
    }

    #[test]
    fn changes_are_told_once_and_best_first() {
        let mut book = Book::new(100);
        book.set(Side::Bid, at(9, 1));
        book.set(Side::Bid, at(10, 2));
        book.set(Side::Ask, at(12, 3));
        book.set(Side::Bid, at(9, 0));
        let told = book.take_changes().unwrap();
        assert_eq!((told.first_update_id, told.last_update_id), (101, 104));
        assert_eq!(told.bids, [at(10, 2), at(9, 0)]);
        assert_eq!(told.asks, [at(12, 3)]);
        assert_eq!(book.take_changes(), None);
    }

    #[test]
    fn the_quote_is_the_highest_bid_and_the_lowest_ask() {
        let mut book = Book::new(0);
        assert_eq!(book.quote(), None);
        for (side, price) in [(Side::Bid, 9), (Side::Bid, 10), (Side::Ask, 13), (Side::Ask, 12)] {
            book.set(side, at(price, 1));
        }
        assert_eq!(book.quote(), Some(Quote { bid: at(10, 1), ask: at(12, 1) }));
        assert_eq!((book.worst(Side::Bid), book.worst(Side::Ask)), (Some(at(9, 1)), Some(at(13, 1))));
        assert_eq!(book.snapshot(1).asks, [at(12, 1)]);
        assert_eq!(book.depth(Side::Ask), 2);
    }
}
