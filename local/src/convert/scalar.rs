//! Reads one JSON value as one value of a column, as the `OpenX` `SerDe` does.
//!
//! A string is read for its content, so `"1.5"` is a number where a number is due, and any value is a text where a text
//! is due: a number by its digits, an object or an array by its compact JSON. Both were seen: the table in [`super::openx`] says where from.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use parquet::data_type::Int96;
use tapeline_json::{Cursor, JsonError, Value};

use super::column::Values;
use super::openx::KeyRule;
use super::schema::Scalar;
use super::{number, time};

/// Java's decoder, which the `SerDe` uses, takes base64 with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Adds a JSON value other than null to a column's values; `None`, with nothing added, when it is none of the type.
pub(super) fn push(values: &mut Values, scalar: Scalar, value: Value<'_>, keys: KeyRule) -> Option<()> {
    match values {
        Values::Boolean(values) => values.push(boolean(value)?),
        Values::Int32(values) => values.push(int32(scalar, value)?),
        Values::Int64(values) => values.push(number::integer(&content(value)?)?),
        Values::Int96(values) => values.push(int96(value)?),
        Values::Float(values) => values.push(number::float(&content(value)?)?),
        Values::Double(values) => values.push(number::double(&content(value)?)?),
        Values::Decimal(values) => values.push(decimal(scalar, value)?),
        Values::Bytes(values) if scalar == Scalar::Binary => {
            values.push(&BASE64.decode(value.as_text()?.decode().as_bytes()).ok()?);
        }
        Values::Bytes(values) => values.push(text(scalar, value, keys)?.as_bytes()),
    }
    Some(())
}

/// The characters of a number or a string; `None` for any other kind.
fn content(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.raw().as_bytes().first()? {
        b'"' => value.as_text().map(tapeline_json::Text::decode),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value.raw())),
        _ => None,
    }
}

fn boolean(value: Value<'_>) -> Option<bool> {
    value.as_bool().or_else(|| {
        let text = value.as_text()?.decode();
        let is_true = text.eq_ignore_ascii_case("true");
        (is_true || text.eq_ignore_ascii_case("false")).then_some(is_true)
    })
}

fn int32(scalar: Scalar, value: Value<'_>) -> Option<i32> {
    if scalar == Scalar::Date {
        return time::date(&value.as_text()?.decode());
    }
    let number = number::integer(&content(value)?)?;
    match scalar {
        Scalar::TinyInt => i8::try_from(number).ok().map(i32::from),
        Scalar::SmallInt => i16::try_from(number).ok().map(i32::from),
        _ => i32::try_from(number).ok(),
    }
}

fn int96(value: Value<'_>) -> Option<Int96> {
    let [low, high, day] = time::int96(time::timestamp(&content(value)?)?)?;
    let mut int96 = Int96::new();
    int96.set_data(low, high, day);
    Some(int96)
}

fn decimal(scalar: Scalar, value: Value<'_>) -> Option<i128> {
    let Scalar::Decimal { precision, scale } = scalar else { return None };
    number::decimal(&content(value)?, precision, scale)
}

/// The value as text. One longer than `varchar(n)` or `char(n)` is refused: Hive would cut it silently.
fn text(scalar: Scalar, value: Value<'_>, keys: KeyRule) -> Option<Cow<'_, str>> {
    let text = match value.as_text() {
        Some(text) => text.decode(),
        None if value.raw().starts_with(['{', '[']) => {
            let mut compact = String::with_capacity(value.raw().len());
            push_compact(&mut value.cursor(), &mut compact, keys).ok()?;
            Cow::Owned(compact)
        }
        None => Cow::Borrowed(value.raw()),
    };
    let length_max = match scalar {
        Scalar::Varchar(length) | Scalar::Char(length) => length as usize,
        _ => usize::MAX,
    };
    // No text has more characters than bytes, so most are not counted.
    (text.len() <= length_max || text.chars().count() <= length_max).then_some(text)
}

/// Appends a JSON value without white space, its keys as the `SerDe` sees them.
fn push_compact(cursor: &mut Cursor<'_>, out: &mut String, keys: KeyRule) -> Result<(), JsonError> {
    match cursor.peek() {
        Some(b'{') => push_compact_object(cursor, out, keys),
        Some(b'[') => {
            let mut array = cursor.array()?;
            let mut separator = '[';
            while let Some(element) = array.element()? {
                out.push(separator);
                push_compact(element, out, keys)?;
                separator = ',';
            }
            out.push_str(if separator == '[' { "[]" } else { "]" });
            Ok(())
        }
        _ => cursor.value().map(|value| out.push_str(value.raw())),
    }
}

fn push_compact_object(cursor: &mut Cursor<'_>, out: &mut String, keys: KeyRule) -> Result<(), JsonError> {
    let mut object = cursor.object()?;
    let mut separator = '{';
    while let Some(key) = object.key()? {
        out.push(separator);
        out.push('"');
        out.push_str(&keys.cased(Cow::Borrowed(key.raw())));
        out.push_str("\":");
        push_compact(object.cursor(), out, keys)?;
        separator = ',';
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::column::Bytes;
    use crate::convert::openx::OpenX;

    fn value(json: &str) -> Value<'_> {
        Cursor::new(json).value().unwrap()
    }

    fn check_text(scalar: Scalar, json: &str, expected: Option<&str>) {
        let mut values = Values::Bytes(Bytes::new());
        let pushed = push(&mut values, scalar, value(json), KeyRule::new(&OpenX::default()));
        let Values::Bytes(bytes) = values else { panic!("still bytes") };
        let found = pushed.map(|()| bytes.slice(0..1)[0].as_utf8().unwrap().to_owned());
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn any_value_is_a_text() {
        check_text(Scalar::String, r#""a\u00e9\n""#, Some("aé\n"));
        check_text(Scalar::String, "1.50", Some("1.50"));
        check_text(Scalar::String, "true", Some("true"));
        check_text(
            Scalar::String,
            r#"{ "Outer" : { "Inner": [1, 2 , {}, []] } }"#,
            Some(r#"{"outer":{"inner":[1,2,{},[]]}}"#),
        );
    }

    #[test]
    fn a_text_keeps_to_its_length() {
        check_text(Scalar::Varchar(3), r#""äöü""#, Some("äöü"));
        check_text(Scalar::Varchar(3), r#""abcd""#, None);
        check_text(Scalar::Char(1), r#""""#, Some(""));
        check_text(Scalar::Char(1), "12", None);
    }

    #[test]
    fn binary_is_base64() {
        check_text(Scalar::Binary, r#""YWI=""#, Some("ab"));
        check_text(Scalar::Binary, r#""YWI""#, Some("ab"));
        check_text(Scalar::Binary, r#""Y""#, None);
        check_text(Scalar::Binary, "12", None);
    }

    #[test]
    fn numbers_keep_to_their_range() {
        for (scalar, json, expected) in [
            (Scalar::TinyInt, "127", Some(127)),
            (Scalar::TinyInt, "128", None),
            (Scalar::SmallInt, "\"-32768\"", Some(-32_768)),
            (Scalar::SmallInt, "-32769", None),
            (Scalar::Int, "2147483647.0", Some(i32::MAX)),
            (Scalar::Int, "2147483648", None),
            (Scalar::Int, "1.5", None),
            (Scalar::Int, "\"\"", None),
            (Scalar::Int, "true", None),
            (Scalar::Int, "[1]", None),
            (Scalar::Date, "\"1970-01-02\"", Some(1)),
            (Scalar::Date, "1", None),
        ] {
            assert_eq!(int32(scalar, value(json)), expected, "{json} as {scalar}");
        }
    }

    #[test]
    fn a_boolean_is_spelt_out() {
        for (json, expected) in [
            ("true", Some(true)),
            ("\"FALSE\"", Some(false)),
            ("\"True\"", Some(true)),
            ("\"yes\"", None),
            ("1", None),
        ] {
            assert_eq!(boolean(value(json)), expected, "{json}");
        }
    }
}
