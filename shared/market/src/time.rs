//! Times: microseconds since the epoch, in one type.

use std::fmt;

use thiserror::Error;

/// 9999-12-31T23:59:59.999999Z: the last instant that ISO 8601 writes with four digits of year.
const MICROS_MAX: i64 = 253_402_300_799_999_999;
/// From here on an exchange time is in microseconds; as milliseconds it would lie in the year 5138.
const MICROS_FROM: u64 = 100_000_000_000_000;
const DAY_S: u64 = 86_400;

/// An instant: whole microseconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant `micros` microseconds after the epoch.
    ///
    /// # Errors
    /// Before 1970 or after 9999.
    pub fn from_micros(micros: i64) -> Result<Self, TimeError> {
        if (0..=MICROS_MAX).contains(&micros) { Ok(Self(micros)) } else { Err(TimeError) }
    }

    /// The instant `millis` milliseconds after the epoch.
    ///
    /// # Errors
    /// Before 1970 or after 9999.
    pub fn from_millis(millis: i64) -> Result<Self, TimeError> {
        Self::from_micros(millis.checked_mul(1000).ok_or(TimeError)?)
    }

    /// Reads a time of the exchange: milliseconds, or microseconds when the connection asked for them. Which of the
    /// two is told by magnitude: from 10^14 on it is microseconds.
    ///
    /// # Errors
    /// After 9999.
    pub fn from_exchange(time: u64) -> Result<Self, TimeError> {
        let signed = i64::try_from(time).map_err(|_| TimeError)?;
        if time >= MICROS_FROM { Self::from_micros(signed) } else { Self::from_millis(signed) }
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0 / 1000
    }

    /// The UTC day.
    pub fn date(self) -> Date {
        Date::from_days(self.0.unsigned_abs() / 1_000_000 / DAY_S)
    }

    /// ISO 8601 in UTC with microseconds: `2026-11-21T09:30:00.123456Z`.
    pub fn to_iso(self) -> [u8; 27] {
        let (seconds, micros) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let (date, of_day) = (Date::from_days(seconds / DAY_S), seconds % DAY_S);
        // Whole hours and tens of milliseconds above the point, their parts below: a multiplication gives the next digits.
        // The factors are rounded up by less than what would reach the last digit.
        let hours = of_day * (POINT / 3600 + 1);
        let minutes = part(hours) * 60;
        let hundredths = micros * (POINT / 10_000 + 1);
        let ten_thousandths = part(hundredths) * 100;
        let mut text = [b'Z'; 27];
        text[..8].copy_from_slice(&date.year_and_month());
        text[8..16]
            .copy_from_slice(&pairs(*b"00T00:00", [(0, date.day), (3, hours / POINT), (6, minutes / POINT)]));
        text[16..24].copy_from_slice(&pairs(
            *b":00.0000",
            [(1, part(minutes) * 60 / POINT), (4, hundredths / POINT), (6, ten_thousandths / POINT)],
        ));
        text[24..26].copy_from_slice(&two_digits(part(ten_thousandths) * 100 / POINT));
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.to_iso()))
    }
}

/// A day of the proleptic Gregorian calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day that is `days` after 1970-01-01 (Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their
    /// application to calendar algorithms", 2022). Years begin in March there, so that the leap day is the last.
    const fn from_days(days: u64) -> Self {
        let of_centuries = 4 * (days + 719_468) + 3;
        let (century, of_century) = (of_centuries / 146_097, of_centuries % 146_097 / 4);
        let of_years = 2_939_745 * (4 * of_century + 3);
        let (year, day_of_year) =
            (100 * century + (of_years >> 32), (of_years & 0xffff_ffff) / 2_939_745 / 4);
        let of_months = 2141 * day_of_year + 197_913;
        let (month, day) = (of_months >> 16, (of_months & 0xffff) / 2141 + 1);
        if day_of_year < 306 {
            Self { year, month, day }
        } else {
            Self { year: year + 1, month: month - 12, day }
        }
    }

    /// `2026-11-`.
    const fn year_and_month(self) -> [u8; 8] {
        pairs(*b"0000-00-", [(0, self.year / 100), (2, self.year % 100), (5, self.month)])
    }

    /// ISO 8601: `2026-11-21`.
    pub fn to_iso(self) -> [u8; 10] {
        let mut text = [0; 10];
        text[..8].copy_from_slice(&self.year_and_month());
        text[8..].copy_from_slice(&two_digits(self.day));
        text
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.to_iso()))
    }
}

/// One, in numbers with 32 bits behind the point.
const POINT: u64 = 1 << 32;

/// What stands behind the point.
const fn part(value: u64) -> u64 {
    value % POINT
}

/// Adds the digits of three values from 0 to 99 to a text that has zeros in their places; a place is that of the tens.
///
/// All three are divided by ten at once: half the instructions that a time takes digit by digit.
const fn pairs(zeros: [u8; 8], [a, b, c]: [(u32, u64); 3]) -> [u8; 8] {
    let values = a.1 << (8 * a.0) | b.1 << (8 * b.0) | c.1 << (8 * c.0);
    let digit = 0xf << (8 * a.0) | 0xf << (8 * b.0) | 0xf << (8 * c.0);
    // 103 / 1024 is a tenth, as exactly as values below 100 need; the products stay within their 16 bits.
    let tens = ((values * 103) >> 10) & digit;
    let ones = values - 10 * tens;
    (u64::from_le_bytes(zeros) + (tens | ones << 8)).to_le_bytes()
}

/// The digits of a value from 0 to 99.
const fn two_digits(value: u64) -> [u8; 2] {
    let [low, ..] = value.to_le_bytes();
    [b'0' + low / 10, b'0' + low % 10]
}

/// The time lies outside of 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a time between the years 1970 and 9999")]
pub struct TimeError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn milliseconds_and_microseconds_are_told_apart_by_magnitude() {
        let from_millis = Timestamp::from_exchange(1_633_998_274_793).unwrap();
        let from_micros = Timestamp::from_exchange(1_633_998_274_793_000).unwrap();
        assert_eq!(from_millis, from_micros);
        assert_eq!(from_millis.to_string(), "2021-10-12T00:24:34.793000Z");
    }

    #[test]
    fn the_edges_of_the_calendar_hold() {
        assert_eq!(Timestamp::from_micros(0).unwrap().to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(MICROS_MAX).unwrap().to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::from_micros(MICROS_MAX + 1), Err(TimeError));
        assert_eq!(Timestamp::from_micros(-1), Err(TimeError));
        assert_eq!(Timestamp::from_exchange(u64::MAX), Err(TimeError));
    }

    proptest! {
        #[test]
        fn text_equals_a_calendar_library(micros in 0..=MICROS_MAX) {
            let ours = Timestamp::from_micros(micros).unwrap();
            // jiff's last instant lies a day before ours: it reserves room for time zones.
            prop_assume!(micros < MICROS_MAX - 2 * 86_400_000_000);
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(ours.to_string(), format!("{theirs:.6}"));
        }
    }
}
