//! Arrival times in every form that was seen on the wire.

use tapeline_json::Value;

/// Below this a number counts seconds: as milliseconds it would lie before March 1973.
const SECONDS_BELOW: u64 = 100_000_000_000;

/// Microseconds since the epoch, read from whole milliseconds (what the service sends), from numbers with a fraction
/// or an exponent, from seconds, or from ISO 8601 text; `None` for anything else.
pub(crate) fn arrival_micros(value: Value<'_>) -> Option<i64> {
    let whole_millis = value.as_u64().filter(|&number| number >= SECONDS_BELOW);
    if let Some(millis) = whole_millis {
        return i64::try_from(millis).ok()?.checked_mul(1000);
    }
    match value.as_text() {
        Some(text) => {
            let text = text.decode();
            let time: Option<jiff::Timestamp> = text.parse().ok();
            time.map(jiff::Timestamp::as_microsecond).or_else(|| number_micros(&text))
        }
        None => number_micros(value.raw()),
    }
}

/// Reads a decimal number by its digits: as a float, milliseconds would be off by some microseconds.
fn number_micros(text: &str) -> Option<i64> {
    if text.contains(['e', 'E']) {
        let expanded: f64 = text.parse().ok()?;
        return (expanded.abs() < 1e18).then(|| number_micros(&format!("{expanded:.6}"))).flatten();
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut digits = fraction.bytes().filter(u8::is_ascii_digit).map(|digit| i128::from(digit - b'0'));
    let nanos_per_unit: i128 = if whole < SECONDS_BELOW { 1_000_000_000 } else { 1_000_000 };
    let (mut nanos, mut weight) = (i128::from(whole) * nanos_per_unit, nanos_per_unit / 10);
    while let Some(digit) = digits.next().filter(|_| weight > 0) {
        nanos += digit * weight;
        weight /= 10;
    }
    i64::try_from(nanos / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<i64>) {
        let value = tapeline_json::Cursor::new(json).value().unwrap();
        assert_eq!(arrival_micros(value), expected, "{json}");
    }

    #[test]
    fn every_form_that_was_seen_is_read() {
        let expected = Some(1_545_084_650_987_000);
        for json in [
            "1545084650987",
            "1545084650987.0",
            "1.545084650987E12",
            "1545084650.987",
            "\"2018-12-17T22:10:50.987Z\"",
            "\"2018-12-17T23:10:50.987+01:00\"",
            "\"1545084650987\"",
        ] {
            check(json, expected);
        }
        check("1545084650", Some(1_545_084_650_000_000));
    }

    #[test]
    fn every_millisecond_is_itself() {
        for millis in 1_545_084_650_000..1_545_084_651_000_i64 {
            check(&millis.to_string(), Some(millis * 1000));
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for json in [
            "null",
            "true",
            "{}",
            "-1",
            "\"\"",
            "\"yesterday\"",
            "1e400",
            "99999999999999999999",
            "18446744073709551615",
        ] {
            check(json, None);
        }
    }
}
