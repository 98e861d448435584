//! A logarithm with the same bits everywhere.
//!
//! The standard library's comes from the platform, and its last digit is another one on another platform.

/// 2 / 1, 2 / 3, ... 2 / 23: what the odd powers of the series weigh. The first one left out is below 2^-53 of the sum.
const WEIGHTS: [f64; 12] = [
    2.0,
    2.0 / 3.0,
    2.0 / 5.0,
    2.0 / 7.0,
    2.0 / 9.0,
    2.0 / 11.0,
    2.0 / 13.0,
    2.0 / 15.0,
    2.0 / 17.0,
    2.0 / 19.0,
    2.0 / 21.0,
    2.0 / 23.0,
];

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The natural logarithm of a positive normal number.
///
/// `ln(m * 2^e) = e ln 2 + 2 (t + t^3 / 3 + t^5 / 5 + ...)` with `t = (m - 1) / (m + 1)` and m between the square roots of
/// 1 / 2 and 2, so that |t| is below 0.172.
pub(crate) fn logarithm(value: f64) -> f64 {
    let bits = value.to_bits();
    let one = 1.0_f64.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    // Eleven bits: it fits.
    let exponent = u32::try_from(bits >> MANTISSA_BITS).map_or(0.0, f64::from) - 1023.0;
    let mantissa = f64::from_bits(fraction | one);
    let is_large = mantissa > std::f64::consts::SQRT_2;
    let (mantissa, exponent) = if is_large { (mantissa / 2.0, exponent + 1.0) } else { (mantissa, exponent) };
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let series = WEIGHTS.iter().rev().fold(0.0, |sum, weight| sum * t * t + weight) * t;
    exponent * std::f64::consts::LN_2 + series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_has_the_logarithm_zero() {
        assert_eq!(logarithm(1.0).to_bits(), 0.0_f64.to_bits());
    }

    proptest! {
        #[test]
        fn it_is_the_natural_logarithm(value in prop::num::f64::POSITIVE, near_one in 0.5..2.0_f64) {
            for value in [value, near_one] {
                prop_assert!((logarithm(value) - value.ln()).abs() <= 1e-15 * value.ln().abs().max(0.1), "{}", value);
            }
        }
    }
}
