//! What the targets share: JSON as `serde_json` reads it, the reference for our own reader.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// An object by its keys, of equal ones the last. Values stay text, so neither the range of numbers nor the depth of
/// nesting is the reference's own.
pub type Object<'a> = HashMap<String, &'a RawValue>;

/// The value as a string; `None` for any other kind.
pub fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Turns escaped surrogates into other characters. A lone one is well-formed JSON, but a string that `serde_json`
/// refuses and that we read as U+FFFD; a pair is read alike and goes with them.
pub fn without_surrogates(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for at in 0..bytes.len().saturating_sub(3) {
        if let [b'\\', b'u', first @ (b'd' | b'D'), b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F'] =
            &mut bytes[at..at + 4]
        {
            *first = b'0';
        }
    }
    String::from_utf8(bytes).expect("one ASCII character for another")
}
