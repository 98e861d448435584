//! One side of the order book.

use tapeline_json::{Cursor, Foreseen, Value};

use super::error::Expected;
use super::{DecodeError, Digits, FieldName};

/// One price and what is offered at it; a quantity of zero takes the level away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level<'a> {
    /// The price.
    pub price: Digits<'a>,
    /// The quantity at it.
    pub quantity: Digits<'a>,
}

/// The levels of one side, `[["297.32","19.08"],...]`, checked and left as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels<'a>(&'a str);

impl<'a> Levels<'a> {
    /// Checks every level.
    pub(super) fn read(value: Value<'a>, field: FieldName) -> Result<Self, DecodeError> {
        if !value.raw().starts_with('[') {
            return Err(Expected::LIST.but_was(field, value));
        }
        let mut cursor = value.cursor();
        cursor.eat(b'[');
        while !cursor.eat(b']') {
            let mut element = cursor.clone();
            if level(&mut cursor).is_none() {
                return Err(Expected::LEVEL.but_was(field, element.value().unwrap_or(value)));
            }
            cursor.eat(b',');
        }
        Ok(Self(value.raw()))
    }

    /// Reads levels as the exchange writes them; `None` for any other way.
    pub(super) fn in_order(ahead: &mut Foreseen<'a>) -> Option<Self> {
        let start = ahead.at();
        ahead.literal(b"[")?;
        if ahead.literal(b"]").is_none() {
            plain_level(ahead)?;
            while ahead.literal(b",").is_some() {
                plain_level(ahead)?;
            }
            ahead.literal(b"]")?;
        }
        Some(Self(ahead.since(start)))
    }

    /// The levels, best first as the exchange sends them.
    pub fn iter(self) -> impl Iterator<Item = Level<'a>> {
        let mut cursor = Cursor::new(self.0);
        cursor.eat(b'[');
        std::iter::from_fn(move || {
            // All were checked when they were read: only at the closing bracket there is none.
            let level = cursor.foresee(plain_level).or_else(|| level(&mut cursor));
            cursor.eat(b',');
            level
        })
    }
}

/// Reads `["price","quantity"]`; older frames carry a third element to pass over.
fn level<'a>(cursor: &mut Cursor<'a>) -> Option<Level<'a>> {
    let mut array = cursor.array().ok()?;
    let price = array.element().ok()??.value().ok()?.as_text()?;
    let quantity = array.element().ok()??.value().ok()?.as_text()?;
    while let Some(more) = array.element().ok()? {
        more.value().ok()?;
    }
    Some(Level { price: Digits::unsigned(price.raw())?, quantity: Digits::unsigned(quantity.raw())? })
}

/// Reads `["price","quantity"]` without white space.
#[inline]
fn plain_level<'a>(ahead: &mut Foreseen<'a>) -> Option<Level<'a>> {
    ahead.literal(b"[\"")?;
    let price = Digits::of_number(ahead.digits()?)?;
    ahead.literal(b"\",\"")?;
    let quantity = Digits::of_number(ahead.digits()?)?;
    ahead.literal(b"\"]")?;
    Some(Level { price, quantity })
}
