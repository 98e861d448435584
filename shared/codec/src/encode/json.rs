//! A row as a JSON document.

use tapeline_market::{Decimal, Timestamp};

use super::{Column, IdWriter, Row};
use crate::binance::{Digits, Levels, Message};

/// Appends a message as one JSON document without a newline: kind first, then the columns it has.
pub(super) fn write(message: &Message<'_>, arrival: Option<Timestamp>, out: &mut Vec<u8>) {
    out.extend_from_slice(message.body.kind().json_head().as_bytes());
    JsonRow { out }.message(message, arrival);
    out.push(b'}');
}

struct JsonRow<'o> {
    out: &'o mut Vec<u8>,
}

impl JsonRow<'_> {
    #[inline]
    fn key(&mut self, column: Column) {
        self.out.extend_from_slice(column.json_key.as_bytes());
    }
}

impl Row for JsonRow<'_> {
    #[inline]
    fn text(&mut self, column: Column, value: &str) {
        self.key(column);
        tapeline_json::write_content(value, self.out);
        self.out.push(b'"');
    }

    #[inline]
    fn word(&mut self, column: Column, value: &str) {
        self.key(column);
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
    }

    #[inline]
    fn digits(&mut self, column: Column, value: Digits<'_>) {
        self.key(column);
        self.out.extend_from_slice(value.as_str().as_bytes());
    }

    #[inline]
    fn decimal(&mut self, column: Column, value: Decimal) {
        self.key(column);
        value.write_shortest_to(self.out);
    }

    #[inline]
    fn integer(&mut self, column: Column, value: u64) {
        self.key(column);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline]
    fn time(&mut self, column: Column, value: Timestamp) {
        self.key(column);
        self.out.extend_from_slice(&value.to_iso());
        self.out.push(b'"');
    }

    #[inline]
    fn flag(&mut self, column: Column, value: bool) {
        self.key(column);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn levels(&mut self, column: Column, value: Levels<'_>) {
        self.key(column);
        write_levels(value, self.out);
    }

    #[inline]
    fn id(&mut self, column: Column, message: &Message<'_>) {
        self.key(column);
        IdWriter::write(message, self.out);
        self.out.push(b'"');
    }
}

/// Appends `[{"price":1.5,"quantity":2},...]`.
pub(super) fn write_levels(levels: Levels<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, level) in levels.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"{\"price\":" } else { b",{\"price\":" });
        out.extend_from_slice(level.price.as_str().as_bytes());
        out.extend_from_slice(b",\"quantity\":");
        out.extend_from_slice(level.quantity.as_str().as_bytes());
        out.push(b'}');
    }
    out.push(b']');
}
