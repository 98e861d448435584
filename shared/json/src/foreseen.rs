//! Reading JSON whose next bytes are foreseen.

use crate::scan;
use crate::value::whole_number;

/// A place in a JSON text from which on it is read by what is foreseen: keys and signs as literals, plain values between
/// them. The first byte that is another ends it, without an error: who reads so has another way for any other text.
///
/// Nothing is looked at twice and nothing is kept: half the instructions of looking keys up.
#[derive(Debug, Clone)]
pub struct Foreseen<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Foreseen<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, rest: text.get(at..).unwrap_or_default() }
    }

    /// Byte offset in the text.
    pub const fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// Steps over `literal`; `None`, without a step, if something else is next.
    #[inline]
    pub fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        // Of a length that is known, the comparison takes a few instructions and no call.
        if self.rest.as_bytes().first_chunk::<N>()? != literal {
            return None;
        }
        self.take(N).map(|_| ())
    }

    /// Reads the content of a string, up to its closing quote; `None` if it has escapes.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        let length = scan::plain_end(self.rest.as_bytes(), 0);
        if self.rest.as_bytes().get(length) == Some(&b'"') { self.take(length) } else { None }
    }

    /// Reads a whole number without a sign; `None` from 17 digits on.
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        let (number, digits) = whole_number(self.rest.as_bytes())?;
        self.take(digits).map(|_| number)
    }

    /// Reads the text of a number without sign and exponent.
    #[inline]
    pub fn digits(&mut self) -> Option<&'a str> {
        let (length, is_number) = scan::unsigned_length(self.rest.as_bytes());
        if is_number { self.take(length) } else { None }
    }

    /// Reads `true` or `false`.
    #[inline]
    pub fn flag(&mut self) -> Option<bool> {
        match self.literal(b"true") {
            Some(()) => Some(true),
            None => self.literal(b"false").map(|()| false),
        }
    }

    /// The text from `start` on to here; empty where that is no text.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at()).unwrap_or_default()
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Foreseen;
    use crate::Cursor;

    #[test]
    fn what_is_foreseen_is_read() {
        let mut cursor =
            Cursor::new(r#"{"s":"BTCUSDT","p":"65000.12000000","T":1767614400000,"m":true,"n":0} "#);
        let found = cursor.foresee(|ahead| {
            ahead.literal(br#"{"s":""#)?;
            let text = ahead.text()?;
            ahead.literal(br#"","p":""#)?;
            let digits = ahead.digits()?;
            ahead.literal(br#"","T":"#)?;
            let number = ahead.number()?;
            ahead.literal(br#","m":"#)?;
            let flag = ahead.flag()?;
            ahead.literal(br#","n":"#)?;
            let zero = ahead.number()?;
            ahead.literal(b"}")?;
            Some((text, digits, number, flag, zero))
        });
        assert_eq!(found, Some(("BTCUSDT", "65000.12000000", 1_767_614_400_000, true, 0)));
        assert_eq!(cursor.end(), Ok(()));
    }

    #[test]
    fn what_is_not_foreseen_leaves_the_cursor_where_it_is() {
        let mut cursor = Cursor::new(r#"{"a":1}"#);
        let found = cursor.foresee(|ahead| {
            ahead.literal(br#"{"a":"#)?;
            ahead.flag()
        });
        assert_eq!((found, cursor.at()), (None, 0));
    }

    #[test]
    fn other_values_are_left_to_other_readers() {
        let text = |text: &str| Cursor::new(text).foresee(|ahead| ahead.text().map(str::len));
        assert_eq!(
            [text("plain\""), text("a\\u0041\""), text("a"), text("a\u{1}\"")],
            [Some(5), None, None, None]
        );
        let number = |text: &str| Cursor::new(text).foresee(Foreseen::number);
        assert_eq!(
            [number("0,"), number("7"), number("1234567890123456")],
            [Some(0), Some(7), Some(1_234_567_890_123_456)]
        );
        assert_eq!([number("00"), number("-1"), number(""), number("12345678901234567")], [None; 4]);
        let digits = |text: &str| Cursor::new(text).foresee(|ahead| ahead.digits().map(str::len));
        assert_eq!([digits("0.10\""), digits("100"), digits("1.5.2")], [Some(4), Some(3), Some(3)]);
        assert_eq!([digits(".5"), digits("5."), digits("05"), digits("-1"), digits("")], [None; 5]);
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_the_other_reader_reads_them(text in "[0-9]{0,18}[.]?[0-9]{0,9}[,\"}]?.{0,9}") {
            // What follows a number may be anything here: nothing is foreseen of it.
            let value = Cursor::new(&text).value().map_or(&text[..], |value| value.raw());
            let read = Cursor::new(&text).foresee(|ahead| ahead.number().map(|number| (number, ahead.since(0))));
            if let Some((number, taken)) = read {
                prop_assert_eq!(taken.parse(), Ok(number));
                prop_assert!(value.starts_with(taken));
            }
            let digits = Cursor::new(&text).foresee(Foreseen::digits);
            if let Some(digits) = digits {
                prop_assert!(serde_json::from_str::<serde_json::Number>(digits).is_ok());
                prop_assert!(value.starts_with(digits));
            }
        }
    }
}
