//! What a session holds beside an orderly market: replies, faults and repeats, each at a seeded place.

use std::collections::VecDeque;

use super::Fault;
use super::dice::Dice;
use super::tape::{MINUTE_MS, STEP_MS};

/// One thing out of the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incident {
    /// The reply to the subscription.
    Subscribed,
    /// An error reply.
    Refused,
    /// A reference price of the first symbol.
    ReferencePrice,
    /// The first symbol's reference price is gone.
    NoReferencePrice,
    /// A block trade of the first symbol.
    BlockTrade,
    /// Mini tickers of all symbols.
    MiniTickers,
    /// The announcement that the connection will end.
    Shutdown,
    /// An aggregate that the exchange took back.
    Invalidated(usize),
    /// A repeat of the last trade's frame.
    Duplicate(usize),
    /// A frame with a fault.
    Bad(usize, Fault),
}

/// What spoils a minute, by symbol. Minutes take them in this order, beginning at a seeded one.
const SPOILERS: [fn(usize) -> Incident; 5] = [
    |symbol| Incident::Bad(symbol, Fault::Truncated),
    |symbol| Incident::Bad(symbol, Fault::BadPrice),
    Incident::Invalidated,
    |symbol| Incident::Bad(symbol, Fault::MissingField),
    |symbol| Incident::Bad(symbol, Fault::UnknownEvent),
];

/// Plans incidents one minute ahead, so that a long session needs no more memory than a short one.
#[derive(Debug)]
pub(crate) struct Plan {
    dice: Dice,
    /// Number of symbols.
    symbols: usize,
    /// End of the session, epoch milliseconds.
    end: i64,
    /// The minute's place in [`SPOILERS`].
    next_spoiler: usize,
    /// What is still to come, in order of time.
    planned: VecDeque<(i64, Incident)>,
}

impl Plan {
    /// Plans the incidents of the session's ends.
    pub(crate) fn new(seed: u64, symbols: usize, start: i64, end: i64) -> Self {
        let mut dice = Dice::new(seed, "incidents");
        let next_spoiler = dice.place(SPOILERS.len());
        let planned = VecDeque::from([
            (start, Incident::Subscribed),
            (start + 1_500, Incident::Refused),
            (start + 20_000, Incident::ReferencePrice),
            (start + 25_000, Incident::BlockTrade),
            (start + 35_000, Incident::NoReferencePrice),
        ]);
        Self { dice, symbols, end, next_spoiler, planned }
    }

    /// Takes the incidents of the step that begins at `now`.
    pub(crate) fn step(&mut self, now: i64) -> Vec<(i64, Incident)> {
        if now % MINUTE_MS == 0 {
            self.plan_minute(now);
        }
        let due = self.planned.iter().take_while(|(time, _)| *time < now + STEP_MS).count();
        self.planned.drain(..due).collect()
    }

    /// Plans a minute: one duplicate, one fault, and the mini tickers of all symbols.
    fn plan_minute(&mut self, open_time: i64) {
        let duplicate = Incident::Duplicate(self.dice.place(self.symbols));
        let symbol = self.dice.place(self.symbols);
        let spoilers = SPOILERS.iter().cycle().skip(self.next_spoiler).take(1);
        self.next_spoiler = (self.next_spoiler + 1) % SPOILERS.len();
        for incident in spoilers.map(|spoiler| spoiler(symbol)).chain([duplicate]) {
            self.planned.push_back((open_time + self.dice.draw(5_000..=45_000), incident));
        }
        self.planned.push_back((open_time + MINUTE_MS / 2, Incident::MiniTickers));
        if open_time + MINUTE_MS == self.end {
            self.planned.push_back((self.end - 10_000, Incident::Shutdown));
        }
        self.planned.make_contiguous().sort_by_key(|(time, _)| *time);
    }

    /// Puts off an incident that needs a trade to one second later, unless its minute is over by then.
    pub(crate) fn put_off(&mut self, time: i64, incident: Incident) {
        let later = time + 1_000;
        if later / MINUTE_MS == time / MINUTE_MS {
            self.planned.push_back((later, incident));
            self.planned.make_contiguous().sort_by_key(|(time, _)| *time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(minutes: i64) -> Vec<(i64, Incident)> {
        let end = minutes * MINUTE_MS;
        let mut plan = Plan::new(1, 3, 0, end);
        (0..end / STEP_MS).flat_map(|step| plan.step(step * STEP_MS)).collect()
    }

    #[test]
    fn five_minutes_hold_every_incident() {
        let incidents = played(5);
        for at in SPOILERS {
            let spoiler = std::mem::discriminant(&at(0));
            assert!(incidents.iter().any(|(_, incident)| std::mem::discriminant(incident) == spoiler));
        }
        let count = |wanted: fn(&Incident) -> bool| incidents.iter().filter(|(_, i)| wanted(i)).count();
        assert_eq!(count(|incident| matches!(incident, Incident::Bad(..))), 4);
        assert_eq!(count(|incident| matches!(incident, Incident::Duplicate(_))), 5);
        assert_eq!(count(|incident| matches!(incident, Incident::MiniTickers)), 5);
        assert_eq!(count(|incident| matches!(incident, Incident::Shutdown)), 1);
        assert!(incidents.is_sorted_by_key(|(time, _)| *time));
    }

    #[test]
    fn what_waits_for_a_trade_is_put_off_until_its_minute_is_over() {
        let mut plan = Plan::new(1, 1, 0, MINUTE_MS);
        plan.planned.clear();
        plan.put_off(57_000, Incident::Duplicate(0));
        plan.put_off(59_500, Incident::Duplicate(0));
        assert_eq!(plan.planned, [(58_000, Incident::Duplicate(0))]);
    }
}
