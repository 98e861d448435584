//! One side of the order book.

use tapeline_json::{Cursor, Value};

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
pub struct Levels<'a>(Value<'a>);

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
        Ok(Self(value))
    }

    /// The levels, best first as the exchange sends them.
    pub fn iter(self) -> impl Iterator<Item = Level<'a>> {
        let mut cursor = self.0.cursor();
        cursor.eat(b'[');
        std::iter::from_fn(move || {
            // All were checked when they were read: only at the closing bracket there is none.
            let level = level(&mut cursor);
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
