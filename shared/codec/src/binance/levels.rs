//! One side of the order book.

use tapeline_json::Value;

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
        match elements(value).find(|&element| level(element).is_none()) {
            Some(element) => Err(Expected::LEVEL.but_was(field, element)),
            None => Ok(Self(value)),
        }
    }

    /// The levels, best first as the exchange sends them.
    pub fn iter(self) -> impl Iterator<Item = Level<'a>> {
        // All were checked when they were read: none is missing here.
        elements(self.0).filter_map(level)
    }
}

/// The elements of an array that is known to be well formed.
fn elements(array: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let mut cursor = array.cursor();
    cursor.eat(b'[');
    std::iter::from_fn(move || {
        cursor.eat(b',');
        // At the closing bracket there is no value.
        cursor.value().ok()
    })
}

/// Reads `["price","quantity"]`; older frames carry a third element to ignore.
fn level(value: Value<'_>) -> Option<Level<'_>> {
    let mut cursor = value.cursor();
    let mut array = cursor.array().ok()?;
    let price = array.element().ok()??.value().ok()?.as_text()?;
    let quantity = array.element().ok()??.value().ok()?.as_text()?;
    Some(Level { price: Digits::unsigned(price.raw())?, quantity: Digits::unsigned(quantity.raw())? })
}
