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
            [letter @ b'a'..=b'z'] => usize::from(letter - b'a'),
            [letter @ b'A'..=b'Z'] => usize::from(letter - b'A') + 26,
            _ => LONG_KEYS.iter().position(|&long| long == key)? + LETTERS,
        };
        Some(Self(at))
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
pub struct Fields<'a> {
    object: &'static str,
    values: [Option<Value<'a>>; SLOTS],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(object: &'static str) -> Self {
        Self { object, values: [None; SLOTS] }
    }

    /// Reads an object. Keys that nobody asks for are passed over.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            let value = object.value()?;
            if let Some(slot) = key.find(Slot::of) {
                self.put(slot, value)?;
            }
        }
        Ok(())
    }

    pub(super) fn put(&mut self, slot: Slot, value: Value<'a>) -> Result<(), DecodeError> {
        match self.values.get_mut(slot.0) {
            Some(Some(_)) => Err(DecodeError::Duplicate { field: self.name(slot.key()) }),
            Some(empty) => {
                *empty = Some(value);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the key is there, null included.
    pub fn has(&self, key: &str) -> bool {
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
        Symbol::parse(text.decode()).map_err(|error| DecodeError::Symbol { field, source: Some(error) })
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
        let digits = value.as_text().and_then(|text| Digits::unsigned(text.raw()));
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

    /// The refusal of a quantity whose product with the price has more digits than can be exact.
    pub(super) fn inexact(&self, quantity: &'static str) -> DecodeError {
        match self.required(quantity) {
            Ok(value) => self.bad(quantity, Expected::FACTOR, value),
            Err(missing) => missing,
        }
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
