//! An exact decimal number that keeps the exchange's digits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The most digits a decimal may have, before and after the point together. 38 is what SQL engines hold too.
pub const DIGITS_MAX: usize = 38;

/// A decimal of at most [`DIGITS_MAX`] digits: `mantissa / 10^scale`.
///
/// The scale is kept as it was read, so `"23.00000000"` prints as `23.00000000`; comparison is by value.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

impl Decimal {
    /// Builds `mantissa / 10^scale`.
    ///
    /// # Errors
    /// When it needs more than [`DIGITS_MAX`] digits.
    pub fn new(mantissa: i128, scale: u8) -> Result<Self, DecimalError> {
        if usize::from(scale) > DIGITS_MAX || mantissa.unsigned_abs() >= 10_u128.pow(38) {
            return Err(DecimalError::TooLong);
        }
        Ok(Self { mantissa, scale })
    }

    /// The digits without the point.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many of the digits stand after the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Zero, without a fraction.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// Adds exactly, with the digits after the point of the finer of the two; `None` when the sum has more than
    /// [`DIGITS_MAX`] digits.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        // An exchange writes all quantities of a symbol with as many digits.
        if self.scale == other.scale {
            return Self::new(self.mantissa.checked_add(other.mantissa)?, self.scale).ok();
        }
        self.added_across(other)
    }

    /// Adds numbers of different scales. Apart and cold, as everything of that kind: what is left is small enough to be
    /// compiled into the caller, and to be handed over in registers.
    #[cold]
    fn added_across(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let sum = self.mantissa_at(scale)?.checked_add(other.mantissa_at(scale)?)?;
        Self::new(sum, scale).ok()
    }

    /// The digits without the point, were the number written with `scale` digits behind it; `None` when that takes too
    /// many digits, or when digits would be lost.
    pub fn mantissa_at(self, scale: u8) -> Option<i128> {
        if scale == self.scale {
            return Some(self.mantissa);
        }
        match scale.checked_sub(self.scale) {
            Some(more) => self.mantissa.checked_mul(10_i128.checked_pow(u32::from(more))?),
            None => divided_exactly(self.mantissa, u32::from(self.scale - scale)),
        }
    }

    /// The same value without zeros at the end of the fraction.
    #[must_use]
    pub fn shortest(self) -> Self {
        let mut shortest = self;
        while shortest.scale > 0 {
            let Some(mantissa) = divided_exactly(shortest.mantissa, 1) else { break };
            shortest = Self { mantissa, scale: shortest.scale - 1 };
        }
        shortest
    }

    /// The nearest double, the same one however many zeros the number was written with.
    #[inline]
    pub fn to_f64(self) -> f64 {
        /// Powers of ten that a double holds exactly.
        const POWERS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18, 1e19, 1e20, 1e21, 1e22,
        ];
        let mantissa = i64::try_from(self.mantissa).ok().filter(|m| m.unsigned_abs() < 1 << 53);
        match (mantissa, POWERS.get(usize::from(self.scale))) {
            // Both operands are exact, so the quotient is rounded once: the nearest double (Clinger, 1990).
            #[allow(clippy::cast_precision_loss, reason = "below 2^53 nothing is lost")]
            (Some(mantissa), Some(power)) => mantissa as f64 / power,
            _ => self.rounded(),
        }
    }

    /// The nearest double of any number.
    #[cold]
    fn rounded(self) -> f64 {
        self.divided().unwrap_or_else(|| self.to_string().parse().unwrap_or(f64::NAN))
    }

    /// The nearest double by one division of integers; `None` with more than 27 digits behind the point.
    ///
    /// Products of a price and a quantity have sixteen, and seldom fit the 53 bits of a double as they are written: to
    /// read them back from text takes ten times as long.
    fn divided(self) -> Option<f64> {
        let divisor = 5_u64.checked_pow(u32::from(self.scale)).map(u128::from)?;
        let shift = self.mantissa.unsigned_abs().leading_zeros();
        let dividend = self.mantissa.unsigned_abs().checked_shl(shift)?;
        // 2^127 or more, divided by less than 2^63: of more than 64 bits a double takes 53, and the lowest bit only has
        // to tell that there is a rest.
        let quotient = dividend / divisor;
        let has_rest = dividend != quotient * divisor;
        #[allow(clippy::cast_precision_loss, reason = "rounded to the nearest, once")]
        let nearest = (quotient | u128::from(has_rest)) as f64;
        // `10^scale` is `5^scale * 2^scale`, and powers of two only move the exponent.
        let unit = f64::from_bits(u64::from(1023 - shift - u32::from(self.scale)) << 52);
        Some(if self.mantissa < 0 { -nearest * unit } else { nearest * unit })
    }

    /// Multiplies exactly; `None` when the product has more than [`DIGITS_MAX`] digits.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let mantissa = match (i64::try_from(self.mantissa), i64::try_from(other.mantissa)) {
            (Ok(left), Ok(right)) => i128::from(left) * i128::from(right),
            _ => self.mantissa.checked_mul(other.mantissa)?,
        };
        Self::new(mantissa, self.scale + other.scale).ok()
    }

    /// Appends the digits, all of the scale's fraction digits included.
    pub fn write_to(self, out: &mut Vec<u8>) {
        self.write(out, |fraction| fraction);
    }

    /// Appends the digits without trailing zeros after the point: the shortest text of the same value.
    pub fn write_shortest_to(self, out: &mut Vec<u8>) {
        self.write(out, |mut fraction| {
            while let [rest @ .., b'0'] = fraction {
                fraction = rest;
            }
            fraction
        });
    }

    /// Appends the digits, those after the point as `keep` leaves them.
    fn write(self, out: &mut Vec<u8>, keep: impl Fn(&[u8]) -> &[u8]) {
        if self.mantissa < 0 {
            out.push(b'-');
        }
        let mut buffer = itoa::Buffer::new();
        let magnitude = self.mantissa.unsigned_abs();
        let digits = match u64::try_from(magnitude) {
            Ok(small) => buffer.format(small),
            Err(_) => buffer.format(magnitude),
        };
        let scale = usize::from(self.scale);
        let (whole, fraction) = digits.as_bytes().split_at(digits.len().saturating_sub(scale));
        out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        let kept = keep(fraction);
        if !kept.is_empty() {
            out.push(b'.');
            // Zeros that stand between the point and the first digit.
            out.extend(std::iter::repeat_n(b'0', scale - fraction.len()));
            out.extend_from_slice(kept);
        }
    }
}

/// `mantissa / 10^digits`; `None` when digits would be lost.
fn divided_exactly(mantissa: i128, digits: u32) -> Option<i128> {
    // Nearly all of them fit a machine word, which is divided ten times as fast.
    if let (Ok(small), Some(unit)) = (i64::try_from(mantissa), 10_i64.checked_pow(digits)) {
        let quotient = small / unit;
        return (quotient * unit == small).then(|| quotient.into());
    }
    let unit = 10_i128.checked_pow(digits)?;
    let quotient = mantissa / unit;
    (quotient * unit == mantissa).then_some(quotient)
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads digits with at most one point and at most a leading minus, as JSON allows: no exponent, no leading
    /// zeros, a digit on each side of the point.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
        if let [] | [b'.', ..] | [.., b'.'] | [b'0', b'0'..=b'9', ..] = unsigned {
            return Err(DecimalError::Malformed);
        }
        if unsigned.len() > DIGITS_MAX + 1 {
            return Err(DecimalError::TooLong);
        }
        let (mantissa, point) = digits_value(unsigned)?;
        let scale = point.map_or(0, |point| unsigned.len() - point - 1);
        let scale = u8::try_from(scale).map_err(|_| DecimalError::TooLong)?;
        Self::new(if unsigned.len() == text.len() { mantissa } else { -mantissa }, scale)
    }
}

/// The value of digits, and the place of the one point between them, which is passed over.
fn digits_value(text: &[u8]) -> Result<(i128, Option<usize>), DecimalError> {
    // Eighteen digits fit a machine word; only longer numbers pay for wide arithmetic.
    let (head, tail) = text.split_at_checked(18).unwrap_or((text, &[]));
    let (mut small, mut point) = (0_u64, None);
    for (at, &byte) in head.iter().enumerate() {
        match byte {
            b'0'..=b'9' => small = small * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return Err(DecimalError::Malformed),
        }
    }
    let mut value = i128::from(small);
    for (at, &byte) in tail.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                let digit = i128::from(byte - b'0');
                value =
                    value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(DecimalError::TooLong)?;
            }
            b'.' if point.is_none() => point = Some(head.len() + at),
            _ => return Err(DecimalError::Malformed),
        }
    }
    Ok((value, point))
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::with_capacity(DIGITS_MAX + 2);
        self.write_to(&mut digits);
        f.pad(&String::from_utf8_lossy(&digits))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        self.cmp_across(*other)
    }
}

impl Decimal {
    /// Compares numbers of different scales.
    #[cold]
    fn cmp_across(self, other: Self) -> Ordering {
        self.whole_and_fraction().cmp(&other.whole_and_fraction())
    }

    /// The whole part, and the fraction as a multiple of `10^-38`; both carry the sign, so pairs order by value.
    fn whole_and_fraction(self) -> (i128, i128) {
        // 10^38 fits, and the scale is at most 38: neither power overflows, nor does a fraction below 10^38.
        let unit = 10_i128.pow(u32::from(self.scale));
        let shift = 10_i128.pow(38 - u32::from(self.scale));
        (self.mantissa / unit, (self.mantissa % unit) * shift)
    }
}

/// The text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    #[error("expected digits with at most one point between them")]
    Malformed,
    /// More digits than [`DIGITS_MAX`].
    #[error("expected at most {DIGITS_MAX} digits")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn digits_are_kept_as_they_were_read() {
        for text in ["0", "0.0", "23.00000000", "0.00141342", "-0.00010000", "65000.01", "100", "-0.00"] {
            let kept = if text == "-0.00" { "0.00" } else { text };
            assert_eq!(decimal(text).to_string(), kept);
        }
    }

    #[test]
    fn what_json_calls_no_number_is_refused() {
        for text in [
            "", "-", ".", "1.", ".5", "007", "1e5", "+1", " 1", "1 ", "NaN", "1.2.3", "--1", "1-", "٣", "1.٣",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn thirty_eight_digits_are_the_most() {
        assert_eq!(decimal(&"9".repeat(38)).to_string(), "9".repeat(38));
        assert_eq!("9".repeat(39).parse::<Decimal>(), Err(DecimalError::TooLong));
        assert_eq!("9".repeat(4000).parse::<Decimal>(), Err(DecimalError::TooLong));
    }

    #[test]
    fn a_product_has_all_of_its_digits() {
        let product = decimal("0.00141342").checked_mul(decimal("23.00000000")).unwrap();
        assert_eq!(product.to_string(), "0.0325086600000000");
        let mut shortest = Vec::new();
        product.write_shortest_to(&mut shortest);
        assert_eq!(shortest, b"0.03250866");
    }

    #[test]
    fn a_product_that_does_not_fit_is_none() {
        let wide = decimal(&"9".repeat(38));
        assert_eq!(wide.checked_mul(wide).map(|d| d.to_string()), None);
    }

    #[test]
    fn the_shortest_text_keeps_whole_zeros() {
        for (text, shortest) in [("100.00", "100"), ("100", "100"), ("0.00", "0"), ("-1.50", "-1.5")] {
            let mut out = Vec::new();
            decimal(text).write_shortest_to(&mut out);
            assert_eq!(out, shortest.as_bytes());
        }
    }

    #[test]
    fn a_sum_keeps_the_finer_fraction() {
        let sum = |a: &str, b: &str| decimal(a).checked_add(decimal(b)).map(|sum| sum.to_string());
        assert_eq!(sum("0.1", "0.20").as_deref(), Some("0.30"));
        assert_eq!(sum("1482", "-0.5").as_deref(), Some("1481.5"));
        assert_eq!(sum(&"9".repeat(38), "1"), None);
        assert_eq!(sum(&"9".repeat(38), "0.1"), None);
    }

    #[test]
    fn digits_move_to_another_scale_only_whole() {
        assert_eq!(decimal("1.50").mantissa_at(1), Some(15));
        assert_eq!(decimal("1.50").mantissa_at(4), Some(15_000));
        assert_eq!(decimal("1.55").mantissa_at(1), None);
        assert_eq!(decimal("-0.500").shortest().to_string(), "-0.5");
        assert_eq!(decimal("100").shortest().to_string(), "100");
        assert_eq!(decimal("0.00").shortest().to_string(), "0");
    }

    proptest! {
        #[test]
        fn the_double_is_the_nearest_whatever_the_zeros(mantissa in any::<i128>(), scale in 0_u8..38, zeros in 0_usize..9) {
            let mantissa = mantissa % 10_i128.pow(28);
            let value = Decimal::new(mantissa, scale).unwrap();
            let nearest: f64 = value.to_string().parse().unwrap();
            prop_assert_eq!(value.to_f64().to_bits(), (nearest + 0.0).to_bits());
            // Digits that do not fit are refused: there is nothing to compare then.
            if let Some(longer) = (scale > 0).then(|| format!("{value}{}", "0".repeat(zeros)).parse::<Decimal>().ok()).flatten() {
                prop_assert_eq!(longer.to_f64().to_bits(), value.to_f64().to_bits());
            }
        }

        #[test]
        fn text_reads_back(mantissa in any::<i64>(), scale in 0_u8..19) {
            let value = Decimal::new(i128::from(mantissa), scale).unwrap();
            let read = decimal(&value.to_string());
            prop_assert_eq!((read.mantissa(), read.scale()), (value.mantissa(), value.scale()));
        }

        #[test]
        fn order_is_the_order_of_integers_at_one_scale(a in any::<i32>(), b in any::<i32>(), s in 0_u8..9, t in 0_u8..9) {
            let left = i128::from(a) * 10_i128.pow(u32::from(9 - s));
            let right = i128::from(b) * 10_i128.pow(u32::from(9 - t));
            let order = Decimal::new(a.into(), s).unwrap().cmp(&Decimal::new(b.into(), t).unwrap());
            prop_assert_eq!(order, left.cmp(&right));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,60}") {
            let _ = text.parse::<Decimal>();
        }
    }
}
