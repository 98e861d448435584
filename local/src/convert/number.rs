//! Reads numbers from their digits, exactly.
//!
//! A price leaves the exchange as decimal digits; a column takes those digits or refuses them. No number passes
//! through a wider or narrower binary type on its way.

/// A finite decimal number: `coefficient * 10^exponent`, the coefficient without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    coefficient: i128,
    exponent: i64,
}

impl Decimal {
    /// Reads a decimal number: a sign, digits with at most one point, an exponent. `None` when the text is no
    /// number or has more than 38 significant digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (digits, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, parse_exponent(text.get(at + 1..)?)?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (coefficient, zeros) = parse_digits(whole.bytes().chain(fraction.bytes()))?;
        let exponent = exponent + zeros - i64::try_from(fraction.len()).ok()?;
        Some(Self { coefficient: if negative { -coefficient } else { coefficient }, exponent })
    }

    /// The number times `10^scale`, if that is a whole number.
    pub(super) fn scaled(self, scale: u32) -> Option<i128> {
        if self.coefficient == 0 {
            return Some(0);
        }
        let power = u32::try_from(self.exponent + i64::from(scale)).ok()?;
        10_i128.checked_pow(power)?.checked_mul(self.coefficient)
    }

    /// Whether the number is at least `10^power` away from zero.
    pub(super) fn reaches(self, power: u32) -> bool {
        let digits = self.coefficient.unsigned_abs().checked_ilog10();
        digits.is_some_and(|digits| i64::from(digits) + self.exponent >= i64::from(power))
    }
}

/// The digits without their trailing zeros, and how many zeros those were.
fn parse_digits(digits: impl Iterator<Item = u8>) -> Option<(i128, i64)> {
    let (mut coefficient, mut zeros) = (0_i128, 0_u32);
    for byte in digits {
        match byte {
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                let shift = if coefficient == 0 { 1 } else { 10_i128.checked_pow(zeros + 1)? };
                coefficient = coefficient.checked_mul(shift)?.checked_add(i128::from(byte - b'0'))?;
                zeros = 0;
            }
            _ => return None,
        }
    }
    Some((coefficient, i64::from(zeros)))
}

/// Reads an exponent. One beyond any column's range stays there, instead of failing to be a number.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().map_or(i64::from(i32::MAX), |exponent: i32| i64::from(exponent));
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Reads a whole number: digits, or a number whose fraction is zero.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| i64::try_from(Decimal::parse(text)?.scaled(0)?).ok())
}

/// Reads a number of at most `precision` digits, `scale` of them behind the point, as its digits.
pub(super) fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let unscaled = Decimal::parse(text)?.scaled(u32::from(scale))?;
    (unscaled.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?).then_some(unscaled)
}

/// Reads the nearest double. `None` when the text is no number, or beyond the largest double.
pub(super) fn double(text: &str) -> Option<f64> {
    spells_number(text).then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}

/// Reads the nearest float. `None` when the text is no number, or beyond the largest float.
pub(super) fn float(text: &str) -> Option<f32> {
    spells_number(text).then(|| text.parse().ok())?.filter(|number: &f32| number.is_finite())
}

/// Whether the text has only a number's characters: keeps `inf` and `nan` out, which the standard library reads.
fn spells_number(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_whole_and_in_range() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1.0", Some(1)),
            ("1.5e1", Some(15)),
            ("1e3", Some(1000)),
            ("120e-1", Some(12)),
            ("1.5", None),
            ("1e-1", None),
            ("1e400", None),
            ("0e99999999999", Some(0)),
            ("007", Some(7)),
            ("+7", Some(7)),
            ("", None),
            ("-", None),
            ("+-7", None),
            (".", None),
            ("1.2.3", None),
            ("1e", None),
            ("1e+", None),
            ("0x10", None),
            ("1 ", None),
            ("abc", None),
        ] {
            assert_eq!(integer(text), expected, "{text:?}");
        }
    }

    #[test]
    fn decimals_take_the_digits_or_refuse_them() {
        for (text, precision, scale, expected) in [
            ("12.34", 4, 2, Some(1234)),
            ("-12.34", 4, 2, Some(-1234)),
            ("12.3", 4, 2, Some(1230)),
            ("12.340000000000000000000000000000000000000000000000", 4, 2, Some(1234)),
            ("12.345", 4, 2, None),
            ("123.45", 4, 2, None),
            ("99.99", 4, 2, Some(9999)),
            ("100", 4, 2, None),
            ("1e1", 4, 2, Some(1000)),
            ("0.00000001", 38, 8, Some(1)),
            ("1e-1000000000", 38, 8, None),
            ("1e1000000000", 38, 8, None),
            (
                "99999999999999999999999999999999999999",
                38,
                0,
                Some(99_999_999_999_999_999_999_999_999_999_999_999_999),
            ),
            ("100000000000000000000000000000000000000", 38, 0, None),
        ] {
            assert_eq!(decimal(text, precision, scale), expected, "{text} as decimal({precision},{scale})");
        }
    }

    #[test]
    fn doubles_are_the_nearest_and_finite() {
        assert_eq!(double("0.1"), Some(0.1));
        // The neighbour of 1 is 1 + 2^-52; halfway between them the even one, 1, is nearest.
        assert_eq!(double("1.00000000000000011102230246251565404236316680908203125"), Some(1.0));
        assert_eq!(
            double("1.00000000000000011102230246251565404236316680908203126"),
            Some(1.0 + f64::EPSILON)
        );
        for text in ["1e309", "-1e309", "inf", "NaN", "infinity", "", "1..2", "0x1p3"] {
            assert_eq!(double(text), None, "{text:?}");
        }
        assert_eq!(float("3.4028235e38"), Some(f32::MAX));
        assert_eq!(float("3.5e38"), None);
    }

    proptest! {
        #[test]
        fn any_digits_come_back(unscaled in any::<i64>(), scale in 0_u8..12) {
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
            let sign = if unscaled < 0 { "-" } else { "" };
            prop_assert_eq!(decimal(&format!("{sign}{whole}.{fraction}"), 38, scale), Some(i128::from(unscaled)));
            prop_assert_eq!(decimal(&format!("{unscaled}e-{scale}"), 38, scale), Some(i128::from(unscaled)));
        }

        #[test]
        fn reaching_a_power_is_comparing_with_it(number in any::<i64>(), power in 0_u32..18) {
            let decimal = Decimal::parse(&number.to_string()).unwrap();
            prop_assert_eq!(decimal.reaches(power), number.unsigned_abs() >= 10_u64.pow(power));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in r"[-+0-9.eE]{0,60}") {
            let _ = (integer(&text), decimal(&text, 38, 8), double(&text), float(&text));
        }
    }
}
