//! Reading values that are written as one before them was.

use crate::scan;
use crate::value::Value;

/// How a value is written: its plain values, which are strings and numbers at any depth, and the texts between them.
///
/// What one program writes of many things of a kind differs in the plain values alone. So the texts between them need no
/// reading, only comparing, whatever order the keys are in; half the instructions of looking keys up.
#[derive(Debug, Clone)]
pub struct Shape<'a> {
    /// What was read last.
    text: &'a str,
    plain: Vec<Plain<'a>>,
    /// The text behind the last of them.
    behind: &'a str,
}

/// More plain values than any record of an event has; a value of more is not worth comparing.
const PLAIN_MAX: usize = 16;

/// A string or a number without sign and exponent, and what stands in front of it.
#[derive(Debug, Clone, Copy)]
struct Plain<'a> {
    /// From the value before on, the quotes of both included.
    before: &'a str,
    /// Where it began and how long it was when it was read last, without its quotes.
    start: usize,
    length: usize,
    is_text: bool,
}

impl<'a> Shape<'a> {
    /// The shape of a value; `None` if it has more than 16 plain values.
    pub fn of(value: Value<'a>) -> Option<Self> {
        let (text, bytes) = (value.raw(), value.raw().as_bytes());
        let (mut plain, mut before, mut at) = (Vec::new(), 0, 0);
        while let Some(&byte) = bytes.get(at) {
            let is_text = byte == b'"';
            if !is_text && !byte.is_ascii_digit() {
                at += 1;
                continue;
            }
            let start = at + usize::from(is_text);
            let length = if is_text {
                scan::string_end(bytes, start).ok()? - start
            } else {
                scan::unsigned_length(bytes.get(start..)?).0
            };
            let end = start + length;
            at = end + usize::from(is_text);
            if is_text && bytes.get(scan::space_end(bytes, at)) == Some(&b':') {
                continue;
            }
            if plain.len() == PLAIN_MAX {
                return None;
            }
            plain.push(Plain { before: text.get(before..start)?, start, length, is_text });
            before = end;
        }
        Some(Self { text, plain, behind: text.get(before..)? })
    }

    /// The plain values that were read last, in the order in which they stand in the text.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        self.plain.iter().filter_map(|plain| plain.value(self.text))
    }

    /// The plain value at a place among [`Self::values`].
    #[inline]
    pub fn value(&self, at: usize) -> Option<Value<'a>> {
        self.plain.get(at)?.value(self.text)
    }

    /// Reads a value of this shape and gives the byte offset behind it. `None` for any other, and where a string has
    /// escapes: what was read of it does not count.
    pub(crate) fn read(&mut self, text: &'a str, start: usize) -> Option<usize> {
        let mut at = start;
        self.text = text;
        for plain in &mut self.plain {
            let rest = text.as_bytes().get(at..)?.strip_prefix(plain.before.as_bytes())?;
            (plain.start, plain.length) = (at + plain.before.len(), plain.length_in(rest)?);
            at = plain.start + plain.length;
        }
        let found = text.as_bytes().get(at..)?.starts_with(self.behind.as_bytes());
        found.then_some(at + self.behind.len())
    }
}

impl Plain<'_> {
    /// The value in the text in which it was read.
    #[inline]
    fn value<'a>(&self, text: &'a str) -> Option<Value<'a>> {
        let quote = usize::from(self.is_text);
        text.get(self.start - quote..self.start + self.length + quote).map(Value::checked)
    }

    /// Length of the value that stands in front of `rest`, without its quotes.
    #[inline]
    fn length_in(&self, rest: &[u8]) -> Option<usize> {
        // Ids are of one length, and times too: the end of most values is known before they are looked at.
        let before = self.length;
        if !self.is_text {
            if scan::is_whole_number(rest, before) {
                return Some(before);
            }
            let (length, is_number) = scan::unsigned_length(rest);
            return is_number.then_some(length);
        }
        if rest.get(before) == Some(&b'"') && rest.get(..before).is_some_and(scan::is_plain) {
            return Some(before);
        }
        let length = scan::plain_end(rest, 0);
        (rest.get(length) == Some(&b'"')).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Shape;
    use crate::{Cursor, Value};

    /// Reads `text` as what is written like `before`: the values found, and what is left of the text.
    fn read<'a>(before: &'a str, text: &'a str) -> Option<(Vec<&'a str>, &'a str)> {
        let mut shape = Shape::of(Cursor::new(before).value().unwrap())?;
        let mut cursor = Cursor::new(text);
        let value = cursor.shaped(&mut shape)?;
        assert_eq!(Cursor::new(text).value().map(Value::raw), Ok(value.raw()), "{before} {text}");
        Some((shape.values().map(Value::raw).collect(), text.get(cursor.at()..).unwrap()))
    }

    #[test]
    fn what_is_written_alike_is_read() {
        let check = |before: &str, text: &str, values: &[&str], rest: &str| {
            assert_eq!(read(before, text), Some((values.to_vec(), rest)), "{before} {text}");
        };
        check(r#"{"a":1,"b":"x"}"#, r#"{"a":25,"b":""},"#, &["25", "\"\""], ",");
        check(r#"{"a":{"b":[1]},"c":null}"#, r#"{"a":{"b":[7.5]},"c":null}"#, &["7.5"], "");
        check(r#"{ "a" : "x" }"#, r#" { "a" : "y" } "#, &["\"y\""], " ");
        check(r#"{"a":-1e5}"#, r#"{"a":-2e7}"#, &["2", "7"], "");
        check(r#"{"a":"x\n"}"#, r#"{"a":"xyz"}"#, &["\"xyz\""], "");
        check("{}", "{}", &[], "");
        check("\"a\"", "\"bc\"", &["\"bc\""], "");
    }

    #[test]
    fn what_is_written_otherwise_is_not_read() {
        for text in [
            "",
            "{}",
            r#"{"a":1,"b":"x"#,
            r#"{"a":1,"b":"x""#,
            r#"{"b":"x","a":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":"1","b":"x"}"#,
            r#"{"a":1, "b":"x"}"#,
            r#"{"a":1,"b":"\u0041"}"#,
            r#"{"a":1,"b":"\"}"#,
            r#"{"a":01,"b":"x"}"#,
            r#"{"a":-1,"b":"x"}"#,
            r#"{"a":1e5,"b":"x"}"#,
            r#"{"a":1.,"b":"x"}"#,
            r#"{"a":,"b":"x"}"#,
            "{\"a\":1,\"b\":\"\u{1}\"}",
        ] {
            assert_eq!(read(r#"{"a":1,"b":"x"}"#, text), None, "{text}");
        }
    }

    #[test]
    fn a_value_of_many_plain_values_has_no_shape() {
        let list = |values: usize| format!("[{}]", vec!["1"; values].join(","));
        let shape = |text: &str| Shape::of(Cursor::new(text).value().unwrap()).is_some();
        assert_eq!([shape(&list(16)), shape(&list(17))], [true, false]);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_the_other_reader_reads(
            texts in prop::array::uniform2(r#"[0-9a-f\\"\u{1}é]{0,3}[0-9a-f]{0,70}[0-9\\"é]?"#),
            numbers in prop::array::uniform2("-?[0-9]{0,18}[.e]?[0-9]{0,3}"),
        ) {
            let [before, text] = [0, 1].map(|at| {
                format!("{{\"a\":\"{}\",\"b\":{{\"c\":{}}},\"d\":\"{}\"}}", texts[at], numbers[at], texts[1 - at])
            });
            // `read` asserts that what has the shape of a value is a value.
            if Cursor::new(&before).value().is_ok_and(|value| value.raw() == before) {
                // An exponent may have zeros in front, which no number that is read has.
                let is_read = !before.contains('\\') && !numbers[0].contains('e');
                prop_assert!(read(&before, &before).is_some() || !is_read, "{}", before);
                let _ = read(&before, &text);
            }
        }
    }
}
