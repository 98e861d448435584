//! How far each route has got: the last id up to which everything is safe.
//!
//! Records become safe (in the stream, or on the disk) in any order; a mark moves on only when every earlier record of
//! its route is safe too. So whatever a kill takes with it lies behind the mark and is read again from the exchange.

use std::collections::{HashMap, VecDeque};

use crate::frame::{Frame, Mark, Route};

/// The most routes that are followed; all symbols of all markets have a tenth. Beyond, frames pass, but are not marked.
const ROUTES_MAX: usize = 100_000;

/// Follows the records of each route.
#[derive(Debug, Default)]
pub struct Ledger {
    routes: HashMap<Route, Progress>,
    has_changed: bool,
}

#[derive(Debug, Default)]
struct Progress {
    /// The last safe id.
    last_id: Option<u64>,
    /// Records behind it, in their order.
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    record: u64,
    last_id: u64,
    is_safe: bool,
}

impl Ledger {
    /// Goes on where the last run ended.
    pub fn resume(marks: &[Mark]) -> Self {
        let progress = |mark: &Mark| Progress { last_id: Some(mark.last_id), open: VecDeque::new() };
        let routes = marks.iter().map(|mark| (mark.route.clone(), progress(mark))).collect();
        Self { routes, has_changed: false }
    }

    /// Notes where a route begins: behind the id before its first frame. True for a route that was not known.
    pub fn open(&mut self, frame: &Frame) -> bool {
        let Some(ids) = frame.ids else { return false };
        if self.routes.contains_key(&frame.route) || self.routes.len() >= ROUTES_MAX {
            return false;
        }
        let progress = Progress { last_id: ids.first.checked_sub(1), open: VecDeque::new() };
        self.routes.insert(frame.route.clone(), progress);
        self.has_changed = true;
        true
    }

    /// A record is on its way. Records are numbered in their order.
    pub fn begin(&mut self, record: u64, marks: &[Mark]) {
        for mark in marks {
            if !self.routes.contains_key(&mark.route) {
                if self.routes.len() >= ROUTES_MAX {
                    continue;
                }
                self.routes.insert(mark.route.clone(), Progress::default());
            }
            if let Some(progress) = self.routes.get_mut(&mark.route) {
                progress.open.push_back(Open { record, last_id: mark.last_id, is_safe: false });
            }
        }
    }

    /// A record is safe. One that is safe already, or was never on its way, changes nothing.
    pub fn settle(&mut self, record: u64, marks: &[Mark]) {
        for mark in marks {
            if let Some(progress) = self.routes.get_mut(&mark.route) {
                self.has_changed |= progress.settle(record);
            }
        }
    }

    /// The marks as they are now, if they moved on since they were last asked for.
    pub fn news(&mut self) -> Option<Vec<Mark>> {
        std::mem::take(&mut self.has_changed).then(|| self.marks())
    }

    /// Tells the marks once more: who was told has lost them.
    pub const fn repeat(&mut self) {
        self.has_changed = true;
    }

    fn marks(&self) -> Vec<Mark> {
        let marks = self.routes.iter().filter_map(|(route, progress)| {
            progress.last_id.map(|last_id| Mark { route: route.clone(), last_id })
        });
        let mut marks: Vec<_> = marks.collect();
        marks.sort_unstable_by(|a, b| a.route.cmp(&b.route));
        marks
    }
}

impl Progress {
    /// Notes a record as safe; true if the mark moves on.
    fn settle(&mut self, record: u64) -> bool {
        if let Ok(at) = self.open.binary_search_by_key(&record, |open| open.record)
            && let Some(open) = self.open.get_mut(at)
        {
            open.is_safe = true;
        }
        let before = self.last_id;
        while let Some(open) = self.open.pop_front_if(|open| open.is_safe) {
            // What was sent once more after a restart does not take the mark back.
            self.last_id = self.last_id.max(Some(open.last_id));
        }
        self.last_id != before
    }
}

#[cfg(test)]
mod tests {
    use tapeline_codec::binance::Kind;
    use tapeline_market::Market;

    use super::*;

    fn mark(symbol: &str, last_id: u64) -> Mark {
        let route = Route { market: Market::Spot, symbol: Some(symbol.into()), kind: Some(Kind::Trade) };
        Mark { route, last_id }
    }

    #[test]
    fn a_mark_waits_for_every_earlier_record_of_its_route() {
        let mut ledger = Ledger::default();
        ledger.begin(1, &[mark("A", 10)]);
        ledger.begin(2, &[mark("A", 20)]);
        ledger.begin(3, &[mark("B", 5)]);
        ledger.settle(2, &[mark("A", 20)]);
        assert_eq!(ledger.news(), None);
        ledger.settle(3, &[mark("B", 5)]);
        assert_eq!(ledger.news(), Some(vec![mark("B", 5)]));
        ledger.settle(1, &[mark("A", 10)]);
        assert_eq!(ledger.news(), Some(vec![mark("A", 20), mark("B", 5)]));
    }

    #[test]
    fn what_is_safe_twice_counts_once() {
        let mut ledger = Ledger::resume(&[mark("A", 7)]);
        ledger.begin(1, &[mark("A", 8)]);
        ledger.settle(1, &[mark("A", 8)]);
        assert_eq!(ledger.news(), Some(vec![mark("A", 8)]));
        ledger.settle(1, &[mark("A", 8)]);
        ledger.settle(9, &[mark("A", 99)]);
        assert_eq!(ledger.news(), None);
    }

    #[test]
    fn a_record_that_is_sent_again_does_not_take_the_mark_back() {
        let mut ledger = Ledger::resume(&[mark("A", 7)]);
        ledger.begin(1, &[mark("A", 5)]);
        ledger.settle(1, &[mark("A", 5)]);
        assert_eq!(ledger.news(), None);
        assert_eq!(ledger.marks(), [mark("A", 7)]);
    }
}
