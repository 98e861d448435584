//! Names of the objects that Firehose writes, behind their prefix.
//!
//! Firehose's guide ("Configure Amazon S3 object name format"): `<stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`,
//! the time in the delivery stream's time zone. The UUID is random there; here it follows from what the object is, so
//! that the same run gives the same names.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::compression::Compression;

/// What an object is named by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObjectName<'a> {
    /// The delivery stream's name.
    pub(crate) stream: &'a str,
    /// The version of its configuration: 1, and one more with each change.
    pub(crate) version: u32,
    /// What keeps names of one kind of objects apart from those of another; empty for what is delivered.
    pub(crate) series: &'a str,
    /// The evaluated prefix.
    pub(crate) prefix: &'a str,
    /// When the object's oldest record arrived.
    pub(crate) arrival: Timestamp,
    /// `CustomTimeZone`, or UTC.
    pub(crate) time_zone: &'a TimeZone,
    /// When the stream's clock started: a run in the same folder, however soon, names its objects otherwise.
    pub(crate) begun: Timestamp,
    /// A running number of the stream's objects.
    pub(crate) number: u64,
    /// What the name ends with.
    pub(crate) extension: &'a str,
}

impl ObjectName<'_> {
    /// The whole key: prefix and name.
    pub(crate) fn key(&self) -> String {
        let time = self.arrival.to_zoned(self.time_zone.clone());
        let time = time.strftime("%Y-%m-%d-%H-%M-%S");
        let Self { stream, version, prefix, extension, .. } = self;
        format!("{prefix}{stream}-{version}-{time}-{}{extension}", self.uuid())
    }

    fn uuid(&self) -> Uuid {
        // None of the parts but the prefix can hold a line break, and it stands last.
        let Self { stream, begun, number, series, prefix, .. } = self;
        let name = format!("{stream}\n{}\n{number}\n{series}{prefix}", begun.as_nanosecond());
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// What an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectFormat {
    /// Converted to Parquet.
    Parquet,
    /// Records as they are, and every error object.
    Records(Compression),
}

impl ObjectFormat {
    /// The extension that Firehose gives when `FileExtension` gives none.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet",
            Self::Records(compression) => compression.extension(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64, time_zone: &TimeZone) -> String {
        name(number, time_zone).key()
    }

    fn name(number: u64, time_zone: &TimeZone) -> ObjectName<'_> {
        ObjectName {
            stream: "archive",
            version: 1,
            series: "",
            prefix: "market/kind=trade/",
            arrival: "2026-11-21T23:04:05.9Z".parse().unwrap(),
            time_zone,
            begun: Timestamp::UNIX_EPOCH,
            number,
            extension: ObjectFormat::Parquet.extension(),
        }
    }

    #[test]
    fn a_key_has_the_parts_of_the_guide() {
        let key = key(1, &TimeZone::UTC);
        let uuid = key
            .strip_prefix("market/kind=trade/archive-1-2026-11-21-23-04-05-")
            .and_then(|rest| rest.strip_suffix(".parquet"));
        assert_eq!(Uuid::parse_str(uuid.unwrap()).unwrap().get_version_num(), 5);
    }

    #[test]
    fn the_time_is_that_of_the_time_zone() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        assert!(key(1, &tokyo).contains("archive-1-2026-11-22-08-04-05-"));
    }

    #[test]
    fn a_name_comes_again_and_differs_from_the_next() {
        assert_eq!(key(1, &TimeZone::UTC), key(1, &TimeZone::UTC));
        assert_ne!(key(1, &TimeZone::UTC), key(2, &TimeZone::UTC));
    }

    #[test]
    fn a_run_that_begins_in_the_same_second_overwrites_nothing() {
        let utc = TimeZone::UTC;
        let earlier = name(1, &utc);
        let later = ObjectName { begun: "1970-01-01T00:00:00.001Z".parse().unwrap(), ..earlier };
        assert_ne!(earlier.key(), later.key());
    }
}
