//! What happened to a batch, in numbers.

use tapeline_codec::{DropReason, Reason};
use tapeline_indicators::Tally;
use tapeline_market::{Interval, Timestamp};

/// The counts of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records of the batch.
    pub records: u64,
    /// Frames in them.
    pub frames: u64,
    /// Lanes: symbols of which something was seen.
    pub lanes: u64,
    /// Lanes that come again.
    pub lanes_failed: u64,
    /// What became of the trades.
    pub tally: Tally,
    /// Records and frames that were skipped, by reason, with one example each.
    pub refusals: Vec<Refusal>,
    /// Frames left out on purpose, by reason.
    pub drops: Vec<(DropReason, u64)>,
    /// Symbols that came under more than one partition key: their order is not given.
    pub split_symbols: u64,
    /// One of them.
    pub split_symbol: Option<String>,
    /// Bars closed and published, by interval.
    pub bars_closed: Vec<(Interval, u64)>,
    /// Items read from the state store.
    pub items_read: u64,
    /// Items written to it.
    pub items_written: u64,
    /// Writes whose condition was lost: another invocation was faster.
    pub state_conflicts: u64,
    /// Items that could not be used and begin anew.
    pub states_reset: u64,
    /// Why the last lane failed, or the last item was not used.
    pub last_failure: Option<String>,
    /// The latest event time of the batch.
    pub event_time_max: Option<Timestamp>,
}

/// Records or frames skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// How many.
    pub count: u64,
    /// The sequence number of the first.
    pub sequence_number: String,
    /// What was wrong with that one, causes included.
    pub error: String,
}

impl Report {
    pub(crate) fn add_drop(&mut self, reason: DropReason) {
        match self.drops.iter_mut().find(|(found, _)| *found == reason) {
            Some((_, count)) => *count += 1,
            None => self.drops.push((reason, 1)),
        }
    }

    pub(crate) fn add_refusal(&mut self, reason: Reason, example: impl FnOnce() -> (String, String)) {
        match self.refusals.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(refusal) => refusal.count += 1,
            None => {
                let (sequence_number, error) = example();
                self.refusals.push(Refusal { reason, count: 1, sequence_number, error });
            }
        }
    }

    pub(crate) fn add_bars(&mut self, interval: Interval, count: u64) {
        match self.bars_closed.iter_mut().find(|(found, _)| *found == interval) {
            Some((_, sum)) => *sum += count,
            None => self.bars_closed.push((interval, count)),
        }
    }

    /// Adds what happened to some lanes of the batch.
    pub(crate) fn add_lanes(&mut self, lanes: Self) {
        self.lanes_failed += lanes.lanes_failed;
        self.add_tally(&lanes.tally);
        self.split_symbols += lanes.split_symbols;
        self.split_symbol = self.split_symbol.take().or(lanes.split_symbol);
        lanes.bars_closed.iter().for_each(|&(interval, count)| self.add_bars(interval, count));
        self.items_read += lanes.items_read;
        self.items_written += lanes.items_written;
        self.state_conflicts += lanes.state_conflicts;
        self.states_reset += lanes.states_reset;
        self.last_failure = lanes.last_failure.or(self.last_failure.take());
    }

    pub(crate) fn add_tally(&mut self, tally: &Tally) {
        let sum = &mut self.tally;
        sum.folded += tally.folded;
        sum.duplicates += tally.duplicates;
        sum.gaps += tally.gaps;
        sum.missing = sum.missing.saturating_add(tally.missing);
        sum.late += tally.late;
        sum.time_regress += tally.time_regress;
        sum.refused += tally.refused;
    }
}
