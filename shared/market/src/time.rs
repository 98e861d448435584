//! Times: microseconds since the epoch, in one type.

use std::fmt;

use thiserror::Error;

/// 9999-12-31T23:59:59.999999Z: the last instant that ISO 8601 writes with four digits of year.
const MICROS_MAX: i64 = 253_402_300_799_999_999;
/// From here on an exchange time is in microseconds; as milliseconds it would lie in the year 5138.
const MICROS_FROM: u64 = 100_000_000_000_000;
const DAY_US: i64 = 86_400_000_000;

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
        Date::from_days(self.0.unsigned_abs() / DAY_US.unsigned_abs())
    }

    /// ISO 8601 in UTC with microseconds: `2026-11-21T09:30:00.123456Z`.
    pub fn to_iso(self) -> [u8; 27] {
        let date = self.date();
        let of_day = self.0.unsigned_abs() % DAY_US.unsigned_abs();
        let (second_of_day, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        let [c1, c0] = two_digits(date.year / 100);
        let [y1, y0] = two_digits(date.year % 100);
        let [m1, m0] = two_digits(date.month);
        let [d1, d0] = two_digits(date.day);
        let [h1, h0] = two_digits(second_of_day / 3600);
        let [n1, n0] = two_digits(second_of_day / 60 % 60);
        let [s1, s0] = two_digits(second_of_day % 60);
        let [f5, f4] = two_digits(micros / 10_000);
        let [f3, f2] = two_digits(micros / 100 % 100);
        let [f1, f0] = two_digits(micros % 100);
        [
            c1, c0, y1, y0, b'-', m1, m0, b'-', d1, d0, b'T', h1, h0, b':', n1, n0, b':', s1, s0, b'.', f5,
            f4, f3, f2, f1, f0, b'Z',
        ]
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
    /// The day that is `days` after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    const fn from_days(days: u64) -> Self {
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }

    /// ISO 8601: `2026-11-21`.
    pub fn to_iso(self) -> [u8; 10] {
        let [c1, c0] = two_digits(self.year / 100);
        let [y1, y0] = two_digits(self.year % 100);
        let [m1, m0] = two_digits(self.month);
        let [d1, d0] = two_digits(self.day);
        [c1, c0, y1, y0, b'-', m1, m0, b'-', d1, d0]
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.to_iso()))
    }
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
            prop_assume!(micros < MICROS_MAX - DAY_US * 2);
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(ours.to_string(), format!("{theirs:.6}"));
        }
    }
}
