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
        self.0.parse().ok()
    }

    /// A cursor over the value, to enter it.
    pub const fn cursor(self) -> Cursor<'a> {
        Cursor::new(self.0)
    }
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
        assert_eq!(value("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(value("18446744073709551616").as_u64(), None);
        assert_eq!(value("-1").as_i64(), Some(-1));
        assert_eq!(value("-1").as_u64(), None);
        assert_eq!(value("1.0").as_u64(), None);
        assert_eq!(value("\"1\"").as_u64(), None);
    }

    proptest! {
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
