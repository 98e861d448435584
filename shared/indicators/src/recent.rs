//! What an indicator computes of each bar of its window, once.

use crate::running::keep_newest;

/// The last values of a sequence in which every bar has one, oldest first.
///
/// They follow from the ring, so they are not saved: behind a restored state they are all computed anew, at every other
/// bar only the newest is.
#[derive(Debug, Clone)]
pub(crate) struct Recent<T> {
    depth: usize,
    values: Vec<T>,
}

impl<T> Recent<T> {
    /// Remembers `depth` values.
    pub(crate) const fn new(depth: usize) -> Self {
        Self { depth, values: Vec::new() }
    }

    /// Takes the values of the bars of a window, of which there are as many as the depth and the last one is new; gives
    /// all of them.
    ///
    /// To be called at every bar from the first one on for which there is a window.
    pub(crate) fn follow(&mut self, mut window: impl DoubleEndedIterator<Item = T>) -> &[T] {
        if self.values.is_empty() {
            self.values.extend(window);
        } else if let Some(newest) = window.next_back() {
            keep_newest(&mut self.values, self.depth);
            self.values.push(newest);
        }
        self.values.get(self.values.len().saturating_sub(self.depth)..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_value_of_a_window_is_computed() {
        let numbers: Vec<u32> = (0..100).collect();
        let (mut recent, mut computed) = (Recent::new(3), 0);
        for window in numbers.windows(3) {
            let doubles = recent.follow(window.iter().map(|number| {
                computed += 1;
                2 * number
            }));
            assert_eq!(doubles, [2 * window[0], 2 * window[1], 2 * window[2]]);
        }
        assert_eq!(computed, numbers.len());
    }
}
