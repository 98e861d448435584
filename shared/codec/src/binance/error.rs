//! Why a frame is refused.

use std::fmt;

use tapeline_json::{JsonError, Value};
use tapeline_market::SymbolError;
use thiserror::Error;

use super::{Address, Digits, FRAME_BYTES_MAX};
use crate::Reason;
use crate::framing::excerpt;

/// The place of a field in a frame, written as the exchange's documentation does: `p`, or `k.o` inside of `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldName {
    /// The object inside of the frame; empty for the frame itself.
    pub object: &'static str,
    /// The key.
    pub key: &'static str,
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let point = if self.object.is_empty() { "" } else { "." };
        write!(f, "`{}{point}{}`", self.object, self.key)
    }
}

/// A frame cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not the JSON of a frame.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key stands twice: which of the two is meant is not ours to guess.
    #[error("{field} must stand once")]
    Duplicate {
        /// The field.
        field: FieldName,
    },
    /// Longer than any frame: only compression gets it into a record.
    #[error("expected a frame of at most {FRAME_BYTES_MAX} bytes, was {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// No decoder knows the event type.
    #[error("expected a known event type, was {event:?} on stream {stream:?}")]
    UnknownEvent {
        /// The frame's `e`; empty when it has none, or none that is a plain string.
        event: String,
        /// The stream name; empty for a raw frame.
        stream: String,
    },
    /// Neither frame nor stream name tells the symbol, or keys cannot carry it.
    #[error("{field} must be a symbol")]
    Symbol {
        /// The field; `stream` for the stream name.
        field: FieldName,
        /// What is wrong with it; absent when there is none at all.
        #[source]
        source: Option<SymbolError>,
    },
    /// A documented field is absent.
    #[error("{field} must be present")]
    Missing {
        /// The field.
        field: FieldName,
    },
    /// A field is not what it should be.
    #[error("{field} must be {expected}, was {found}")]
    Field {
        /// The code to count it under.
        reason: Reason,
        /// The field.
        field: FieldName,
        /// What it should be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
}

impl DecodeError {
    /// The code under which the refusal is counted.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Json(_) | Self::Duplicate { .. } => Reason::BadJson,
            Self::TooLong { .. } => Reason::ExpansionLimit,
            Self::UnknownEvent { .. } => Reason::UnknownEvent,
            Self::Symbol { .. } => Reason::NoSymbol,
            Self::Missing { .. } => Reason::MissingField,
            Self::Field { reason, .. } => *reason,
        }
    }

    pub(super) fn unknown_event(address: &Address<'_>) -> Self {
        Self::UnknownEvent {
            event: excerpt(address.event.unwrap_or_default()).into_owned(),
            stream: excerpt(address.stream).into_owned(),
        }
    }
}

/// What a field should be, and the code to count it under when it is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected(Reason, &'static str);

impl Expected {
    pub(super) const TEXT: Self = Self(Reason::BadNumber, "a string");
    pub(super) const DECIMAL: Self = Self(Reason::BadDecimal, "a decimal");
    pub(super) const FACTOR: Self =
        Self(Reason::BadDecimal, "small enough for an exact product with the price");
    pub(super) const NUMBER: Self = Self(Reason::BadNumber, "a whole number below 2^63");
    pub(super) const FLAG: Self = Self(Reason::BadNumber, "true or false");
    pub(super) const TIME: Self = Self(Reason::BadTime, "a time between the years 1970 and 9999");
    pub(super) const INTERVAL: Self = Self(Reason::UnknownEvent, "an interval from `1s` to `1M`");
    pub(super) const LIST: Self = Self(Reason::BadNumber, "a list");
    pub(super) const LEVEL: Self = Self(Reason::BadDecimal, "a list of [price, quantity]");

    pub(super) fn but_was(self, field: FieldName, found: Value<'_>) -> DecodeError {
        self.but_was_text(field, found.raw())
    }

    /// For digits that were taken out of their quotes.
    pub(super) fn but_were(self, field: FieldName, found: Digits<'_>) -> DecodeError {
        self.but_was_text(field, &format!("\"{found}\""))
    }

    fn but_was_text(self, field: FieldName, found: &str) -> DecodeError {
        let Self(reason, expected) = self;
        DecodeError::Field { reason, field, expected, found: excerpt(found).into_owned() }
    }
}
