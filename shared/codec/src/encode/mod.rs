//! Messages as rows of the wide table: one file for each destination format, one line here.

mod columns;
mod csv;
mod document;
mod json;
mod json_lines;

use tapeline_market::{Decimal, Market, Symbol, Timestamp};

pub use columns::{COLUMNS, Column, column};

use crate::binance::{Digits, Levels, Message};

macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident = $name:literal: $module:ident;)*) => {
        /// How a record is written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format { $($(#[$doc])* $format,)* }

        impl Format {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$format,)*];

            /// The format's name in configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$format => $name,)* }
            }

            /// The most frames that one record of this format holds; `None` where there is no such limit.
            pub const fn frames_max(self) -> Option<usize> {
                match self { $(Self::$format => $module::FRAMES_MAX,)* }
            }

            /// Appends one message as one line.
            pub fn write(self, message: &Message<'_>, arrival: Option<Timestamp>, out: &mut Vec<u8>) {
                match self { $(Self::$format => $module::write(message, arrival, out),)* }
            }
        }
    };
}

formats! {
    /// One JSON document a line.
    JsonLines = "json_lines": json_lines;
    /// The wide table's columns in their order, RFC 4180 without a header.
    Csv = "csv": csv;
    /// One JSON document, for destinations where one record is one document.
    Document = "document": document;
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|format| format.as_str() == text);
        found.copied().ok_or_else(|| UnknownFormat { found: text.to_owned() })
    }
}

/// The text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `json_lines`, `csv` or `document`, was {found:?}")]
pub struct UnknownFormat {
    /// The text that was found.
    pub found: String,
}

/// One row being written. A column that a message does not have is left out (null).
pub(crate) trait Row {
    fn text(&mut self, column: Column, value: &str);
    /// Writes text that no format needs to escape or quote: a word of ours, or a symbol.
    fn word(&mut self, column: Column, value: &str);
    fn digits(&mut self, column: Column, value: Digits<'_>);
    /// Writes a computed decimal in its shortest text.
    fn decimal(&mut self, column: Column, value: Decimal);
    fn integer(&mut self, column: Column, value: u64);
    fn time(&mut self, column: Column, value: Timestamp);
    fn flag(&mut self, column: Column, value: bool);
    fn levels(&mut self, column: Column, value: Levels<'_>);
    /// Writes the id column: market, symbol, and what the message adds.
    fn id(&mut self, column: Column, message: &Message<'_>);

    fn optional_digits(&mut self, column: Column, value: Option<Digits<'_>>) {
        if let Some(value) = value {
            self.digits(column, value);
        }
    }

    fn optional_integer(&mut self, column: Column, value: Option<u64>) {
        if let Some(value) = value {
            self.integer(column, value);
        }
    }

    fn optional_time(&mut self, column: Column, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.time(column, value);
        }
    }

    /// Writes every column of a message, common ones first.
    fn message(&mut self, message: &Message<'_>, arrival: Option<Timestamp>)
    where
        Self: Sized,
    {
        let header = &message.header;
        self.id(column::ID, message);
        self.word(column::MARKET, header.market.as_str());
        self.word(column::SYMBOL, header.symbol.as_str());
        self.optional_time(column::EVENT_TIME, header.event_time);
        self.optional_time(column::ARRIVAL_TIME, arrival);
        message.body.write(self);
    }
}

/// Builds a record's id, `market|symbol|...`: a pure function of the frame, so a redelivered frame has the same.
///
/// Times are microseconds since the epoch. Nothing in an id needs escaping in JSON: see [`Symbol`].
#[derive(Debug)]
pub(crate) struct IdWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> IdWriter<'o> {
    pub(crate) fn write(message: &Message<'_>, out: &'o mut Vec<u8>) {
        Self::start(message.header.market, &message.header.symbol, out, |id| {
            message.body.write_id(&message.header, id);
        });
    }

    fn start(market: Market, symbol: &Symbol<'_>, out: &'o mut Vec<u8>, rest: impl FnOnce(&mut Self)) {
        let mut id = Self { out };
        id.out.extend_from_slice(market.as_str().as_bytes());
        id.text(symbol.as_str());
        rest(&mut id);
    }

    /// Appends a part that keys can carry as it is.
    pub(crate) fn text(&mut self, part: &str) {
        self.out.push(b'|');
        self.out.extend_from_slice(part.as_bytes());
    }

    pub(crate) fn number(&mut self, part: u64) {
        self.text(itoa::Buffer::new().format(part));
    }

    pub(crate) fn time(&mut self, part: Timestamp) {
        self.text(itoa::Buffer::new().format(part.micros()));
    }

    /// Appends a time that may be absent; then the part is empty.
    pub(crate) fn optional_time(&mut self, part: Option<Timestamp>) {
        match part {
            Some(time) => self.time(time),
            None => self.text(""),
        }
    }
}
