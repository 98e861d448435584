//! One exchange payload as it left the socket.

use std::borrow::Cow;

use tapeline_json::{Cursor, Value};

use super::fields::{Fields, Slot};
use super::in_order::{self, InOrder};
use super::{DecodeError, FieldName};

/// The longest payload of a frame, in bytes: as much as a whole record holds uncompressed. A row of the widest kind is
/// three times as long as its payload; the longest real one, a difference of 5,000 levels on each side, has 300 kB.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// One frame.
///
/// Combined: `{"stream":"btcusdt@trade","data":{"e":"trade",...}}`; raw: `{"e":"trade",...}`.
#[derive(Debug, Clone)]
pub struct Frame<'a>(pub(super) Layout<'a>);

/// How a frame was read.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one frame at a time, on the stack")]
pub(super) enum Layout<'a> {
    /// By what is foreseen.
    InOrder(InOrder<'a>),
    /// By its keys.
    Keyed(Keyed<'a>),
}

/// A frame whose keys may stand in any order: the fields of its payload, and the stream name if it came over a combined
/// connection.
#[derive(Debug, Clone)]
pub(super) struct Keyed<'a> {
    stream: Cow<'a, str>,
    fields: Fields<'a>,
}

/// What a frame is dispatched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'f> {
    /// The whole stream name; empty for a raw frame.
    pub(super) stream: &'f str,
    /// The payload's `e`; empty where it is no plain string.
    pub(super) event: Option<&'f str>,
}

impl<'f> Address<'f> {
    /// The stream name's part before the first `@`: a symbol in lower case, or `!` and a name.
    pub(super) fn symbol(&self) -> &'f str {
        self.stream.split_once('@').map_or(self.stream, |(symbol, _)| symbol)
    }

    /// The stream name's part behind the first `@`.
    pub(super) fn name(&self) -> &'f str {
        self.stream.split_once('@').map_or("", |(_, name)| name)
    }
}

impl<'a> Keyed<'a> {
    /// What the frame is dispatched on.
    pub(super) fn address(&self) -> Address<'_> {
        Address { stream: &self.stream, event: self.fields.event() }
    }

    /// The payload's fields.
    pub(super) const fn fields(&self) -> &Fields<'a> {
        &self.fields
    }
}

/// What a key of a document stands for.
enum Part {
    Stream,
    Data,
    Field(Slot),
}

impl Part {
    fn of(key: &str) -> Option<Self> {
        match key {
            "stream" => Some(Self::Stream),
            "data" => Some(Self::Data),
            _ => Slot::of(key).map(Self::Field),
        }
    }
}

/// Reads one JSON document and hands each frame in it to `each`, in order: one for a payload, several where a
/// combined frame carries an array of payloads (`!miniTicker@arr`).
///
/// # Errors
/// When the document is no frame, and whatever `each` returns.
pub fn frames<'a, E: From<DecodeError>>(
    cursor: &mut Cursor<'a>,
    each: &mut impl FnMut(&Frame<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let start = cursor.at();
    if let Some(done) = in_order::frame(cursor, each) {
        return done;
    }
    let mut frame = Keyed { stream: Cow::Borrowed(""), fields: Fields::new("") };
    match frame.read(cursor)? {
        None => {
            check_length(cursor.at() - start)?;
            each(&Frame(Layout::Keyed(frame)))
        }
        Some(payloads) => frame.each_payload(payloads, each),
    }
}

impl<'a> Keyed<'a> {
    /// Reads a document in one pass, the payload of a combined frame straight into the fields: the order of keys is
    /// not promised, so what kind of frame it is shows only at its end. Gives the payloads if there are several.
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<Option<Value<'a>>, DecodeError> {
        let (mut has_stream, mut has_data, mut payloads) = (false, false, None);
        let mut object = cursor.object()?;
        loop {
            let part = match object.letter() {
                Some(letter) => Slot::of_letter(letter).map(Part::Field),
                None => match object.key()? {
                    Some(key) => key.find(Part::of),
                    None => break,
                },
            };
            match part {
                Some(Part::Stream) => {
                    once(&mut has_stream, "stream")?;
                    self.stream = stream_name(object.cursor())?;
                }
                Some(Part::Data) => {
                    once(&mut has_data, "data")?;
                    match object.cursor().peek() {
                        Some(b'[') => payloads = Some(object.value()?),
                        _ => self.fields.read(object.cursor())?,
                    }
                }
                Some(Part::Field(slot)) => self.fields.put(Some(slot), object.cursor())?,
                None => drop(object.value()?),
            }
        }
        if has_stream && !has_data {
            return Err(DecodeError::Missing { field: DATA });
        }
        Ok(payloads)
    }

    fn each_payload<E: From<DecodeError>>(
        self,
        payloads: Value<'a>,
        each: &mut impl FnMut(&Frame<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursor = payloads.cursor();
        let mut elements = cursor.array().map_err(DecodeError::from)?;
        while let Some(element) = elements.element().map_err(DecodeError::from)? {
            let (start, mut fields) = (element.at(), Fields::new(""));
            fields.read(element)?;
            check_length(element.at() - start)?;
            each(&Frame(Layout::Keyed(Self { stream: self.stream.clone(), fields })))?;
        }
        Ok(())
    }
}

pub(super) fn check_length(bytes: usize) -> Result<(), DecodeError> {
    if bytes > FRAME_BYTES_MAX { Err(DecodeError::TooLong { bytes }) } else { Ok(()) }
}

const DATA: FieldName = FieldName { object: "", key: "data" };

fn once(seen: &mut bool, key: &'static str) -> Result<(), DecodeError> {
    if std::mem::replace(seen, true) {
        return Err(DecodeError::Duplicate { field: FieldName { object: "", key } });
    }
    Ok(())
}

fn stream_name<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, DecodeError> {
    let otherwise = cursor.error("a stream name in quotes");
    Ok(cursor.value()?.as_text().ok_or(otherwise)?.decode())
}
