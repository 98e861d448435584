//! Values as they stand in the text.

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::scan;

/// One well-formed JSON value, as the slice of text in which it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Only for text that the scanner has accepted.
    pub(crate) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The value's text, quotes and escapes included.
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The value as a string; `None` for any other kind.
    #[inline]
    pub fn as_text(self) -> Option<Text<'a>> {
        let content = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::checked(content))
    }

    /// The value as a bool; `None` for any other kind.
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value as a whole number without point or exponent; `None` for any other kind or out of range.
    pub fn as_i64(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The value as a whole number without sign, point or exponent; `None` for any other kind or out of range.
    #[inline]
    pub fn as_u64(self) -> Option<u64> {
        match whole_number(self.0.as_bytes()) {
            Some((number, digits)) if digits == self.0.len() => Some(number),
            _ => self.0.parse().ok(),
        }
    }

    /// A cursor over the value, to enter it.
    pub const fn cursor(self) -> Cursor<'a> {
        Cursor::new(self.0)
    }
}

/// The whole number in front and how many digits it has; `None` where there is none, where zeros stand in front of other
/// digits, and from 17 digits on.
#[inline]
pub(crate) fn whole_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (high, high_digits) = digits_of_word(scan::word(bytes));
    if high_digits == 0 || (high_digits > 1 && bytes.first() == Some(&b'0')) {
        return None;
    }
    let Some((_, rest)) = bytes.split_first_chunk::<{ scan::WORD }>().filter(|_| high_digits == scan::WORD)
    else {
        return Some((high, high_digits));
    };
    let (low, low_digits) = digits_of_word(scan::word(rest));
    if low_digits == scan::WORD && rest.get(scan::WORD).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((high * POWERS.get(low_digits)? + low, scan::WORD + low_digits))
}

/// The digits of a number without its point, and how many of them stand behind it; `None` for anything that is not one to
/// eight digits on each side of a point and eight characters in all.
///
/// Most prices and quantities are such: two words hold them, where others are read digit by digit.
#[inline]
pub fn fixed_point(number: &str) -> Option<(u64, u8)> {
    let bytes = number.as_bytes();
    let last = u64::from_le_bytes(*bytes.last_chunk::<{ scan::WORD }>()?);
    let (whole, whole_digits) = digits_of_word(scan::word(bytes));
    let fraction_digits = bytes.len().checked_sub(whole_digits + 1)?;
    if whole_digits == 0 || bytes.get(whole_digits) != Some(&b'.') {
        return None;
    }
    let power = POWERS.get(fraction_digits).filter(|_| fraction_digits > 0)?;
    // What of the last word stands in front of the fraction counts nothing: zeros.
    let before = 8 * (scan::WORD - fraction_digits);
    if scan::non_digits(last) >> before != 0 {
        return None;
    }
    let fraction = eight_digits(last >> before << before);
    Some((whole * power + fraction, u8::try_from(fraction_digits).ok()?))
}

/// Powers of ten, by exponent.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The value of the digits with which a word begins, and their number.
#[inline]
const fn digits_of_word(word: u64) -> (u64, usize) {
    let digits = scan::first_marked(scan::non_digits(word));
    // What is shifted out stands behind the digits; what comes in are zeros in front. Two steps, because no shift is by a
    // whole word.
    let value = eight_digits(word << (4 * (scan::WORD - digits)) << (4 * (scan::WORD - digits)));
    (value, digits)
}

/// The low bits of eight digits in ASCII, which are their values.
const MASK_OF_DIGITS: u64 = 0x0f0f_0f0f_0f0f_0f0f;

/// The value of eight digits, the first in the lowest byte: neighbours are joined to two, four and eight digits (Wojciech
/// Mula, "SIMD-ized parsing of decimal digits").
const fn eight_digits(word: u64) -> u64 {
    // Each factor takes the left neighbour times ten, a hundred or ten thousand, and the right one, into one sum.
    let twos = ((word & MASK_OF_DIGITS).wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// The content of a JSON string, without its quotes and with its escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Only for text that the scanner has accepted.
    pub(crate) const fn checked(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The content as it stands, escapes included.
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// The content if it stands there as it is meant, that is, without escapes.
    pub fn plain(self) -> Option<&'a str> {
        if self.has_escapes() { None } else { Some(self.0) }
    }

    /// The string that is meant; allocates only when there are escapes. A lone surrogate, which no string can
    /// hold, becomes U+FFFD.
    pub fn decode(self) -> Cow<'a, str> {
        if self.has_escapes() { Cow::Owned(unescape(self.0)) } else { Cow::Borrowed(self.0) }
    }

    /// Looks the string up as it stands and, only where that is unknown, as it is meant: keys hardly ever have
    /// escapes, so the way of those that have none is kept short.
    #[inline]
    pub fn find<T>(self, known: impl Fn(&str) -> Option<T>) -> Option<T> {
        known(self.0).or_else(|| if self.has_escapes() { known(&unescape(self.0)) } else { None })
    }

    #[inline]
    fn has_escapes(self) -> bool {
        // An escape has two characters at least; the exchange's keys mostly have one. Of the characters that do not mean
        // themselves only the backslash gets into a string.
        self.0.len() > 1 && scan::plain_end(self.0.as_bytes(), 0) < self.0.len()
    }
}

fn unescape(raw: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, behind)) = rest.split_once('\\') {
        if !before.is_empty() {
            push_units(&mut out, &mut units);
            out.push_str(before);
        }
        rest = if let Some((unit, rest)) = unicode_escape(behind) {
            units.push(unit);
            rest
        } else {
            push_units(&mut out, &mut units);
            push_short_escape(&mut out, behind)
        };
    }
    push_units(&mut out, &mut units);
    out.push_str(rest);
    out
}

/// Reads the `uXXXX` behind a backslash.
fn unicode_escape(behind: &str) -> Option<(u16, &str)> {
    let (digits, rest) = behind.strip_prefix('u')?.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

/// Appends the UTF-16 units gathered from neighbouring escapes.
fn push_units(out: &mut String, units: &mut Vec<u16>) {
    if !units.is_empty() {
        out.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}

/// Appends what the one-letter escape before `behind`'s second character means; hands back what follows it.
fn push_short_escape<'a>(out: &mut String, behind: &'a str) -> &'a str {
    let mut chars = behind.chars();
    match chars.next() {
        Some('b') => out.push('\u{8}'),
        Some('f') => out.push('\u{c}'),
        Some('n') => out.push('\n'),
        Some('r') => out.push('\r'),
        Some('t') => out.push('\t'),
        Some(itself) => out.push(itself),
        None => {}
    }
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Value<'_> {
        Cursor::new(text).value().unwrap()
    }

    #[test]
    fn escapes_are_read_as_meant() {
        let text = value(r#""a\u005C\"\/\n\ud83d\ude00\u00e9\t""#).as_text().unwrap();
        assert_eq!(text.decode(), "a\\\"/\n😀é\t");
        assert_eq!(text.plain(), None);
    }

    #[test]
    fn a_string_is_found_with_and_without_escapes() {
        let known = |name: &str| ["a", "b"].into_iter().position(|known| known == name);
        let found = |text: &str| value(text).as_text().unwrap().find(known);
        assert_eq!(found(r#""b""#), Some(1));
        assert_eq!(found(r#""\u0062""#), Some(1));
        assert_eq!(found(r#""\u0063""#), None);
        assert_eq!(found(r#""c""#), None);
    }

    #[test]
    fn a_lone_surrogate_is_replaced() {
        assert_eq!(value(r#""\ud83dx\ude00""#).as_text().unwrap().decode(), "\u{fffd}x\u{fffd}");
    }

    #[test]
    fn numbers_are_read_only_where_they_fit() {
        assert_eq!(value("1633998274793").as_u64(), Some(1_633_998_274_793));
        assert_eq!(value("12345678").as_u64(), Some(12_345_678));
        assert_eq!(value("123456789.5").as_u64(), None);
        assert_eq!(value("\"123456789\"").as_u64(), None);
        assert_eq!(value("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(value("18446744073709551616").as_u64(), None);
        assert_eq!(value("-1").as_i64(), Some(-1));
        assert_eq!(value("-1").as_u64(), None);
        assert_eq!(value("1.0").as_u64(), None);
        assert_eq!(value("\"1\"").as_u64(), None);
    }

    #[test]
    fn digits_around_a_point_are_read_without_it() {
        assert_eq!(fixed_point("65000.12000000"), Some((6_500_012_000_000, 8)));
        assert_eq!(fixed_point("0.012345"), Some((12_345, 6)));
        assert_eq!(fixed_point("12345678.12345678"), Some((1_234_567_812_345_678, 8)));
        for other in
            ["", "0.5", "12345678", "1.123456789", "123456789.5", "-100.5000", "1000000.", "1.2.345678"]
        {
            assert_eq!(fixed_point(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_point_changes_no_digit(whole in 0_u64..100_000_000, fraction in "[0-9]{1,8}") {
            let text = format!("{whole}.{fraction}");
            if let Some((digits, scale)) = fixed_point(&text) {
                prop_assert_eq!(usize::from(scale), fraction.len());
                prop_assert_eq!(digits, format!("{whole}{fraction}").parse::<u64>().unwrap());
            } else {
                prop_assert!(text.len() < 8, "{}", text);
            }
        }

        #[test]
        fn whole_numbers_are_read_as_the_library_reads_them(number in any::<u64>(), digits in 0_u32..20) {
            let number = number / 10_u64.pow(digits);
            prop_assert_eq!(value(&number.to_string()).as_u64(), Some(number));
        }

        #[test]
        fn strings_are_read_as_the_reference_reads_them(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(value(&json).as_text().unwrap().decode(), text.as_str());
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{escaped}\"");
            prop_assert_eq!(value(&json).as_text().unwrap().decode(), text);
        }
    }
}
