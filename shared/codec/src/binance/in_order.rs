//! Frames whose keys stand in the order in which the exchange sends them.
//!
//! The order is not promised, so [`Keyed`](super::frame::Keyed) reads every order and says what is wrong with a frame. But
//! a frame that is as foreseen takes half of the instructions when nothing is kept or looked up. Both ways give the same
//! message: a property test permutes the keys.

use tapeline_json::{Cursor, Foreseen};
use tapeline_market::{Interval, Market, Symbol, Timestamp};

use super::{Address, Body, DecodeError, Digits, Frame, Header, Levels};

/// A frame that was read in order.
#[derive(Debug, Clone)]
pub(super) struct InOrder<'a> {
    /// The symbol.
    pub(super) symbol: Symbol<'a>,
    /// When the exchange sent it; absent where the frame has no such time.
    pub(super) event_time: Option<Timestamp>,
    /// The message, not yet in the units of its market.
    pub(super) body: Body<'a>,
}

impl<'a> InOrder<'a> {
    #[inline]
    pub(super) fn header(&self, market: Market) -> Header<'a> {
        Header { market, symbol: self.symbol.clone(), event_time: self.event_time }
    }
}

/// Reads a document and hands its frame to `each`; `None`, having read nothing, if it is not as foreseen.
///
/// Frames are handed on from where they are made: moved out of here, each would be copied with the room that the largest
/// message takes, which cost more than to read it.
pub(super) fn frame<'a, E: From<DecodeError>>(
    cursor: &mut Cursor<'a>,
    each: &mut impl FnMut(&Frame<'a>) -> Result<(), E>,
) -> Option<Result<(), E>> {
    cursor.foresee(|ahead| {
        let start = ahead.at();
        let is_combined = ahead.literal(br#"{"stream":""#).is_some();
        let stream = if is_combined { ahead.text()? } else { "" };
        if is_combined {
            ahead.literal(br#"","data":{"#)?;
        } else {
            ahead.literal(b"{")?;
        }
        super::in_order(&mut Payload { start, is_combined, stream, ahead }, each)
    })
}

/// The inside of a payload, to be read in order. Each step takes what stands in front of a value, then the value; `None`
/// where something else stands there.
#[derive(Debug)]
pub(super) struct Payload<'f, 'a> {
    /// Byte offset of the document.
    start: usize,
    is_combined: bool,
    /// The stream name; empty for a raw frame.
    stream: &'a str,
    ahead: &'f mut Foreseen<'a>,
}

impl<'a> Payload<'_, 'a> {
    /// The stream name's part behind the first `@`.
    pub(super) fn name(&self) -> &'a str {
        Address { stream: self.stream, event: None }.name()
    }

    /// Tries to read a message and the end of the document; steps over nothing if something else stands there.
    #[inline]
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Payload<'_, 'a>) -> Option<T>) -> Option<T> {
        let mut ahead = self.ahead.clone();
        let found = read(&mut Payload { ahead: &mut ahead, ..*self })?;
        if self.is_combined {
            ahead.literal(b"}}")?;
        } else {
            ahead.literal(b"}")?;
        }
        *self.ahead = ahead;
        Some(found)
    }

    /// Length of the document as far as it has been read.
    pub(super) const fn bytes(&self) -> usize {
        self.ahead.at() - self.start
    }

    #[inline]
    pub(super) fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.ahead.literal(literal)
    }

    /// The content of a string without escapes; `before` ends with its opening quote.
    #[inline]
    pub(super) fn text<const N: usize>(&mut self, before: &[u8; N]) -> Option<&'a str> {
        self.literal(before)?;
        self.ahead.text()
    }

    /// An id or a count, of at most 16 digits.
    #[inline]
    pub(super) fn number<const N: usize>(&mut self, before: &[u8; N]) -> Option<u64> {
        self.literal(before)?;
        self.ahead.number()
    }

    /// The id of a first or last trade: -1 where there was none.
    #[inline]
    #[allow(clippy::option_option, reason = "not as foreseen, and foreseen without a trade, are two answers")]
    pub(super) fn trade_id<const N: usize>(&mut self, before: &[u8; N]) -> Option<Option<u64>> {
        self.literal(before)?;
        match self.literal(b"-1") {
            Some(()) => Some(None),
            None => self.ahead.number().map(Some),
        }
    }

    #[inline]
    pub(super) fn time<const N: usize>(&mut self, before: &[u8; N]) -> Option<Timestamp> {
        Timestamp::from_exchange(self.number(before)?).ok()
    }

    /// The content of a string that is a decimal; `before` ends with its opening quote.
    #[inline]
    pub(super) fn decimal<const N: usize>(&mut self, before: &[u8; N]) -> Option<Digits<'a>> {
        self.literal(before)?;
        Digits::of_number(self.ahead.digits()?)
    }

    /// The content of a string that is a symbol; `before` ends with its opening quote.
    #[inline]
    pub(super) fn symbol<const N: usize>(&mut self, before: &[u8; N]) -> Option<Symbol<'a>> {
        Symbol::parse(self.text(before)?).ok()
    }

    /// The content of a string that is an interval; `before` ends with its opening quote.
    #[inline]
    pub(super) fn interval<const N: usize>(&mut self, before: &[u8; N]) -> Option<Interval> {
        self.text(before)?.parse().ok()
    }

    #[inline]
    pub(super) fn flag<const N: usize>(&mut self, before: &[u8; N]) -> Option<bool> {
        self.literal(before)?;
        self.ahead.flag()
    }

    #[inline]
    pub(super) fn levels<const N: usize>(&mut self, before: &[u8; N]) -> Option<Levels<'a>> {
        self.literal(before)?;
        Levels::in_order(self.ahead)
    }
}
