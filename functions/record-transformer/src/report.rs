//! What happened to a batch, in numbers.

use tapeline_codec::{DropReason, Reason};

/// The counts of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records delivered.
    pub records_ok: u64,
    /// Records left out on purpose.
    pub records_dropped: u64,
    /// Records returned as failed.
    pub records_failed: u64,
    /// Frames seen in records that did not fail.
    pub frames: u64,
    /// Rows delivered.
    pub rows: u64,
    /// Bytes of the records, after base64.
    pub bytes_in: u64,
    /// Bytes of the rows, before base64.
    pub bytes_out: u64,
    /// The longest time between the exchange's event and the stream's arrival, in microseconds; negative where the
    /// clocks disagree. `None` where no row has both.
    pub lag_max_us: Option<i64>,
    /// Records refused, by reason, with one example each.
    pub refusals: Vec<Refusal>,
    /// Frames left out (and empty records), by reason.
    pub drops: Vec<(DropReason, u64)>,
}

/// The refusals of a batch for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// How many records.
    pub records: u64,
    /// The first such record's id.
    pub record_id: String,
    /// What was wrong with that one, causes included.
    pub error: String,
}

impl Report {
    pub(crate) fn add_lag(&mut self, lag_us: i64) {
        self.lag_max_us = self.lag_max_us.max(Some(lag_us));
    }

    pub(crate) fn add_drop(&mut self, reason: DropReason, count: u64) {
        match self.drops.iter_mut().find(|(found, _)| *found == reason) {
            Some((_, sum)) => *sum += count,
            None => self.drops.push((reason, count)),
        }
    }

    pub(crate) fn add_refusal(&mut self, reason: Reason, example: impl FnOnce() -> (String, String)) {
        self.records_failed += 1;
        match self.refusals.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(refusal) => refusal.records += 1,
            None => {
                let (record_id, error) = example();
                self.refusals.push(Refusal { reason, records: 1, record_id, error });
            }
        }
    }
}
