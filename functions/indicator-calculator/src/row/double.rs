//! Doubles as the shortest digits that read back as the same double, without an exponent: as `{}` of std writes them, but for
//! the few that lie midway between two such texts. Of these the even one is taken, as JavaScript does, and std takes the other.
//!
//! `zmij` finds the digits; it writes very small and very large numbers with an exponent, which is expanded here. A
//! row has some seventy doubles, and std took as long for them as their indicators took to compute.

use std::ops::Range;

/// The sizes that `zmij` writes without an exponent. To know them is cheaper than to look for an `e`.
const PLAIN: Range<f64> = 1e-5..1e16;

/// Appends a finite double.
pub(super) fn write(value: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let with_exponent = if PLAIN.contains(&value.abs()) { None } else { text.split_once('e') };
    match with_exponent {
        None => out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes()),
        Some((digits, exponent)) => expand(digits, exponent, out),
    }
}

/// Appends `digits`, one of them in front of an optional point, times ten to the power of `exponent`.
fn expand(digits: &str, exponent: &str, out: &mut Vec<u8>) {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if unsigned.len() < digits.len() {
        out.push(b'-');
    }
    let zeros = |count: usize| std::iter::repeat_n(b'0', count);
    let digits = unsigned.bytes().filter(|&digit| digit != b'.');
    // Of a double the exponent is between -324 and 308, so it is always read.
    let exponent = exponent.parse::<isize>().unwrap_or_default();
    let places = exponent.unsigned_abs();
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(places - 1).chain(digits));
    } else {
        // Numbers with an exponent have their digits in front of the point.
        out.extend(digits.clone().chain(zeros((places + 1).saturating_sub(digits.count()))));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Asserts that a double is written as std does it, or as shortly where another text is as near.
    fn check(value: f64) {
        let (text, std) = (written(value), value.to_string());
        let read: f64 = text.parse().unwrap();
        assert_eq!((read.to_bits(), text.len()), (value.to_bits(), std.len()), "{text} {std}");
        let std_is_odd = std.trim_end_matches('0').ends_with(['1', '3', '5', '7', '9']);
        assert!(!text.contains('e') && (text == std || std_is_odd), "{text} {std}");
    }

    /// "ECMAScript Language Specification", `Number::toString`: of two texts as near, the even one.
    #[test]
    fn midway_between_two_texts_the_even_one_is_written() {
        assert_eq!(written(24_676_412_237_849.0 + 5.0 / 16.0), "24676412237849.312");
        assert_eq!(written(-17_986_135_900_624.0 - 1.0 / 16.0), "-17986135900624.062");
    }

    #[test]
    fn no_number_has_an_exponent_or_needless_digits() {
        for value in [0.0, -0.0, 1.0, -65_000.1, 0.1, 1e-4, 1e-5, 1.25e-5, -1e-7, 1e15, 1e16, 1e17, -1.5e21] {
            check(value);
        }
        for edge in [PLAIN.start, PLAIN.end] {
            [edge.next_down(), edge, edge.next_up(), -edge].into_iter().for_each(check);
        }
        for value in [f64::MIN_POSITIVE, f64::EPSILON, f64::MAX, f64::MIN, 5e-324, 123_456_789_012_345_678.0]
        {
            check(value);
        }
    }

    proptest! {
        #[test]
        fn every_double_is_written_as_shortly_as_std_writes_it(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            check(value);
        }

        #[test]
        fn prices_of_every_size_are_written_as_shortly_as_std_writes_them(digits in any::<i32>(), scale in -12..20_i32) {
            check(f64::from(digits) * 10_f64.powi(-scale));
        }
    }
}
