//! Names of the objects that Firehose writes, behind their prefix.
//!
//! Firehose's guide ("Configure Amazon S3 object name format"): `<stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`,
//! the time in the delivery stream's time zone. The UUID is random there; here it follows from what the object is, so
//! that the same run gives the same names.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;
use uuid::Uuid;

/// The most characters of `FileExtension`.
const EXTENSION_CHARS_MAX: usize = 128;

/// What an object is named by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObjectName<'a> {
    /// The delivery stream's name.
    pub(crate) stream: &'a str,
    /// The version of its configuration: 1, and one more with each change.
    pub(crate) version: u32,
    /// The evaluated prefix.
    pub(crate) prefix: &'a str,
    /// When the object's oldest record arrived.
    pub(crate) arrival: Timestamp,
    /// `CustomTimeZone`, or UTC.
    pub(crate) time_zone: &'a TimeZone,
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
        let name = format!("{}\n{}\n{}", self.stream, self.number, self.prefix);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// What an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectFormat {
    /// Converted to Parquet.
    Parquet,
    /// Records as they are: `UNCOMPRESSED`, and every error object.
    Plain,
    /// `GZIP`.
    Gzip,
    /// `Snappy`.
    Snappy,
    /// `HADOOP_SNAPPY`.
    HadoopSnappy,
    /// `ZIP`.
    Zip,
}

impl ObjectFormat {
    /// The extension that Firehose gives when `FileExtension` gives none.
    ///
    /// The guide lists `.hsnappy` for Hadoop's framing of Snappy; the deployed service was seen to write `.snappy`.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet",
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Snappy | Self::HadoopSnappy => ".snappy",
            Self::Zip => ".zip",
        }
    }
}

/// A `FileExtension` that Firehose refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a file extension of `.` and up to 127 of 0-9, a-z and !-_.*'(), was \"{0}\"")]
pub(crate) struct ExtensionError(String);

/// Checks `FileExtension`, which takes the place of the format's own extension; an empty one is none.
///
/// # Errors
/// When Firehose's API would refuse it: its pattern is `^$|\.[0-9a-z!\-_.*'()]+`.
pub(crate) fn file_extension(text: &str) -> Result<Option<&str>, ExtensionError> {
    let Some(behind_dot) = text.strip_prefix('.') else {
        return if text.is_empty() { Ok(None) } else { Err(ExtensionError(text.to_owned())) };
    };
    let is_allowed = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || "!-_.*'()".contains(c);
    if behind_dot.is_empty() || text.len() > EXTENSION_CHARS_MAX || !behind_dot.chars().all(is_allowed) {
        return Err(ExtensionError(text.to_owned()));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64, time_zone: &TimeZone) -> String {
        let name = ObjectName {
            stream: "archive",
            version: 1,
            prefix: "market/kind=trade/",
            arrival: "2026-11-21T23:04:05.9Z".parse().unwrap(),
            time_zone,
            number,
            extension: ObjectFormat::Parquet.extension(),
        };
        name.key()
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
    fn extensions_follow_the_format() {
        use ObjectFormat::{Gzip, HadoopSnappy, Parquet, Plain, Snappy, Zip};
        let extensions = [Parquet, Plain, Gzip, Snappy, HadoopSnappy, Zip].map(ObjectFormat::extension);
        assert_eq!(extensions, [".parquet", "", ".gz", ".snappy", ".snappy", ".zip"]);
    }

    #[test]
    fn a_file_extension_keeps_to_the_pattern() {
        assert_eq!(file_extension(""), Ok(None));
        assert_eq!(file_extension(".custom.log"), Ok(Some(".custom.log")));
        let longest = format!(".{}", "a".repeat(127));
        assert_eq!(file_extension(&longest), Ok(Some(longest.as_str())));
        for refused in ["json", ".", ".JSON", ".a/b", ".é", &format!("{longest}a")] {
            assert_eq!(file_extension(refused), Err(ExtensionError(refused.to_owned())));
        }
    }
}
