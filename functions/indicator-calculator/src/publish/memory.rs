//! A stream in memory, for tests: the port's contract without a service, and with the failures of one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{OutputRecord, PublishError, Publisher};
use crate::fault::{Fault, Injected};

/// Keeps what is published in memory, in its order. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStream(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    records: Vec<OutputRecord>,
    faults: Option<Faults>,
}

type Faults = Box<dyn FnMut(&OutputRecord) -> Option<Fault> + Send>;

impl MemoryStream {
    /// Lets `faults` decide from now on which record is named as not published, and whether it was.
    pub fn inject(&self, faults: impl FnMut(&OutputRecord) -> Option<Fault> + Send + 'static) {
        self.lock().faults = Some(Box::new(faults));
    }

    /// Lets no record fail from now on.
    pub fn heal(&self) {
        self.lock().faults = None;
    }

    /// What was published, in its order.
    pub fn records(&self) -> Vec<OutputRecord> {
        self.lock().records.clone()
    }

    /// A panic of a test leaves nothing half done behind the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryStream").field(&self.records()).finish()
    }
}

impl Publisher for MemoryStream {
    async fn publish(&self, records: &[OutputRecord]) -> Result<(), PublishError> {
        let mut inner = self.lock();
        let mut places = Vec::new();
        for (place, record) in records.iter().enumerate() {
            let fault = inner.faults.as_mut().and_then(|faults| faults(record));
            if fault != Some(Fault::Before) {
                inner.records.push(record.clone());
            }
            if fault.is_some() {
                places.push(place);
            }
        }
        if places.is_empty() { Ok(()) } else { Err(PublishError { places, source: Box::new(Injected) }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: &str) -> OutputRecord {
        OutputRecord { partition_key: "spot|A".to_owned(), data: data.into() }
    }

    #[tokio::test]
    async fn a_record_fails_before_or_after_its_effect() {
        let stream = MemoryStream::default();
        stream.inject(|record| match record.data.as_slice() {
            b"lost" => Some(Fault::Before),
            b"unanswered" => Some(Fault::After),
            _ => None,
        });
        let error = stream.publish(&["1", "lost", "unanswered", "2"].map(record)).await.unwrap_err();
        assert_eq!(error.places, [1, 2]);
        assert_eq!(stream.records(), ["1", "unanswered", "2"].map(record));
        stream.heal();
        assert!(stream.publish(&[record("lost")]).await.is_ok());
    }
}
