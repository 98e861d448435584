//! The grammar of RFC 8259: where a value ends.

use crate::cursor::JsonError;

/// The deepest nesting accepted. One bit is kept for each open container, so the scan needs no heap and no
/// recursion; the exchange's deepest frame nests four containers, a Lambda event five.
pub const DEPTH_MAX: u32 = 128;

const fn error(expected: &'static str, at: usize) -> JsonError {
    JsonError { expected, at }
}

/// Byte offset behind the value that starts at `start`.
#[inline]
pub(crate) fn value_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    match bytes.get(start) {
        Some(b'{' | b'[') => container_end(bytes, start),
        _ => scalar_end(bytes, start),
    }
}

#[inline]
fn scalar_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    match bytes.get(start) {
        Some(b'"') => Ok(string_end(bytes, start + 1)? + 1),
        Some(b'-' | b'0'..=b'9') => number_end(bytes, start),
        Some(b't') => literal_end(bytes, start, b"true"),
        Some(b'f') => literal_end(bytes, start, b"false"),
        Some(b'n') => literal_end(bytes, start, b"null"),
        _ => Err(error("a JSON value", start)),
    }
}

/// Walks a container without recursion. `open` holds one bit per open container, the innermost lowest: 1 for an
/// object.
fn container_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let (mut open, mut depth, mut at) = (0_u128, 0_u32, start);
    loop {
        // Here a value is due.
        at = space_end(bytes, at);
        let byte = bytes.get(at).copied();
        if let Some(b'{' | b'[') = byte {
            if depth == DEPTH_MAX {
                return Err(error("at most 128 nested containers", at));
            }
            let is_object = byte == Some(b'{');
            (open, depth) = (open << 1 | u128::from(is_object), depth + 1);
            at = space_end(bytes, at + 1);
            if bytes.get(at) != Some(&closing(open)) {
                at = if is_object { key_end(bytes, at)? } else { at };
                continue;
            }
        } else {
            at = space_end(bytes, scalar_end(bytes, at)?);
        }
        // Here a value is complete: leave every container that closes, then step over the comma.
        while depth > 0 && bytes.get(at) == Some(&closing(open)) {
            (open, depth) = (open >> 1, depth - 1);
            if depth == 0 {
                return Ok(at + 1);
            }
            at = space_end(bytes, at + 1);
        }
        at = comma_end(bytes, at, open)?;
    }
}

const fn closing(open: u128) -> u8 {
    if open & 1 == 1 { b'}' } else { b']' }
}

/// Steps over a comma, and over the key behind it inside an object.
fn comma_end(bytes: &[u8], at: usize, open: u128) -> Result<usize, JsonError> {
    let is_object = open & 1 == 1;
    if bytes.get(at) != Some(&b',') {
        return Err(error(if is_object { "`,` or `}`" } else { "`,` or `]`" }, at));
    }
    if is_object { key_end(bytes, space_end(bytes, at + 1)) } else { Ok(at + 1) }
}

fn key_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(error("a key in quotes", at));
    }
    let at = space_end(bytes, string_end(bytes, at + 1)? + 1);
    if bytes.get(at) == Some(&b':') { Ok(at + 1) } else { Err(error("`:`", at)) }
}

pub(crate) fn space_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

fn literal_end(bytes: &[u8], start: usize, literal: &'static [u8]) -> Result<usize, JsonError> {
    let found = bytes.get(start..).is_some_and(|rest| rest.starts_with(literal));
    if found { Ok(start + literal.len()) } else { Err(error("a JSON value", start)) }
}

#[inline]
fn number_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
    let whole = at;
    at = digits_end(bytes, at)?;
    if bytes.get(whole) == Some(&b'0') && at > whole + 1 {
        return Err(error("a number without leading zeros", whole));
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits_end(bytes, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

/// Steps over one digit or more.
#[inline]
fn digits_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let digits = digit_count(bytes.get(start..).unwrap_or_default());
    if digits == 0 { Err(error("a digit", start)) } else { Ok(start + digits) }
}

/// How many digits stand in front.
#[inline]
fn digit_count(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk::<WORD>() {
        let others = non_digits(u64::from_le_bytes(*word));
        let before = bytes.len() - rest.len();
        if others != 0 {
            return before + first_marked(others);
        }
        // The exchange writes eight digits behind most points: no need for another word.
        if !behind.first().is_some_and(u8::is_ascii_digit) {
            return before + WORD;
        }
        rest = behind;
    }
    bytes.len() - rest.len() + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Byte offset of the quote that ends the string whose content starts at `start`, and whether that content is known to
/// be a number without sign and exponent; where it is not known it may be one all the same.
///
/// Most strings of a frame are prices and quantities: this tells them while it looks for their end, which is cheaper
/// than to look for the end first and at the digits again.
#[inline]
pub(crate) fn quoted_end(bytes: &[u8], start: usize) -> Result<(usize, bool), JsonError> {
    let (length, is_number) = unsigned_length(bytes.get(start..).unwrap_or_default());
    let end = start + length;
    if bytes.get(end) == Some(&b'"') {
        return Ok((end, is_number));
    }
    Ok((string_end(bytes, end)?, false))
}

/// How many bytes in front are digits, or the only point between digits, and whether they are a number.
#[inline]
pub(crate) fn unsigned_length(bytes: &[u8]) -> (usize, bool) {
    let whole = digit_count(bytes);
    let is_whole = whole == 1 || (whole > 1 && bytes.first() != Some(&b'0'));
    let Some((b'.', fraction)) = bytes.get(whole..).and_then(<[u8]>::split_first) else {
        return (whole, is_whole);
    };
    let digits = digit_count(fraction);
    (whole + 1 + digits, is_whole && digits > 0)
}

/// Whether a number of so many digits stands in front, and is known to be whole; only one of eight to sixteen digits is.
#[inline]
pub(crate) fn is_whole_number(bytes: &[u8], digits: usize) -> bool {
    let Some((number, [behind, ..])) = bytes.split_at_checked(digits) else { return false };
    let (Some(first), Some(last)) = (number.first_chunk(), number.last_chunk::<WORD>()) else { return false };
    let others = non_digits(u64::from_le_bytes(*first)) | non_digits(u64::from_le_bytes(*last));
    others == 0
        && digits <= 2 * WORD
        && number.first() != Some(&b'0')
        && !matches!(behind, b'0'..=b'9' | b'.')
}

/// Byte offset of the quote that ends the string whose content starts at `start`.
#[inline]
pub(crate) fn string_end(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let at = plain_end(bytes, start);
    if bytes.get(at) == Some(&b'"') { Ok(at) } else { long_string_end(bytes, at) }
}

#[cold]
fn long_string_end(bytes: &[u8], plain: usize) -> Result<usize, JsonError> {
    let mut at = plain;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at = plain_end(bytes, escape_end(bytes, at)?),
            Some(_) => return Err(error("no control character in a string", at)),
            None => return Err(error("the end of the string", at)),
        }
    }
}

/// Byte offset of the first character from `start` on that does not mean itself: a quote, a backslash or a control
/// character; the length where there is none.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], start: usize) -> usize {
    let mut rest = bytes.get(start..).unwrap_or_default();
    while let Some((word, behind)) = rest.split_first_chunk::<WORD>() {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return bytes.len() - rest.len() + first_marked(special);
        }
        rest = behind;
        if bytes.len() - rest.len() - start == BLOCK {
            rest = behind_plain_blocks(rest);
        }
    }
    bytes.len() - rest.len() + rest.iter().take_while(|&&byte| !is_special(byte)).count()
}

/// What follows whole blocks of plain bytes. A record's data is one long string: behind its first words it is looked at in
/// blocks, with the processor's vector unit, which takes half of the time.
fn behind_plain_blocks(mut bytes: &[u8]) -> &[u8] {
    while let Some((block, behind)) = bytes.split_first_chunk::<BLOCK>() {
        // Every byte of a block is looked at, found or not: a loop that may end early is not vectorised.
        if block.iter().fold(false, |found, &byte| found | is_special(byte)) {
            break;
        }
        bytes = behind;
    }
    bytes
}

/// Whether every character means itself: no quote, no backslash and no control character.
///
/// The last look is at the last bytes, seen before or not: no rest is left to look at byte by byte.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let is_block = |block: &[u8; BLOCK]| !block.iter().fold(false, |found, &byte| found | is_special(byte));
    let is_word = |word: &[u8; WORD]| specials(u64::from_le_bytes(*word)) == 0;
    if let Some(last) = bytes.last_chunk() {
        return bytes.as_chunks().0.iter().all(is_block) && is_block(last);
    }
    if let Some(last) = bytes.last_chunk() {
        return bytes.as_chunks().0.iter().all(is_word) && is_word(last);
    }
    match halves(bytes) {
        Some([first, last]) => specials(first << 32 | last) == 0,
        None => !bytes.iter().any(|&byte| is_special(byte)),
    }
}

/// Two vectors of the oldest processors, and four words.
const BLOCK: usize = 32;

#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "blocks are looked at without branches")]
const fn is_special(byte: u8) -> bool {
    // As in `specials`: with its second bit turned the quote stands right behind the control characters.
    (byte ^ 0x02 < 0x21) | (byte == b'\\')
}

/// The first eight bytes, as a number; where there are fewer, zeros behind them, which are nothing that may stand in a
/// string or number.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes),
    }
}

/// Kept out of [`word`], which is two instructions without it.
#[inline(never)]
fn last_word(bytes: &[u8]) -> u64 {
    if let Some([first, last]) = halves(bytes) {
        // Where the halves overlap they are the same bytes. There are fewer than eight, so no shift is by a whole word.
        return first | last << (8 * (bytes.len() - 4));
    }
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The first four bytes and the last four, as numbers; `None` where there are fewer.
#[inline]
fn halves(bytes: &[u8]) -> Option<[u64; 2]> {
    let halves = [bytes.first_chunk()?, bytes.last_chunk()?];
    Some(halves.map(|half| u64::from(u32::from_le_bytes(*half))))
}

/// How many bytes of a string are looked at together: most strings of a frame end within two words.
pub(crate) const WORD: usize = 8;

/// Marks the bytes of a word that are a quote, a backslash or a control character, with the high bit of each. A byte
/// behind the first marked one may be marked falsely, the first never is ("Bit Twiddling Hacks", `hasless`).
const fn specials(word: u64) -> u64 {
    // With its second bit turned the quote stands right behind the control characters: one comparison for both.
    let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (quote_or_control | backslash) & !word & HIGHS
}

/// Marks the bytes of a word that are no digit, with the high bit of each.
pub(crate) const fn non_digits(word: u64) -> u64 {
    let value = word ^ (ONES * b'0' as u64);
    // From 10 on 0x76 more reach the high bit; without it before, none goes on to the next byte.
    (((value & !HIGHS) + ONES * 0x76) | value) & HIGHS
}

/// Place of the first marked byte of a word; the length of a word where none is.
pub(crate) const fn first_marked(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

fn escape_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = bytes.get(at + 2..at + 6);
            let found = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            if found { Ok(at + 6) } else { Err(error("four hexadecimal digits", at + 2)) }
        }
        _ => Err(error("an escape", at)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    /// Whether `text` is exactly one JSON value, by this reader and by the reference.
    fn check(text: &str) {
        let ours = crate::Cursor::new(text);
        let ours = { ours }.value().and_then(|value| {
            let mut rest = crate::Cursor::new(text);
            rest.value()?;
            rest.end().map(|()| value.raw())
        });
        let reference = serde_json::from_str::<&RawValue>(text);
        assert_eq!(ours.ok(), reference.ok().map(RawValue::get), "{text:?}");
    }

    #[test]
    fn the_grammar_is_the_reference_readers() {
        for text in [
            "",
            " ",
            "0",
            "-0",
            "01",
            "-",
            "1.",
            ".5",
            "1.5",
            "1e",
            "1e+",
            "1E-7",
            "1e5",
            "+1",
            "0x1",
            "tru",
            "true",
            "nul",
            "null ",
            "false",
            "\"",
            "\"a",
            "\"a\"",
            "\"\\\"",
            "\"\\\"\"",
            "\"\\u12\"",
            "\"\\u12aF\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "[",
            "]",
            "[]",
            "[ ]",
            "[,]",
            "[1,]",
            "[1 2]",
            "[1,2]",
            "[[],[]]",
            "[}",
            "{",
            "{}",
            "{ }",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1]",
            "{\"a\":[{}]}",
            "{\"a\":1}x",
            "[\"0123456789abcdef\\\"\"]",
            "\"é漢\"",
        ] {
            check(text);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(value_end(nested(128).as_bytes(), 0), Ok(256));
        assert_eq!(value_end(nested(129).as_bytes(), 0), Err(error("at most 128 nested containers", 128)));
        assert!(value_end("[{\"a\":".repeat(100_000).as_bytes(), 0).is_err());
    }

    #[test]
    fn every_byte_is_told_special_or_plain_at_every_place() {
        for byte in 0..=u8::MAX {
            let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
            for place in 0..20 {
                let mut bytes = [0x80_u8; 20];
                bytes[place] = byte;
                assert_eq!(plain_end(&bytes, 0), if is_special { place } else { 20 }, "{byte:#x} at {place}");
            }
            for length in [1, 3, 4, 7, 8, 9, 15, 16, 31, 32, 33, 64, 70] {
                for place in 0..length {
                    let mut bytes = vec![0x80_u8; length];
                    bytes[place] = byte;
                    assert_eq!(is_plain(&bytes), !is_special, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn near_json_is_judged_as_the_reference_does(text in r#"[\[\]{}":,0-9eE.+\-truefalsn\\ ]{0,24}"#) {
            check(&text);
        }

        #[test]
        fn documents_of_the_reference_are_accepted(depth in 0_usize..6, key in ".{0,20}", number in any::<f64>()) {
            let mut value = serde_json::json!({ key: [number, null_or(number)] });
            for _ in 0..depth {
                value = serde_json::json!([value, { "x": value.clone() }]);
            }
            check(&value.to_string());
            check(&serde_json::to_string_pretty(&value).unwrap());
        }
    }

    fn null_or(number: f64) -> serde_json::Value {
        if number > 0.0 { serde_json::Value::Null } else { number.into() }
    }
}
