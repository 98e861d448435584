//! What is known of every window that ends with the newest value, whatever its length.
//!
//! It is kept for all windows at once and made anew by each value, in the order of the values: so it has the same bits as
//! if a window were read from its first value to its last, at a price that does not depend on how many windows are asked
//! for. The five means of the standard preset take 200 additions for each bar that do not wait for each other (two to an
//! instruction) in place of 380 that do.

use std::marker::PhantomData;

use crate::windows;

/// What becomes of the values of a window.
pub(crate) trait Rule {
    /// Of the window that is longer by one value.
    fn with(before: f64, value: f64) -> f64;

    /// Of a whole window.
    fn of(values: &[f64]) -> f64;
}

/// Their sum.
#[derive(Debug, Clone)]
pub(crate) struct Sum;

/// The highest of them.
#[derive(Debug, Clone)]
pub(crate) struct Highest;

/// The lowest of them.
#[derive(Debug, Clone)]
pub(crate) struct Lowest;

impl Rule for Sum {
    fn with(before: f64, value: f64) -> f64 {
        before + value
    }

    fn of(values: &[f64]) -> f64 {
        values.iter().sum()
    }
}

impl Rule for Highest {
    fn with(before: f64, value: f64) -> f64 {
        if value > before { value } else { before }
    }

    fn of(values: &[f64]) -> f64 {
        windows::highest(values)
    }
}

impl Rule for Lowest {
    fn with(before: f64, value: f64) -> f64 {
        if value < before { value } else { before }
    }

    fn of(values: &[f64]) -> f64 {
        windows::lowest(values)
    }
}

/// `R` of the windows of 1, 2 and up to `depth` values that end with the newest.
#[derive(Debug, Clone)]
pub(crate) struct Running<R> {
    depth: usize,
    /// The longest window first; behind `depth` values the first ones are no longer kept up.
    windows: Vec<f64>,
    rule: PhantomData<R>,
}

impl<R: Rule> Running<R> {
    pub(crate) const fn new(depth: usize) -> Self {
        Self { depth, windows: Vec::new(), rule: PhantomData }
    }

    /// Takes the newest value.
    pub(crate) fn push(&mut self, value: f64) {
        keep_newest(&mut self.windows, self.depth);
        let first = self.windows.len().saturating_sub(self.depth);
        for window in self.windows.get_mut(first..).unwrap_or_default() {
            *window = R::with(*window, value);
        }
        self.windows.push(value);
    }

    /// `R` of the last `count` values, which must be within the depth; `None` when fewer were taken.
    pub(crate) fn over(&self, count: usize) -> Option<f64> {
        self.windows.get(self.windows.len().checked_sub(count)?).copied()
    }
}

/// How many values too many are kept before the oldest are given up, all at once: so windows stay slices, and the others
/// are seldom moved.
pub(crate) const SLACK: usize = 32;

/// Makes room behind the newest `depth` values, once there are [`SLACK`] more.
pub(crate) fn keep_newest<T>(values: &mut Vec<T>, depth: usize) {
    if values.len() >= depth + SLACK {
        values.drain(..values.len() - depth);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<R: Rule>(values: &[f64], depth: usize) {
        let mut running = Running::<R>::new(depth);
        for (at, value) in values.iter().enumerate() {
            running.push(*value);
            for count in 1..=depth {
                let window = (at + 1).checked_sub(count).map(|first| R::of(&values[first..=at]).to_bits());
                assert_eq!(running.over(count).map(f64::to_bits), window, "the last {count} of {values:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_window_has_the_bits_of_its_values_in_order(
            values in prop::collection::vec(0.0..1e12_f64, 1..99), depth in 1_usize..9,
        ) {
            check::<Sum>(&values, depth);
            check::<Highest>(&values, depth);
            check::<Lowest>(&values, depth);
        }
    }
}
