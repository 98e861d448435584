//! The fields of one frame, found by key.

use std::borrow::Cow;

use tapeline_json::{Cursor, Text, Value};
use tapeline_market::{Interval, Symbol, Timestamp};

use super::error::Expected;
use super::{DecodeError, Digits, FieldName, Levels};

/// Keys of more than one letter that some decoder asks for.
const LONG_KEYS: [&str; 10] =
    ["lastUpdateId", "bids", "asks", "pu", "ap", "result", "id", "error", "code", "msg"];
const LETTERS: usize = 2 * 26;
const SLOTS: usize = LETTERS + LONG_KEYS.len();

/// Where a key's value is kept. The exchange names most fields with one letter, so a table of the letters makes every
/// look-up one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(usize);

impl Slot {
    /// `None` for keys that no decoder asks for.
    #[inline]
    pub(super) fn of(key: &str) -> Option<Self> {
        let at = match key.as_bytes() {
            &[letter] => return Self::of_letter(letter),
            _ => LONG_KEYS.iter().position(|&long| long == key)? + LETTERS,
        };
        Some(Self(at))
    }

    #[inline]
    pub(super) fn of_letter(letter: u8) -> Option<Self> {
        match letter {
            b'a'..=b'z' => Some(Self(usize::from(letter - b'a'))),
            b'A'..=b'Z' => Some(Self(usize::from(letter - b'A') + 26)),
            _ => None,
        }
    }

    /// The key, for errors.
    fn key(self) -> &'static str {
        const NAMES: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        match self.0.checked_sub(LETTERS) {
            Some(long) => LONG_KEYS.get(long).copied().unwrap_or_default(),
            None => NAMES.get(self.0..=self.0).unwrap_or_default(),
        }
    }
}

/// The fields of one object of a frame, each as it stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    object: &'static str,
    values: [Option<Value<'a>>; SLOTS],
    /// One bit for each slot whose value is known to be a string that is a number without sign and exponent.
    numbers: u64,
}

// There is a bit for each slot.
const _: () = assert!(SLOTS <= u64::BITS as usize);

impl<'a> Fields<'a> {
    pub(super) const fn new(object: &'static str) -> Self {
        Self { object, values: [None; SLOTS], numbers: 0 }
    }

    /// Reads an object. Keys that nobody asks for are passed over.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let mut object = cursor.object()?;
        loop {
            let slot = match object.letter() {
                Some(letter) => Slot::of_letter(letter),
                None => match object.key()? {
                    Some(key) => key.find(Slot::of),
                    None => return Ok(()),
                },
            };
            self.put(slot, object.cursor())?;
        }
    }

    /// Reads the value of a key, and keeps it if the key has a slot.
    #[inline]
    pub(super) fn put(&mut self, slot: Option<Slot>, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let (value, is_number) = cursor.told_value()?;
        let Some(slot) = slot else { return Ok(()) };
        match self.values.get_mut(slot.0) {
            Some(Some(_)) => Err(DecodeError::Duplicate { field: self.name(slot.key()) }),
            Some(empty) => {
                *empty = Some(value);
                self.numbers |= u64::from(is_number) << slot.0;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the key is there, null included.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    #[inline]
    fn raw(&self, key: &str) -> Option<Value<'a>> {
        *self.values.get(Slot::of(key)?.0)?
    }

    const fn name(&self, key: &'static str) -> FieldName {
        FieldName { object: self.object, key }
    }

    fn required(&self, key: &'static str) -> Result<Value<'a>, DecodeError> {
        self.raw(key).ok_or_else(|| DecodeError::Missing { field: self.name(key) })
    }

    fn bad(&self, key: &'static str, expected: Expected, found: Value<'_>) -> DecodeError {
        expected.but_was(self.name(key), found)
    }

    /// The fields of an object inside of this one, whose field names are `object.key` in errors.
    pub(super) fn inner(&self, object: &'static str) -> Result<Self, DecodeError> {
        let mut inner = Self::new(object);
        inner.read(&mut self.required(object)?.cursor())?;
        Ok(inner)
    }

    pub(super) fn symbol(&self, key: &'static str) -> Result<Symbol<'a>, DecodeError> {
        let field = self.name(key);
        let text = self.raw(key).and_then(Value::as_text);
        let text = text.ok_or(DecodeError::Symbol { field, source: None })?;
        // What stands there is the symbol if it is one: no symbol has a backslash.
        let symbol = Symbol::parse(text.raw()).or_else(|_| Symbol::parse(text.decode()));
        symbol.map_err(|error| DecodeError::Symbol { field, source: Some(error) })
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Cow<'a, str>, DecodeError> {
        let value = self.required(key)?;
        let text = value.as_text().ok_or_else(|| self.bad(key, Expected::TEXT, value))?;
        Ok(text.decode())
    }

    /// The event type; `None` in a frame without one. What is no plain string is empty: a type that nobody knows.
    pub(super) fn event(&self) -> Option<&'a str> {
        let text = self.raw("e")?.as_text();
        Some(text.and_then(Text::plain).unwrap_or_default())
    }

    /// A price or quantity: never negative.
    pub(super) fn decimal(&self, key: &'static str) -> Result<Digits<'a>, DecodeError> {
        let value = self.required(key)?;
        let is_number = Slot::of(key).is_some_and(|slot| self.numbers >> slot.0 & 1 == 1);
        let read = if is_number { Digits::of_number } else { Digits::unsigned };
        let digits = value.as_text().and_then(|text| read(text.raw()));
        digits.ok_or_else(|| self.bad(key, Expected::DECIMAL, value))
    }

    /// A price or quantity that some markets leave out.
    pub(super) fn optional_decimal(&self, key: &'static str) -> Result<Option<Digits<'a>>, DecodeError> {
        self.raw(key).map(|_| self.decimal(key)).transpose()
    }

    /// A difference or a rate.
    pub(super) fn signed_decimal(&self, key: &'static str) -> Result<Digits<'a>, DecodeError> {
        let value = self.required(key)?;
        let digits = value.as_text().and_then(|text| Digits::signed(text.raw()));
        digits.ok_or_else(|| self.bad(key, Expected::DECIMAL, value))
    }

    /// An id or a count, of at most the bits that a `bigint` column holds.
    pub(super) fn number(&self, key: &'static str) -> Result<u64, DecodeError> {
        let value = self.required(key)?;
        let number = value.as_u64().filter(|&number| number <= i64::MAX.unsigned_abs());
        number.ok_or_else(|| self.bad(key, Expected::NUMBER, value))
    }

    /// An id that some markets leave out.
    pub(super) fn optional_number(&self, key: &'static str) -> Result<Option<u64>, DecodeError> {
        self.raw(key).map(|_| self.number(key)).transpose()
    }

    /// The id of a first or last trade: -1 where there was none.
    pub(super) fn trade_id(&self, key: &'static str) -> Result<Option<u64>, DecodeError> {
        let value = self.required(key)?;
        if value.raw() == "-1" { Ok(None) } else { self.number(key).map(Some) }
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<bool, DecodeError> {
        let value = self.required(key)?;
        value.as_bool().ok_or_else(|| self.bad(key, Expected::FLAG, value))
    }

    /// Milliseconds, or microseconds where the connection asked for them.
    pub(super) fn time(&self, key: &'static str) -> Result<Timestamp, DecodeError> {
        let value = self.required(key)?;
        let time = value.as_u64().and_then(|time| Timestamp::from_exchange(time).ok());
        time.ok_or_else(|| self.bad(key, Expected::TIME, value))
    }

    pub(super) fn optional_time(&self, key: &'static str) -> Result<Option<Timestamp>, DecodeError> {
        self.raw(key).map(|_| self.time(key)).transpose()
    }

    pub(super) fn interval(&self, key: &'static str) -> Result<Interval, DecodeError> {
        let value = self.required(key)?;
        let interval = value.as_text().and_then(|text| text.raw().parse().ok());
        interval.ok_or_else(|| self.bad(key, Expected::INTERVAL, value))
    }

    /// A side of the order book.
    pub(super) fn levels(&self, key: &'static str) -> Result<Levels<'a>, DecodeError> {
        Levels::read(self.required(key)?, self.name(key))
    }

    /// Whether the value is there and null.
    pub(super) fn is_null(&self, key: &'static str) -> bool {
        self.raw(key).is_some_and(Value::is_null)
    }

    /// Whether the value is there and an empty string.
    pub(super) fn is_empty_text(&self, key: &'static str) -> bool {
        self.raw(key).is_some_and(|value| value.raw() == "\"\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_its_own_key() {
        for at in 0..SLOTS {
            assert_eq!(Slot::of(Slot(at).key()), Some(Slot(at)));
        }
        for key in ["", "é", "stream", "E2"] {
            assert_eq!(Slot::of(key), None);
        }
    }
}
