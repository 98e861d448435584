//! Names the index of a document by its arrival, as "Configure index rotation for OpenSearch Service" of Firehose's
//! guide does: a portion of the arrival time, in UTC, behind the index's own name.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How often a new index is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexRotation {
    /// Never.
    NoRotation,
    /// Each hour.
    OneHour,
    /// Each day.
    OneDay,
    /// Each Sunday.
    OneWeek,
    /// Each month.
    OneMonth,
}

impl IndexRotation {
    /// The name of the index of a document that arrived then.
    pub(super) fn index(self, name: &str, arrival: Timestamp) -> String {
        let time = arrival.to_zoned(TimeZone::UTC);
        match self {
            Self::NoRotation => name.to_owned(),
            Self::OneHour => format!("{name}-{}", time.strftime("%Y-%m-%d-%H")),
            Self::OneDay => format!("{name}-{}", time.strftime("%Y-%m-%d")),
            Self::OneWeek => format!("{name}-{}", week(time.date())),
            Self::OneMonth => format!("{name}-{}", time.strftime("%Y-%m")),
        }
    }
}

/// The week of a day. "A week starts on Sunday", and the first of a year "is the first week that contains a Saturday in
/// this year": a week is of the year of its Saturday. The guide's table says `2016-w08` of 2016-02-25, whose Saturday is
/// the ninth of its year; its rule is kept to, not its example.
fn week(day: Date) -> String {
    let days_to_saturday = 6 - day.weekday().to_sunday_zero_offset();
    // The last Saturday that the calendar has is in its last week.
    let saturday = day.checked_add(jiff::Span::new().days(days_to_saturday)).unwrap_or(day);
    format!("{:04}-w{:02}", saturday.year(), (saturday.day_of_year() + 6) / 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rotation: IndexRotation, arrival: &str, expected: &str) {
        assert_eq!(rotation.index("myindex", arrival.parse().unwrap()), expected, "{arrival}");
    }

    #[test]
    fn an_index_is_named_by_the_arrival_of_the_guide() {
        use IndexRotation::{NoRotation, OneDay, OneHour, OneMonth};
        for (rotation, expected) in [
            (NoRotation, "myindex"),
            (OneHour, "myindex-2016-02-25-13"),
            (OneDay, "myindex-2016-02-25"),
            (OneMonth, "myindex-2016-02"),
        ] {
            check(rotation, "2016-02-25T13:00:00Z", expected);
        }
    }

    #[test]
    fn the_first_week_of_a_year_contains_its_first_saturday() {
        // Saturdays: 2016-01-02, 2022-01-01, 2020-01-04.
        for (arrival, expected) in [
            ("2015-12-26T23:59:59Z", "myindex-2015-w52"),
            ("2015-12-27T00:00:00Z", "myindex-2016-w01"),
            ("2016-02-25T13:00:00Z", "myindex-2016-w09"),
            ("2021-12-25T12:00:00Z", "myindex-2021-w52"),
            ("2021-12-26T12:00:00Z", "myindex-2022-w01"),
            ("2022-01-02T00:00:00Z", "myindex-2022-w02"),
        ] {
            check(IndexRotation::OneWeek, arrival, expected);
        }
    }

    #[test]
    fn a_week_starts_on_sunday_in_utc() {
        // The guide's `2020-w33`: its Saturday is the 15th of August, 32 weeks behind the 4th of January.
        check(IndexRotation::OneWeek, "2020-08-08T23:59:59.999Z", "myindex-2020-w32");
        check(IndexRotation::OneWeek, "2020-08-09T00:00:00Z", "myindex-2020-w33");
        check(IndexRotation::OneWeek, "2020-08-15T23:59:59.999Z", "myindex-2020-w33");
        check(IndexRotation::OneWeek, "2020-08-16T00:00:00Z", "myindex-2020-w34");
    }

    #[test]
    fn the_ends_of_the_calendar_have_names() {
        for arrival in [Timestamp::MIN, Timestamp::MAX] {
            assert!(IndexRotation::OneWeek.index("i", arrival).starts_with("i-"));
        }
    }
}
