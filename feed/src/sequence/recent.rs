//! What came lately of a route whose gaps nobody can fill.

use std::collections::VecDeque;

/// How many frames of a route are remembered. Sockets that carry the same streams are less than a second apart, and the
/// busiest symbol's quotes come 500 times a second; 2,600 routes of this length take 10 MB.
const REMEMBERED_MAX: usize = 512;

/// The marks of the last frames: an update id, or a hash of the text.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<u64>);

impl Recent {
    /// Notes a mark; false if it was noted before.
    pub(super) fn note(&mut self, mark: u64) -> bool {
        // What is equal came a moment ago: the search begins with the newest.
        if self.0.iter().rev().any(|&noted| noted == mark) {
            return false;
        }
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(mark);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_new_once_and_again_when_it_is_long_gone() {
        let mut recent = Recent::default();
        assert!(recent.note(7));
        assert!(!recent.note(7));
        for mark in 100..100 + REMEMBERED_MAX as u64 {
            assert!(recent.note(mark));
        }
        assert!(recent.note(7));
    }
}
