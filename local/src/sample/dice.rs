//! The session's randomness: a seeded generator behind three questions.
//!
//! `Pcg64Mcg` is specified bit for bit, and only fixed-width integers are drawn from it, so one seed gives one
//! session on every machine.

use std::ops::RangeInclusive;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// A seeded source of integers.
#[derive(Debug)]
pub(crate) struct Dice(Pcg64Mcg);

impl Dice {
    /// Seeds the dice for one purpose, so that two purposes of one seed do not share their draws.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed ^ fnv1a(purpose)))
    }

    /// Draws from a range.
    pub(crate) fn draw(&mut self, range: RangeInclusive<i64>) -> i64 {
        self.0.random_range(range)
    }

    /// Draws a place in a list of `len`; 0 for an empty one.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        let last = i64::try_from(len).unwrap_or(i64::MAX) - 1;
        usize::try_from(self.draw(0..=last.max(0))).unwrap_or(0)
    }

    /// Answers yes in `per_mille` of 1,000 cases.
    pub(crate) fn chance(&mut self, per_mille: i64) -> bool {
        self.draw(0..=999) < per_mille
    }
}

/// The 64-bit FNV-1a hash: the same on every platform and in every release, unlike the standard hasher.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors are those of the FNV reference code.
    #[test]
    fn purposes_are_hashed_with_fnv1a() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn chances_of_none_and_all_are_certain() {
        let mut dice = Dice::new(1, "certain");
        assert!((0..100).all(|_| !dice.chance(0)));
        assert!((0..100).all(|_| dice.chance(1_000)));
    }
}
