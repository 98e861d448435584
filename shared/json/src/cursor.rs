//! A place in a JSON text, and the steps that can be taken from it.

use thiserror::Error;

use crate::foreseen::Foreseen;
use crate::scan;
use crate::shape::Shape;
use crate::value::{Text, Value};

/// The text is not the JSON that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected {expected} at byte {at}")]
pub struct JsonError {
    /// What would have been right.
    pub expected: &'static str,
    /// Byte offset in the text where it should have stood.
    pub at: usize,
}

/// A place in a JSON text. Every step skips white space before what it reads.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a text.
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte offset of the cursor.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space; `None` at the end of the text.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        // Frames and events carry no white space between their tokens.
        if byte > b' ' { Some(byte) } else { self.peek_behind_space() }
    }

    #[cold]
    fn peek_behind_space(&mut self) -> Option<u8> {
        self.at = scan::space_end(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads one value of any kind, checked to be well formed.
    ///
    /// # Errors
    /// When the text is no JSON, or nests deeper than [`scan::DEPTH_MAX`].
    #[inline]
    pub fn value(&mut self) -> Result<Value<'a>, JsonError> {
        self.peek();
        let start = self.at;
        self.at = scan::value_end(self.text.as_bytes(), start)?;
        Ok(Value::checked(self.slice(start, self.at)?))
    }

    /// Reads one value as [`Self::value`] does, and tells whether it is known to be a string whose content is a number
    /// without sign and exponent. Where it is not known it may be one all the same.
    ///
    /// # Errors
    /// As [`Self::value`].
    #[inline]
    pub fn told_value(&mut self) -> Result<(Value<'a>, bool), JsonError> {
        if self.peek() != Some(b'"') {
            return Ok((self.value()?, false));
        }
        let start = self.at;
        let (end, is_quoted_number) = scan::quoted_end(self.text.as_bytes(), start + 1)?;
        self.at = end + 1;
        Ok((Value::checked(self.slice(start, self.at)?), is_quoted_number))
    }

    /// Enters an object.
    ///
    /// # Errors
    /// When the next value is none.
    pub fn object(&mut self) -> Result<Object<'_, 'a>, JsonError> {
        self.expect(b'{', "an object")?;
        Ok(Object { cursor: self, started: false })
    }

    /// Enters an array.
    ///
    /// # Errors
    /// When the next value is none.
    pub fn array(&mut self) -> Result<Array<'_, 'a>, JsonError> {
        self.expect(b'[', "an array")?;
        Ok(Array { cursor: self, started: false })
    }

    /// Reads what is foreseen to be next, and steps over it; where `read` gives `None`, nothing is stepped over.
    #[inline]
    pub fn foresee<T>(&mut self, read: impl FnOnce(&mut Foreseen<'a>) -> Option<T>) -> Option<T> {
        let mut ahead = Foreseen::new(self.text, self.at);
        let found = read(&mut ahead)?;
        self.at = ahead.at();
        Some(found)
    }

    /// Reads a value that is written as `shape` tells; `None`, and nothing is stepped over, if it is written otherwise.
    #[inline]
    pub fn shaped(&mut self, shape: &mut Shape<'a>) -> Option<Value<'a>> {
        self.peek();
        let value = self.text.get(self.at..shape.read(self.text, self.at)?)?;
        self.at += value.len();
        Some(Value::checked(value))
    }

    /// The text from where `before` is to here, without white space in front; empty where that is no text.
    pub fn since(&self, before: &Self) -> &'a str {
        self.text.get(before.at..self.at).unwrap_or_default().trim_ascii_start()
    }

    /// Asserts that only white space is left.
    ///
    /// # Errors
    /// When something else follows.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error("the end of the text")) }
    }

    /// Steps over `byte` if it is next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// Steps over `text` if that stands here to the letter, white space included.
    #[inline]
    pub fn eat_text(&mut self, text: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = rest.starts_with(text.as_bytes());
        if found {
            self.at += text.len();
        }
        found
    }

    /// The error that `expected` should have stood here.
    pub const fn error(&self, expected: &'static str) -> JsonError {
        JsonError { expected, at: self.at }
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(expected)) }
    }

    #[inline]
    fn string(&mut self, expected: &'static str) -> Result<Text<'a>, JsonError> {
        self.expect(b'"', expected)?;
        let start = self.at;
        let end = scan::string_end(self.text.as_bytes(), start)?;
        self.at = end + 1;
        Ok(Text::checked(self.slice(start, end)?))
    }

    /// The text between two places; both lie beside ASCII bytes, so neither can split a character.
    #[inline]
    fn slice(&self, start: usize, end: usize) -> Result<&'a str, JsonError> {
        self.text.get(start..end).ok_or_else(|| self.error("a character boundary"))
    }

    /// Steps to the next element of a list that ends with `close`; false when that was next.
    #[inline]
    fn next_element(
        &mut self,
        started: &mut bool,
        close: u8,
        expected: &'static str,
    ) -> Result<bool, JsonError> {
        if self.eat(close) {
            return Ok(false);
        }
        if *started {
            self.expect(b',', expected)?;
        }
        *started = true;
        Ok(true)
    }
}

/// The inside of an object. Read a key, then its value, until there is no key.
#[derive(Debug)]
pub struct Object<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    started: bool,
}

impl<'a> Object<'_, 'a> {
    /// Reads the next key; `None` after the last, when the object has been left.
    ///
    /// # Errors
    /// When no key stands there, or no `:` behind it.
    #[inline]
    pub fn key(&mut self) -> Result<Option<Text<'a>>, JsonError> {
        if !self.cursor.next_element(&mut self.started, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let key = self.cursor.string("a key in quotes")?;
        self.cursor.expect(b':', "`:`")?;
        Ok(Some(key))
    }

    /// Reads the next key if it is a single letter and no white space stands around it; `None`, having read nothing,
    /// where [`Self::key`] must be asked. Most keys of a frame are such, and one look is enough for them.
    #[inline]
    pub fn letter(&mut self) -> Option<u8> {
        // The brace that opened the object, or the comma behind the value before, stands in front of the key.
        let (start, before) =
            if self.started { (self.cursor.at, b',') } else { (self.cursor.at.checked_sub(1)?, b'{') };
        let word = scan::word(self.cursor.text.as_bytes().get(start..)?);
        let [_, _, letter, ..] = word.to_le_bytes();
        let expected = u64::from_le_bytes([before, b'"', letter, b'"', b':', 0, 0, 0]);
        if word << 24 != expected << 24 || !letter.is_ascii_alphabetic() {
            return None;
        }
        (self.cursor.at, self.started) = (start + 5, true);
        Some(letter)
    }

    /// The cursor at the value of the key just read: read exactly one value from it.
    pub const fn cursor(&mut self) -> &mut Cursor<'a> {
        self.cursor
    }

    /// Reads the value of the key just read.
    ///
    /// # Errors
    /// When it is not well formed.
    pub fn value(&mut self) -> Result<Value<'a>, JsonError> {
        self.cursor.value()
    }
}

/// The inside of an array. Step to an element, read it, until there is none.
#[derive(Debug)]
pub struct Array<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    started: bool,
}

impl<'a> Array<'_, 'a> {
    /// Steps to the next element; `None` after the last, when the array has been left. Read exactly one value from
    /// the cursor it gives.
    ///
    /// # Errors
    /// When a comma is missing.
    pub fn element(&mut self) -> Result<Option<&mut Cursor<'a>>, JsonError> {
        let found = self.cursor.next_element(&mut self.started, b']', "`,` or `]`")?;
        Ok(found.then_some(&mut *self.cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_key_by_key() {
        let mut cursor = Cursor::new(r#" { "a" : 1.50 , "b" : [ 2 , {} ] } {"next":1}"#);
        let mut object = cursor.object().unwrap();
        let mut seen = Vec::new();
        while let Some(key) = object.key().unwrap() {
            seen.push((key.raw(), object.value().unwrap().raw()));
        }
        assert_eq!(seen, [("a", "1.50"), ("b", "[ 2 , {} ]")]);
        assert_eq!(cursor.peek(), Some(b'{'));
    }

    #[test]
    fn keys_of_one_letter_are_read_at_one_look() {
        let check = |text: &str, letters: &str| {
            let mut cursor = Cursor::new(text);
            let mut object = cursor.object().unwrap();
            let mut found = String::new();
            while let Some(letter) = object.letter() {
                found.push(char::from(letter));
                object.value().unwrap();
            }
            assert_eq!(found, letters, "{text}");
        };
        check(r#"{"a":1,"B":2,"c":"x"}"#, "aBc");
        check(r#"{"a":1,"bb":2,"c":3}"#, "a");
        check(r#"{"a":1, "b":2}    "#, "a");
        check(r#"{"a" :1}     "#, "");
        check(r#"{ "a":1}     "#, "");
        check(r#"{"":":1}     "#, "");
        check(r#"{"1":1}     "#, "");
        check(r#"{,"a":1}    "#, "");
        check(r#"{"a":1"b":1}    "#, "a");
        check("{}", "");
    }

    #[test]
    fn a_number_in_quotes_is_told() {
        let check = |content: &str, expected: bool| {
            let text = format!("\"{content}\",\"and more\"");
            let (value, is_quoted_number) = Cursor::new(&text).told_value().unwrap();
            assert_eq!((value.as_text().unwrap().raw(), is_quoted_number), (content, expected));
        };
        for number in ["0", "0.5", "65000.12000000", "12345678", "1234567.8", "123456789012345678.123456789"]
        {
            check(number, true);
        }
        for other in
            ["", ".", "1.", ".5", "00", "01.5", "1.2.3", "-1", "1e5", "1 ", "BTCUSDT", "1,5", "\\u0031"]
        {
            check(other, false);
        }
        assert_eq!(
            Cursor::new("17").told_value().map(|(value, told)| (value.raw(), told)),
            Ok(("17", false))
        );
        assert!(Cursor::new("\"17").told_value().is_err());
    }

    #[test]
    fn an_error_says_what_and_where() {
        let mut cursor = Cursor::new(r#"{"a":1 "b":2}"#);
        let mut object = cursor.object().unwrap();
        object.key().unwrap();
        object.value().unwrap();
        assert_eq!(object.key().unwrap_err().to_string(), "expected `,` or `}` at byte 7");
    }

    #[test]
    fn a_comma_before_the_end_is_refused() {
        let mut cursor = Cursor::new("[1,]");
        let mut array = cursor.array().unwrap();
        array.element().unwrap().unwrap().value().unwrap();
        let element = array.element().unwrap().unwrap();
        assert_eq!(element.value().unwrap_err(), JsonError { expected: "a JSON value", at: 3 });
    }

    #[test]
    fn what_follows_a_document_is_noticed() {
        let mut cursor = Cursor::new("1 2");
        cursor.value().unwrap();
        assert_eq!(cursor.end(), Err(JsonError { expected: "the end of the text", at: 2 }));
    }

    #[test]
    fn text_is_stepped_over_only_as_a_whole() {
        let mut cursor = Cursor::new(r#"{"a":1}"#);
        assert!(!cursor.eat_text(r#"{"b":"#));
        assert!(cursor.eat_text(r#"{"a":"#));
        assert_eq!((cursor.at(), cursor.value().unwrap().raw()), (5, "1"));
        assert!(!cursor.eat_text("}}"));
        assert!(cursor.eat_text("}"));
        assert_eq!(cursor.end(), Ok(()));
    }
}
