//! A `PutRecords` of which some records fail: which are taken, and what is answered.

use serde_json::{Value, json};

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is taken.
    Taken,
    /// It fails, with this code.
    Fails(&'static str),
}

/// The request with the records that are taken, and the fate of each one: every other fails, beginning with the first.
pub(crate) fn split(mut request: Value) -> (Value, Vec<Fate>) {
    let records = request["Records"].as_array().cloned().unwrap_or_default();
    let fates: Vec<_> = (0..records.len())
        .map(|place| match place % 4 {
            0 => Fate::Fails("ProvisionedThroughputExceededException"),
            2 => Fate::Fails("InternalFailure"),
            _ => Fate::Taken,
        })
        .collect();
    let taken = records.into_iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Taken);
    request["Records"] = taken.map(|(record, _)| record).collect();
    (request, fates)
}

/// The answer: the results of those that were taken in their places, errors in those of the others.
pub(crate) fn merged(fates: &[Fate], results: &Value) -> Value {
    let mut results = results.as_array().cloned().unwrap_or_default().into_iter();
    let records: Vec<_> = fates
        .iter()
        .map(|fate| match fate {
            Fate::Taken => results.next().unwrap(),
            Fate::Fails(code) => json!({"ErrorCode": code, "ErrorMessage": "a trouble of the test"}),
        })
        .collect();
    let failed = fates.iter().filter(|fate| **fate != Fate::Taken).count();
    json!({"FailedRecordCount": failed, "Records": records})
}

#[test]
fn results_come_in_the_places_of_their_records() {
    let (taken, fates) = split(json!({"Records": [{"Data": "a"}, {"Data": "b"}, {"Data": "c"}]}));
    assert_eq!(taken["Records"], json!([{"Data": "b"}]));
    let answer = merged(&fates, &json!([{"SequenceNumber": "1"}]));
    assert_eq!(
        (&answer["FailedRecordCount"], &answer["Records"][1]["SequenceNumber"]),
        (&json!(2), &json!("1"))
    );
    assert_eq!(answer["Records"][2]["ErrorCode"], "InternalFailure");
}
