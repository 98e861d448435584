//! Several records in one: the processor `RecordDeAggregation`.
//!
//! "Apply dynamic partitioning to aggregated data" of Firehose's guide: `JSON` cuts documents apart that stand behind one
//! another, on one line or on several, `DELIMITED` cuts at a delimiter. A record of more than 500 sub-records is not cut.
//! What the guide leaves open: an array at the top is one document, and a record that is not all JSON stays whole, for
//! whatever comes next to judge. Nothing between two delimiters is no sub-record.

use tapeline_json::{Cursor, JsonError};

/// The most sub-records that a record is cut into.
const SUB_RECORDS_MAX: usize = 500;

/// How records are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubRecords {
    /// At the ends of JSON documents.
    Json,
    /// At a delimiter, which is not empty.
    Delimited(Vec<u8>),
}

/// What a record is cut into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut<'a> {
    /// Sub-records.
    Into(Vec<&'a [u8]>),
    /// Not cut, because there would be too many sub-records.
    TooMany,
    /// Not cut, because there is nothing to cut at.
    Whole,
}

impl SubRecords {
    /// Cuts a record.
    pub(crate) fn cut<'a>(&self, data: &'a [u8]) -> Cut<'a> {
        let parts = match self {
            Self::Json => documents(data),
            Self::Delimited(delimiter) => Some(between(data, delimiter)),
        };
        match parts {
            Some(parts) if parts.len() > SUB_RECORDS_MAX => Cut::TooMany,
            Some(parts) if !parts.is_empty() => Cut::Into(parts),
            _ => Cut::Whole,
        }
    }
}

/// The JSON documents of a text, but for those that are too many; `None` when it is not all JSON.
fn documents(data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut cursor = Cursor::new(str::from_utf8(data).ok()?);
    let mut found = Vec::new();
    let mut next = || -> Result<Option<&[u8]>, JsonError> {
        if cursor.peek().is_none() {
            Ok(None)
        } else {
            cursor.value().map(|value| Some(value.raw().as_bytes()))
        }
    };
    while let Some(document) = next().ok()? {
        // Those behind the first too many are only read, so that a text that is not all JSON is never cut.
        if found.len() <= SUB_RECORDS_MAX {
            found.push(document);
        }
    }
    Some(found)
}

/// What stands between delimiters, but for those that are too many.
fn between<'a>(data: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let (mut found, mut rest) = (Vec::new(), data);
    while !rest.is_empty() && found.len() <= SUB_RECORDS_MAX {
        let at = rest.windows(delimiter.len()).position(|window| window == delimiter);
        let (part, behind) = rest.split_at(at.unwrap_or(rest.len()));
        if !part.is_empty() {
            found.push(part);
        }
        rest = behind.get(delimiter.len()..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(sub_records: &SubRecords, data: &str, expected: &[&str]) {
        let expected = expected.iter().map(|part| part.as_bytes()).collect();
        assert_eq!(sub_records.cut(data.as_bytes()), Cut::Into(expected), "{data:?}");
    }

    #[test]
    fn json_documents_are_cut_on_one_line_or_on_several() {
        for data in [r#"{"a":1}{"a":2}"#, "{\"a\":1}\n{\"a\":2}\n", " {\"a\":1}\r\n\r\n{\"a\":2}"] {
            check(&SubRecords::Json, data, &[r#"{"a":1}"#, r#"{"a":2}"#]);
        }
        check(&SubRecords::Json, r#"[{"a":1},{"a":2}]"#, &[r#"[{"a":1},{"a":2}]"#]);
    }

    #[test]
    fn a_record_that_is_not_all_json_stays_whole() {
        for data in ["", " ", "text", "{} text", "{"] {
            assert_eq!(SubRecords::Json.cut(data.as_bytes()), Cut::Whole, "{data:?}");
        }
        assert_eq!(SubRecords::Json.cut(&[0xff]), Cut::Whole);
        assert_eq!(SubRecords::Json.cut(format!("{}{{", "{}".repeat(600)).as_bytes()), Cut::Whole);
    }

    #[test]
    fn delimited_records_are_cut_at_a_delimiter() {
        let delimited = |delimiter: &[u8]| SubRecords::Delimited(delimiter.to_vec());
        check(&delimited(b"####"), "a####b####", &["a", "b"]);
        check(&delimited(b"\n"), "a\n\nb", &["a", "b"]);
        check(&delimited(b"\n"), "a", &["a"]);
        assert_eq!(delimited(b"\n").cut(b"\n"), Cut::Whole);
    }

    #[test]
    fn more_than_500_sub_records_are_not_cut() {
        for (sub_records, one) in [(SubRecords::Json, "{}"), (SubRecords::Delimited(b"\n".to_vec()), "x\n")] {
            let record = one.repeat(500);
            let Cut::Into(parts) = sub_records.cut(record.as_bytes()) else { panic!("500 are cut") };
            assert_eq!(parts.len(), 500);
            assert_eq!(sub_records.cut(one.repeat(501).as_bytes()), Cut::TooMany);
        }
    }

    proptest! {
        #[test]
        fn any_record_is_cut_or_stays_whole(data in proptest::collection::vec(any::<u8>(), 0..100)) {
            for sub_records in [SubRecords::Json, SubRecords::Delimited(vec![0, 0])] {
                let _ = sub_records.cut(&data);
            }
        }
    }
}
