//! A record's data: base64 in a JSON string, if it is what it should be.

use tapeline_json::Value;
use thiserror::Error;

use crate::base64;

/// The record has no data that could be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DataError {
    /// No `data`, under none of its names.
    #[error("expected `data`")]
    Absent,
    /// Not a string.
    #[error("expected `data` to be a string")]
    NotText,
    /// Not base64.
    #[error("expected `data` to be base64")]
    Base64(#[source] ::base64::DecodeError),
}

/// Appends the bytes of a record; `out` is as it was when there is an error.
pub(crate) fn decode(data: Option<Value<'_>>, out: &mut Vec<u8>) -> Result<(), DataError> {
    let text = data.ok_or(DataError::Absent)?.as_text().ok_or(DataError::NotText)?;
    let start = out.len();
    // No symbol of base64 needs an escape: only text that does not decode as it stands is read for them.
    let decoded = base64::decode(text.raw(), out).or_else(|error| {
        out.truncate(start);
        if text.plain().is_some() { Err(error) } else { base64::decode(&text.decode(), out) }
    });
    decoded.map_err(|error| {
        out.truncate(start);
        DataError::Base64(error)
    })
}
