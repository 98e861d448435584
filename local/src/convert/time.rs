//! Reads the timestamps and dates that the `OpenX` `SerDe` reads.
//!
//! Firehose's guide lists the forms: `yyyy-MM-dd'T'HH:mm:ss[.S]'Z'` and `yyyy-[M]M-[d]d HH:mm:ss[.S]` with up to nine
//! digits of fraction, epoch seconds, epoch milliseconds, and epoch seconds with a fraction. All are UTC. Against
//! the real service others have seen that the form with a space also takes one-digit hours, minutes and seconds, that
//! the form with `T` takes no short part, and that an epoch number of 10^12 or more is milliseconds, and below it
//! seconds, written as a number or as a string.
//!
//! A time outside 1677-09-21 to 2262-04-11 is refused: readers take Parquet's INT96 as nanoseconds in 64 bits, and the
//! deployed writer was seen to wrap such a time into an unrelated one. Epoch microseconds fall out of that range, so
//! they are refused rather than read as a year far ahead.

use super::number::Decimal;

/// An epoch number of this power of ten or more is milliseconds: as seconds it would lie beyond the year 33,000, as
/// milliseconds 10^12 is in September 2001.
const MILLISECONDS_FROM_POWER: u32 = 12;

const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const NANOSECONDS_PER_DAY: i64 = SECONDS_PER_DAY * NANOSECONDS_PER_SECOND;

/// The Julian day of 1970-01-01, which INT96 counts days from.
const JULIAN_DAY_OF_EPOCH: i64 = 2_440_588;

/// Reads a timestamp's text, a date with a time or an epoch number, as nanoseconds since the epoch.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    if let Some((date, time)) = text.split_once(' ') {
        return nanoseconds(days(date, Digits::Lenient)?, time, Digits::Lenient);
    }
    if let Some((date, time)) = text.split_once('T') {
        return nanoseconds(days(date, Digits::Strict)?, time.strip_suffix('Z')?, Digits::Strict);
    }
    epoch(text)
}

/// Reads an epoch number, seconds or milliseconds by its magnitude, as nanoseconds since the epoch.
pub(super) fn epoch(text: &str) -> Option<i64> {
    let number = Decimal::parse(text)?;
    let power = if number.reaches(MILLISECONDS_FROM_POWER) { 6 } else { 9 };
    i64::try_from(number.scaled(power)?).ok()
}

/// Reads a date `yyyy-[M]M-[d]d` as days since the epoch.
pub(super) fn date(text: &str) -> Option<i32> {
    i32::try_from(days(text, Digits::Lenient)?).ok()
}

/// The parts of an INT96: the nanoseconds of the day, low word first, then the Julian day.
pub(super) fn int96(nanoseconds: i64) -> Option<[u32; 3]> {
    let day = u32::try_from(nanoseconds.div_euclid(NANOSECONDS_PER_DAY) + JULIAN_DAY_OF_EPOCH).ok()?;
    let of_day = u64::try_from(nanoseconds.rem_euclid(NANOSECONDS_PER_DAY)).ok()?;
    let low = u32::try_from(of_day & u64::from(u32::MAX)).ok()?;
    Some([low, u32::try_from(of_day >> 32).ok()?, day])
}

/// How many digits a part of a date or a time may have.
#[derive(Clone, Copy)]
enum Digits {
    /// Exactly two.
    Strict,
    /// One or two.
    Lenient,
}

/// Adds a time of day `HH:mm:ss[.S]` to days since the epoch.
fn nanoseconds(days: i64, time: &str, digits: Digits) -> Option<i64> {
    let (clock, fraction) =
        time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let hour = part(parts.next()?, 0..=23, digits)?;
    let minute = part(parts.next()?, 0..=59, digits)?;
    let second = part(parts.next()?, 0..=59, digits)?;
    if parts.next().is_some() {
        return None;
    }
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let fraction = fraction.map_or(Some(0), fraction_nanoseconds)?;
    // One wider step, because the first second of the range starts before the range does.
    let nanoseconds = i128::from(seconds) * i128::from(NANOSECONDS_PER_SECOND) + i128::from(fraction);
    i64::try_from(nanoseconds).ok()
}

/// Reads one to nine digits behind a point as nanoseconds.
fn fraction_nanoseconds(text: &str) -> Option<i64> {
    if !(1..=9).contains(&text.len()) {
        return None;
    }
    let missing = u32::try_from(9 - text.len()).ok()?;
    Some(all_digits(text)? * 10_i64.pow(missing))
}

fn days(text: &str, digits: Digits) -> Option<i64> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4).and_then(all_digits)?;
    let month = part(parts.next()?, 1..=12, digits)?;
    let day = part(parts.next()?, 1..=days_in_month(year, month), digits)?;
    parts.next().is_none().then(|| days_since_epoch(year, month, day))
}

fn part(text: &str, range: std::ops::RangeInclusive<i64>, digits: Digits) -> Option<i64> {
    let fits = match digits {
        Digits::Strict => text.len() == 2,
        Digits::Lenient => matches!(text.len(), 1 | 2),
    };
    all_digits(text).filter(|number| fits && range.contains(number))
}

/// Reads digits only: the standard library would also take a sign.
fn all_digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, by counting from March, so that the leap day is a year's last.
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 153 days are five months from March on; 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil};
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(timestamp(text), expected, "{text:?}");
    }

    #[test]
    fn the_forms_of_the_guide_are_read() {
        // 2017-02-07 is day 17,204: 47 years of 365 days, 12 leap days, 31 days of January and 6.
        let day = 17_204 * 86_400;
        check("2017-02-07T15:13:01.39256Z", Some((day + 54_781) * 1_000_000_000 + 392_560_000));
        check("2017-02-07 15:13:01.14", Some((day + 54_781) * 1_000_000_000 + 140_000_000));
        check("2017-02-07T15:13:01Z", Some((day + 54_781) * 1_000_000_000));
        check("2017-2-7 15:13:01", Some((day + 54_781) * 1_000_000_000));
        check("1518033528", Some(1_518_033_528_000_000_000));
        check("1518033528123", Some(1_518_033_528_123_000_000));
        check("1518033528.123", Some(1_518_033_528_123_000_000));
    }

    #[test]
    fn the_fraction_has_one_to_nine_digits() {
        check("1970-01-01T00:00:00.1Z", Some(100_000_000));
        check("1970-01-01T00:00:00.000000001Z", Some(1));
        check("1970-01-01 00:00:00.123456789", Some(123_456_789));
        check("1970-01-01 00:00:00.", None);
        check("1970-01-01 00:00:00.1234567890", None);
        check("1.000000001", Some(1_000_000_001));
        check("1.0000000001", None);
    }

    #[test]
    fn seconds_and_milliseconds_are_told_by_magnitude() {
        check("0", Some(0));
        check("-1000", Some(-1_000_000_000_000));
        check("1e9", Some(1_000_000_000_000_000_000));
        check("1000000000000", Some(1_000_000_000_000_000_000));
        check("999999999999", None);
        check("-1000000000000", Some(-1_000_000_000_000_000_000));
    }

    #[test]
    fn microseconds_and_nanoseconds_are_refused() {
        check("1518033528123456", None);
        check("1518033528123456789", None);
        check("1e1000000000", None);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            " ",
            "T",
            "T00:00:00Z",
            "2017-02-07",
            "2017-02-07T15:13:01",
            "2017-02-07T15:13:01+00:00",
            "2017-02-07T15:13:01.5+00:00",
            "2017-02-07 15:13:01Z",
            "2017-02-07 15:13",
            "2017-02-07 15:13:01:00",
            "2017-2-7T15:13:01Z",
            "2017-02-07T5:13:01Z",
            "2017-02-29 00:00:00",
            "2017-13-01 00:00:00",
            "2017-00-01 00:00:00",
            "2017-01-00 00:00:00",
            "2017-01-01 24:00:00",
            "2017-01-01 00:60:00",
            "2017-01-01 23:59:60",
            "17-01-01 00:00:00",
            "+017-01-01 00:00:00",
            "2017-+1-01 00:00:00",
            "2017-01-01-01 00:00:00",
            "2017-01-01  00:00:00",
            "2017-01-01t00:00:00Z",
            "2017-01-01T00:00:00z",
            "now",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn short_parts_are_read_in_the_form_with_a_space() {
        check("2026-09-07 1:2:3", timestamp("2026-09-07T01:02:03Z"));
    }

    #[test]
    fn the_range_is_that_of_64_bit_nanoseconds() {
        check("2262-04-11 23:47:16.854775807", Some(i64::MAX));
        check("2262-04-11 23:47:16.854775808", None);
        check("1677-09-21 00:12:43.145224192", Some(i64::MIN));
        check("1677-09-21 00:12:43.145224191", None);
        check("9999-12-31 23:59:59", None);
    }

    #[test]
    fn dates_are_days_since_the_epoch() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11_016)),
            ("2017-2-7", Some(17_204)),
            ("1900-02-29", None),
            ("2017-02-07 00:00:00", None),
            ("2017-02", None),
            ("20170207", None),
            ("17204", None),
        ] {
            assert_eq!(date(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_int96_is_nanoseconds_of_the_julian_day() {
        assert_eq!(int96(0), Some([0, 0, 2_440_588]));
        // 5,000,000,000 ns = 1 * 2^32 + 705,032,704.
        assert_eq!(int96(5_000_000_000), Some([705_032_704, 1, 2_440_588]));
        // One nanosecond before the epoch: the last of the day before, 86,399,999,999,999 = 20,116 * 2^32 + 2,437,873,663.
        assert_eq!(int96(-1), Some([2_437_873_663, 20_116, 2_440_587]));
    }

    proptest! {
        #[test]
        fn any_time_is_read_as_the_calendar_says(nanoseconds in any::<i64>()) {
            let time = Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap();
            prop_assert_eq!(timestamp(&format!("{time:.9}")), Some(nanoseconds));
            prop_assert_eq!(timestamp(&time.strftime("%Y-%m-%d %H:%M:%S.%9f").to_string()), Some(nanoseconds));
        }

        #[test]
        fn any_date_is_read_as_the_calendar_says(day in -719_528_i32..2_932_897) {
            let date_of_day = civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            prop_assert_eq!(date(&date_of_day.to_string()), Some(day));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in r"[-0-9TZ :.+e]{0,40}") {
            let _ = (timestamp(&text), date(&text));
        }
    }
}
