//! One event source mapping in lock-step: on the clock of its records.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::counts::Counts;
use super::lane::{Common, LaneWorker, MappingError};
use super::on_failure::OnFailure;
use super::pace::LockStep;
use super::settings::Settings;
use crate::lambda::Invoke;
use crate::stream::StreamRecord;

/// An event source mapping under way, one lane after another.
pub(crate) struct EventSource<F> {
    common: Arc<Common<F>>,
    now: Timestamp,
    /// By shard and number. There are as many as have had records, at most [`crate::stream::SHARDS_MAX`] times ten.
    lanes: BTreeMap<(String, u32), LaneWorker<F>>,
}

impl<F: Invoke> EventSource<F> {
    /// Sets a mapping up; `now` is where its clock starts.
    pub(crate) fn new(
        settings: Settings,
        function: F,
        on_failure: Option<OnFailure>,
        now: Timestamp,
    ) -> Self {
        Self { common: Common::new(settings, function, on_failure), now, lanes: BTreeMap::new() }
    }

    /// What the mapping did so far.
    pub(crate) fn counts(&self) -> Counts {
        self.common.progress().counts.clone()
    }

    /// Takes a record from the stream.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written.
    pub(crate) async fn put(&mut self, record: StreamRecord) -> Result<(), MappingError> {
        let Some((number, entry)) = self.common.take(&record) else { return Ok(()) };
        let key = (record.shard_id, number);
        let new = || LaneWorker::new(Arc::clone(&self.common), key.0.clone());
        let lane = self.lanes.entry(key.clone()).or_insert_with(new);
        lane.put(entry, &LockStep(self.now)).await
    }

    /// Moves the clock on and does what has become due, each at its own time.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written.
    pub(crate) async fn advance(&mut self, now: Timestamp) -> Result<(), MappingError> {
        while let Some((due, key)) = self.first_due().filter(|(due, _)| *due <= now) {
            self.now = self.now.max(due);
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.hand_over(&LockStep(self.now)).await?;
            }
        }
        self.now = self.now.max(now);
        Ok(())
    }

    /// When the next window expires.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.first_due().map(|(due, _)| due)
    }

    /// Hands over whatever waits.
    ///
    /// # Errors
    /// When the document of a record that is given up cannot be written. The other lanes are handed over all the same.
    pub(crate) async fn finish(&mut self) -> Result<(), MappingError> {
        let mut result = Ok(());
        for lane in self.lanes.values_mut() {
            result = result.and(lane.hand_over(&LockStep(self.now)).await);
        }
        result
    }

    /// The lane whose window expires first; of several, the first by shard and number.
    fn first_due(&self) -> Option<(Timestamp, (String, u32))> {
        let lanes = self.lanes.iter();
        let first = lanes.filter_map(|(key, lane)| Some((lane.due::<LockStep>()?, key))).min()?;
        Some((first.0, first.1.clone()))
    }
}

#[cfg(test)]
mod tests;
