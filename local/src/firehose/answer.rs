//! Checks the answer of a data transformation function as strictly as Firehose does.
//!
//! Implements the status model of "Transform source data in Amazon Data Firehose": every record id that was sent
//! comes back exactly once, with a result of `Ok`, `Dropped` or `ProcessingFailed` and data in base64. A violation
//! fails the whole batch under one of the error codes of "Lambda invocation errors" in Firehose's guide.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::prefix::PartitionKeys;

/// Characters of a found value that an error message repeats.
const EXCERPT_CHARS_MAX: usize = 100;

/// What the function decided about one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransformResult {
    /// Transformed: goes on to the destination.
    Ok,
    /// Left out on purpose: counts as processed, is delivered nowhere.
    Dropped,
    /// Could not be transformed: goes to the error prefix.
    ProcessingFailed,
}

impl TransformResult {
    /// Reads the wire value.
    fn from_wire(text: &str) -> Option<Self> {
        match text {
            "Ok" => Some(Self::Ok),
            "Dropped" => Some(Self::Dropped),
            "ProcessingFailed" => Some(Self::ProcessingFailed),
            _ => None,
        }
    }
}

/// A valid answer: its records in the order of the event, their data behind one another in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    data: Vec<u8>,
    records: Vec<Transformed>,
}

impl Answer {
    /// The records with their data, base64 removed.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&Transformed, &[u8])> {
        self.records.iter().map(|record| (record, self.data.get(record.data.clone()).unwrap_or_default()))
    }
}

/// One record of a valid answer.
#[derive(Debug, Clone)]
pub(crate) struct Transformed {
    /// Decision of the function.
    pub(crate) result: TransformResult,
    /// `metadata.partitionKeys`, empty when the record has none. Records with the same text share them.
    pub(crate) partition_keys: Arc<PartitionKeys>,
    /// Where its data stands.
    data: Range<usize>,
}

/// Why Firehose refuses an answer, and with it the whole batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The answer is not JSON, or not an object.
    #[error("the answer must be a JSON object with a list `records`")]
    NotAnObject(#[source] serde_json::Error),
    /// The answer is an object without `records`, or `records` is null.
    #[error("the answer must have a list `records`, was {found}")]
    NoRecords {
        /// Beginning of the answer.
        found: String,
    },
    /// `records` is no list.
    #[error("`records` must be a list")]
    RecordsNotAList(#[source] serde_json::Error),
    /// An entry is no object, or one of its fields has the wrong type.
    #[error(
        "`records[{index}]` must be an object of strings with an optional `metadata.partitionKeys` of strings"
    )]
    Shape {
        /// Position in the answer, from 0.
        index: usize,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An entry lacks a required field.
    #[error("`records[{index}].{field}` must be a string, was absent or null")]
    MissingField {
        /// Position in the answer, from 0.
        index: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// The result is none of the three values of the status model.
    #[error("result of record {record_id} must be Ok, Dropped or ProcessingFailed, was {found:?}")]
    UnknownResult {
        /// Id of the record.
        record_id: String,
        /// The value found.
        found: String,
    },
    /// The data is not standard padded base64.
    #[error("data of record {record_id} must be base64")]
    NotBase64 {
        /// Id of the record.
        record_id: String,
        /// Where it stops being base64.
        #[source]
        source: base64::DecodeError,
    },
    /// A record id came back more than once.
    #[error("record {record_id} must be answered once, was answered again by `records[{index}]`")]
    Duplicated {
        /// Id of the record.
        record_id: String,
        /// Position of the second answer, from 0.
        index: usize,
    },
    /// Record ids that were sent did not come back.
    #[error("all {sent} records must be answered, {missing} were not, the first is {first}{}", or_instead(.unknown.as_deref()))]
    Missing {
        /// Number of records sent.
        sent: usize,
        /// Number of records without an answer.
        missing: usize,
        /// First id without an answer.
        first: String,
        /// First id that came back without having been sent: most likely a changed one.
        unknown: Option<String>,
    },
    /// A record id came back that was not sent, beside all that were.
    #[error("only record ids of the batch may be answered, was {record_id}")]
    Unknown {
        /// The id found.
        record_id: String,
    },
}

impl AnswerError {
    /// Names the error as Firehose's logs and failure documents do.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "Lambda.MissingRecordId",
            Self::Duplicated { .. } => "Lambda.DuplicatedRecordId",
            _ => "Lambda.JsonProcessingException",
        }
    }
}

/// Explains a missing id by the unknown one that came in its place.
fn or_instead(unknown: Option<&str>) -> String {
    unknown.map(|id| format!(" (instead came {id}, which was not sent)")).unwrap_or_default()
}

/// The answer as it is on the wire, its records as a `T`.
#[derive(Deserialize)]
struct Wire<T> {
    records: Option<T>,
}

/// One entry of `records`. Absent and null are told from wrong types: the message is clearer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    record_id: Option<Text<'a>>,
    #[serde(borrow)]
    result: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    /// Unread: neighbouring records mostly have the same.
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// A string, borrowed from the answer where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// `metadata` of an entry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    partition_keys: Option<BTreeMap<String, String>>,
}

/// Checks an answer against the record ids of its batch and decodes it.
///
/// `sent` holds the ids in the order of the event; the result has that order too, whatever the answer's was.
///
/// # Errors
/// The first violation in the order of the answer; ids that are missing are noticed last.
pub(crate) fn check(answer: &[u8], sent: &[&str]) -> Result<Answer, AnswerError> {
    let entries = entries(answer)?;
    let mut positions = Positions { sent, by_id: None };
    let mut decoder = Decoder { data: Vec::with_capacity(answer.len() / 2), ..Decoder::default() };
    let mut answered: Vec<Option<Transformed>> = vec![None; sent.len()];
    let mut unknown = None;
    for (index, entry) in entries.into_iter().enumerate() {
        let entry = entry.map_err(|source| AnswerError::Shape { index, source })?;
        let (record_id, transformed) = decoder.decode(index, entry)?;
        match positions.of(&record_id, index).and_then(|at| answered.get_mut(at)) {
            Some(slot) if slot.is_some() => {
                return Err(AnswerError::Duplicated { record_id: excerpt(&record_id), index });
            }
            Some(slot) => *slot = Some(transformed),
            None => unknown = unknown.or_else(|| Some(excerpt(&record_id))),
        }
    }
    let records = complete(sent, answered, unknown)?;
    Ok(Answer { data: decoder.data, records })
}

/// Where the ids stand in the event.
struct Positions<'a> {
    sent: &'a [&'a str],
    /// Made when an answer leaves the order of the event, which few do.
    by_id: Option<HashMap<&'a str, usize>>,
}

impl Positions<'_> {
    /// The position of an id that stands at `index` of the answer.
    fn of(&mut self, id: &str, index: usize) -> Option<usize> {
        if self.by_id.is_none() && self.sent.get(index).is_some_and(|sent| *sent == id) {
            return Some(index);
        }
        let by_id = || self.sent.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        self.by_id.get_or_insert_with(by_id).get(id).copied()
    }
}

/// Reads the entries of the answer. In one pass, where they all are what they should be; otherwise once more, one by one,
/// to find the first that is not.
fn entries(answer: &[u8]) -> Result<Vec<Result<Entry<'_>, serde_json::Error>>, AnswerError> {
    if let Ok(Wire { records: Some(entries) }) = serde_json::from_slice::<Wire<Vec<Entry<'_>>>>(answer) {
        return Ok(entries.into_iter().map(Ok).collect());
    }
    let records =
        serde_json::from_slice::<Wire<&RawValue>>(answer).map_err(AnswerError::NotAnObject)?.records;
    let records =
        records.ok_or_else(|| AnswerError::NoRecords { found: excerpt(&String::from_utf8_lossy(answer)) })?;
    let entries: Vec<&RawValue> =
        serde_json::from_str(records.get()).map_err(AnswerError::RecordsNotAList)?;
    Ok(entries.into_iter().map(|raw| serde_json::from_str(raw.get())).collect())
}

/// What entries are decoded into.
#[derive(Default)]
struct Decoder<'a> {
    data: Vec<u8>,
    keys: HashMap<&'a str, Arc<PartitionKeys>>,
    no_keys: Arc<PartitionKeys>,
}

impl<'a> Decoder<'a> {
    /// Decodes one entry; hands back its id as well.
    fn decode(&mut self, index: usize, entry: Entry<'a>) -> Result<(Cow<'a, str>, Transformed), AnswerError> {
        let required = |field: &'static str, value: Option<Text<'a>>| {
            value.map(|text| text.0).ok_or(AnswerError::MissingField { index, field })
        };
        let record_id = required("recordId", entry.record_id)?;
        let result = required("result", entry.result)?;
        let data = required("data", entry.data)?;
        let partition_keys =
            self.partition_keys(entry.metadata).map_err(|source| AnswerError::Shape { index, source })?;
        let result = TransformResult::from_wire(&result).ok_or_else(|| AnswerError::UnknownResult {
            record_id: excerpt(&record_id),
            found: excerpt(&result),
        })?;
        let start = self.data.len();
        STANDARD
            .decode_vec(data.as_bytes(), &mut self.data)
            .map_err(|source| AnswerError::NotBase64 { record_id: excerpt(&record_id), source })?;
        Ok((record_id, Transformed { result, partition_keys, data: start..self.data.len() }))
    }

    fn partition_keys(
        &mut self,
        metadata: Option<&'a RawValue>,
    ) -> Result<Arc<PartitionKeys>, serde_json::Error> {
        let Some(raw) = metadata else { return Ok(Arc::clone(&self.no_keys)) };
        if let Some(keys) = self.keys.get(raw.get()) {
            return Ok(Arc::clone(keys));
        }
        let metadata: Option<Metadata> = serde_json::from_str(raw.get())?;
        let lambda = metadata.and_then(|metadata| metadata.partition_keys).unwrap_or_default();
        let keys = Arc::new(PartitionKeys { lambda, query: BTreeMap::new() });
        self.keys.insert(raw.get(), Arc::clone(&keys));
        Ok(keys)
    }
}

/// Proves that every record was answered.
fn complete(
    sent: &[&str],
    answered: Vec<Option<Transformed>>,
    unknown: Option<String>,
) -> Result<Vec<Transformed>, AnswerError> {
    let missing = answered.iter().filter(|slot| slot.is_none()).count();
    let first = sent.iter().zip(&answered).find(|(_, slot)| slot.is_none()).map(|(id, _)| excerpt(id));
    match (first, unknown) {
        (Some(first), unknown) => Err(AnswerError::Missing { sent: sent.len(), missing, first, unknown }),
        (None, Some(record_id)) => Err(AnswerError::Unknown { record_id }),
        (None, None) => Ok(answered.into_iter().flatten().collect()),
    }
}

/// Cuts a found value to what a message can bear.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use proptest::prelude::*;

    use super::*;

    const MALFORMED: &str = "Lambda.JsonProcessingException";

    /// Two records "a" and "b" were sent and `records` came back.
    fn check_two(records: &str) -> Result<Answer, AnswerError> {
        check(format!(r#"{{"records":[{records}]}}"#).as_bytes(), &["a", "b"])
    }

    /// What was decided about each record, and its data.
    fn outcomes(answer: &Answer) -> Vec<(TransformResult, &[u8])> {
        answer.records().map(|(record, data)| (record.result, data)).collect()
    }

    /// An answer that is refused, with its code and a piece of its message or of its cause.
    fn refused(answer: &str, code: &str, says: &str) {
        let error = check(answer.as_bytes(), &["a"]).expect_err("the answer is wrong");
        let text = format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
        assert_eq!(error.code(), code, "{text}");
        assert!(text.contains(says), "{text:?} does not say {says:?}");
    }

    #[test]
    fn the_documented_sample_is_accepted() {
        let answer = r#"{"records":[{"recordId":"a","result":"Ok","data":"eyJhIjoxfQo="}]}"#;
        let answer = check(answer.as_bytes(), &["a"]).unwrap();
        assert_eq!(outcomes(&answer), [(TransformResult::Ok, &b"{\"a\":1}\n"[..])]);
        assert_eq!(*answer.records[0].partition_keys, PartitionKeys::default());
    }

    #[test]
    fn results_come_in_the_order_of_the_event() {
        let records = r#"{"recordId":"b","result":"Dropped","data":""},
            {"recordId":"a","result":"ProcessingFailed","data":"eA=="}"#;
        let answer = check_two(records).unwrap();
        let expected = [(TransformResult::ProcessingFailed, &b"x"[..]), (TransformResult::Dropped, b"")];
        assert_eq!(outcomes(&answer), expected);
    }

    #[test]
    fn partition_keys_are_read() {
        let answer = r#"{"records":[{"recordId":"a","result":"Ok","data":"",
            "metadata":{"partitionKeys":{"kind":"trade","date":"2026-11-21"}}}]}"#;
        let answer = check(answer.as_bytes(), &["a"]).unwrap();
        let keys = [("kind", "trade"), ("date", "2026-11-21")];
        let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(answer.records[0].partition_keys.lambda, keys.into());
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let answer =
            r#"{"x":1,"records":[{"recordId":"a","result":"Ok","data":"","y":[],"metadata":{"z":2}}]}"#;
        assert_eq!(check(answer.as_bytes(), &["a"]).unwrap().records.len(), 1);
    }

    #[test]
    fn a_missing_record_is_named() {
        let error = check_two(r#"{"recordId":"a","result":"Ok","data":""}"#).unwrap_err();
        assert_eq!(error.code(), "Lambda.MissingRecordId");
        assert_eq!(error.to_string(), "all 2 records must be answered, 1 were not, the first is b");
    }

    #[test]
    fn an_empty_list_misses_every_record() {
        refused(r#"{"records":[]}"#, "Lambda.MissingRecordId", "1 were not");
    }

    #[test]
    fn a_changed_id_counts_as_missing_and_is_named() {
        let records = r#"{"recordId":"a","result":"Ok","data":""},{"recordId":"c","result":"Ok","data":""}"#;
        let error = check_two(records).unwrap_err();
        assert_eq!(error.code(), "Lambda.MissingRecordId");
        assert!(error.to_string().ends_with("first is b (instead came c, which was not sent)"), "{error}");
    }

    #[test]
    fn an_additional_id_is_refused() {
        let answer = r#"{"records":[{"recordId":"a","result":"Ok","data":""},{"recordId":"z","result":"Ok","data":""}]}"#;
        refused(answer, MALFORMED, "was z");
    }

    #[test]
    fn a_duplicated_record_is_named() {
        let records = r#"{"recordId":"a","result":"Ok","data":""},{"recordId":"a","result":"Ok","data":""},
            {"recordId":"b","result":"Ok","data":""}"#;
        let error = check_two(records).unwrap_err();
        assert_eq!(error.code(), "Lambda.DuplicatedRecordId");
        assert_eq!(error.to_string(), "record a must be answered once, was answered again by `records[1]`");
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        refused("oops", MALFORMED, "line 1 column 1");
        refused("", MALFORMED, "EOF");
        refused(r#"{"records":[]} trailing"#, MALFORMED, "trailing characters");
    }

    #[test]
    fn an_answer_without_records_is_refused() {
        refused("{}", MALFORMED, "was {}");
        refused("null", MALFORMED, "must be a JSON object");
        refused(r#"{"records":null}"#, MALFORMED, "must have a list `records`");
        refused(r#"{"records":{"recordId":"a"}}"#, MALFORMED, "`records` must be a list");
        refused(r#"{"errorMessage":"boom"}"#, MALFORMED, "boom");
    }

    #[test]
    fn an_entry_without_a_required_field_is_refused() {
        refused(r#"{"records":[{"result":"Ok","data":""}]}"#, MALFORMED, "`records[0].recordId`");
        refused(r#"{"records":[{"recordId":"a","data":""}]}"#, MALFORMED, "`records[0].result`");
        refused(r#"{"records":[{"recordId":"a","result":"Ok"}]}"#, MALFORMED, "`records[0].data`");
        refused(
            r#"{"records":[{"recordId":"a","result":"Dropped","data":null}]}"#,
            MALFORMED,
            "`records[0].data`",
        );
    }

    #[test]
    fn an_entry_of_the_wrong_type_is_refused() {
        refused(r#"{"records":[1]}"#, MALFORMED, "`records[0]` must be an object");
        refused(r#"{"records":[{"recordId":1}]}"#, MALFORMED, "invalid type: integer `1`, expected a string");
    }

    #[test]
    fn constant_names_of_another_language_are_no_results() {
        let answer = r#"{"records":[{"recordId":"a","result":"TransformedStateOk","data":""}]}"#;
        refused(answer, MALFORMED, r#"must be Ok, Dropped or ProcessingFailed, was "TransformedStateOk""#);
        refused(r#"{"records":[{"recordId":"a","result":"ok","data":""}]}"#, MALFORMED, r#"was "ok""#);
    }

    #[test]
    fn data_that_is_not_padded_base64_is_refused() {
        refused(r#"{"records":[{"recordId":"a","result":"Ok","data":"{}"}]}"#, MALFORMED, "must be base64");
        refused(r#"{"records":[{"recordId":"a","result":"Ok","data":"eA"}]}"#, MALFORMED, "must be base64");
        refused(r#"{"records":[{"recordId":"a","result":"Ok","data":"-_8="}]}"#, MALFORMED, "must be base64");
    }

    #[test]
    fn partition_keys_must_be_strings() {
        let answer =
            r#"{"records":[{"recordId":"a","result":"Ok","data":"","metadata":{"partitionKeys":{"n":1}}}]}"#;
        refused(answer, MALFORMED, "invalid type: integer `1`, expected a string");
    }

    #[test]
    fn messages_do_not_grow_with_the_answer() {
        let answer =
            format!(r#"{{"records":[{{"recordId":"{}","result":"no","data":""}}]}}"#, "é".repeat(10_000));
        assert!(check(answer.as_bytes(), &["a"]).unwrap_err().to_string().len() < 500);
    }

    proptest! {
        #[test]
        fn no_answer_panics(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&answer, &["a", "b"]);
        }

        #[test]
        fn accepted_answers_hold_every_id_once_in_order(order in Just(vec!["a", "b", "c"]).prop_shuffle()) {
            let record = |id: &&str| format!(r#"{{"recordId":"{id}","result":"Ok","data":"{}"}}"#, STANDARD.encode(id));
            let records: Vec<String> = order.iter().map(record).collect();
            let answer = format!(r#"{{"records":[{}]}}"#, records.join(","));
            let answer = check(answer.as_bytes(), &["a", "b", "c"]).unwrap();
            let data: Vec<&[u8]> = answer.records().map(|(_, data)| data).collect();
            prop_assert_eq!(data, [b"a", b"b", b"c"]);
        }
    }
}
