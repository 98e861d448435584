//! The tests' randomness: a linear congruential generator, so that one seed gives one session and one plan everywhere.

/// A seeded source of integers.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws one of 0 to `bound` without the last; `bound` is small beside 2^32.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        // MMIX's constants (Knuth, TAOCP 3.3.4). The low bits of such a generator have short periods.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) % bound
    }

    /// Answers yes in `percent` of 100 cases.
    pub(crate) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Draws one of several.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let place = self.below(u64::try_from(from.len()).unwrap());
        from[usize::try_from(place).unwrap()].clone()
    }
}
