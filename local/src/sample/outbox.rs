//! Frames on their way: put in as they happen, taken out as they arrive.
//!
//! A frame arrives after what caused it, and frames of different symbols overtake each other. Holding back what
//! arrives later than the moment being played gives one order without keeping the session in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{SampleFrame, What};

/// A frame with its place in the order of arrival: time first, then the order in which frames were put in.
type Arrival = (i64, u64, SampleFrame);

/// The frames that are held back.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BinaryHeap<Reverse<Arrival>>,
    posted: u64,
}

impl Outbox {
    /// Puts in a frame that arrives at `time` (epoch milliseconds).
    pub(crate) fn post(&mut self, time: i64, what: What, text: String) {
        self.waiting.push(Reverse((time, self.posted, SampleFrame { time, text, what })));
        self.posted += 1;
    }

    /// Takes out the next frame that arrives before `time`.
    pub(crate) fn next_before(&mut self, time: i64) -> Option<SampleFrame> {
        let Reverse((arrival, ..)) = self.waiting.peek()?;
        if *arrival >= time {
            return None;
        }
        self.waiting.pop().map(|Reverse((.., frame))| frame)
    }

    /// Number of frames held back.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_by_arrival_then_by_order_of_posting() {
        let mut outbox = Outbox::default();
        for (time, text) in [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (9, "later")] {
            outbox.post(time, What::Trade, text.to_owned());
        }
        let left: Vec<_> = std::iter::from_fn(|| outbox.next_before(9)).map(|frame| frame.text).collect();
        assert_eq!(left, ["a", "b", "c", "d"]);
        assert_eq!(outbox.len(), 1);
    }
}
