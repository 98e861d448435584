//! Reads what a function reports with `ReportBatchItemFailures`.
//!
//! Implements "Success and failure conditions" of "Configuring partial batch response with Kinesis Data Streams and
//! Lambda": nothing, an object without failures, and a list that is null or empty are a complete success; an identifier
//! that is empty, null, absent or of no record of the batch is a complete failure; of several, the lowest sequence
//! number is the checkpoint.

use serde::Deserialize;

/// Characters of a found identifier that an error message repeats.
const EXCERPT_CHARS_MAX: usize = 100;

/// How far a batch was processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To its end.
    Processed,
    /// Up to the record at this place, counted from 0, which has to come again.
    Failed {
        /// The place.
        from: usize,
    },
}

/// Why an answer says nothing about its batch, which then failed as a whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// The answer has another shape.
    #[error(
        "the answer must be an object with a list `batchItemFailures` of objects with a text `itemIdentifier`"
    )]
    Shape(#[source] serde_json::Error),
    /// An entry without identifier.
    #[error("`batchItemFailures[{index}].itemIdentifier` must be a sequence number, was absent or null")]
    NoIdentifier {
        /// Position in the answer, from 0.
        index: usize,
    },
    /// An identifier of no record of the batch.
    #[error(
        "`batchItemFailures[{index}].itemIdentifier` must be a sequence number of the batch, was {found:?}"
    )]
    Unknown {
        /// Position in the answer, from 0.
        index: usize,
        /// The identifier, cut.
        found: String,
    },
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Vec<Failure>>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    identifier: Option<String>,
}

/// Reads the answer to a batch, whose sequence numbers are given in their order.
///
/// # Errors
/// When the batch counts as failed altogether.
pub(super) fn read<'s>(
    answer: &[u8],
    sent: &(impl Iterator<Item = &'s str> + Clone),
) -> Result<Verdict, AnswerError> {
    if answer.trim_ascii().is_empty() {
        return Ok(Verdict::Processed);
    }
    let answer: Option<Answer> = serde_json::from_slice(answer).map_err(AnswerError::Shape)?;
    let mut lowest = None;
    for (index, failure) in
        answer.and_then(|answer| answer.failures).unwrap_or_default().into_iter().enumerate()
    {
        let identifier = failure.identifier.ok_or(AnswerError::NoIdentifier { index })?;
        // The batch is in the order of its sequence numbers: the first place is the lowest number.
        let Some(place) = sent.clone().position(|sequence_number| sequence_number == identifier) else {
            let found = identifier.chars().take(EXCERPT_CHARS_MAX).collect();
            return Err(AnswerError::Unknown { index, found });
        };
        lowest = Some(lowest.map_or(place, |lowest: usize| lowest.min(place)));
    }
    Ok(lowest.map_or(Verdict::Processed, |from| Verdict::Failed { from }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: [&str; 4] = ["490", "491", "492", "493"];

    fn verdict(answer: &str) -> Result<Verdict, String> {
        read(answer.as_bytes(), &SENT.into_iter()).map_err(|error| error.to_string())
    }

    fn failed(answer: &str, says: &str) {
        let error = verdict(answer).unwrap_err();
        assert!(error.contains(says), "{answer}: {error}");
    }

    #[test]
    fn nothing_and_no_failures_are_success() {
        for answer in ["", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert_eq!(verdict(answer), Ok(Verdict::Processed), "{answer}");
        }
    }

    #[test]
    fn the_lowest_sequence_number_is_the_checkpoint() {
        let answer = r#"{"batchItemFailures":[{"itemIdentifier":"493"},{"itemIdentifier":"491"}]}"#;
        assert_eq!(verdict(answer), Ok(Verdict::Failed { from: 1 }));
    }

    #[test]
    fn an_identifier_that_names_no_record_is_a_failure() {
        failed(
            r#"{"batchItemFailures":[{"itemIdentifier":"491"},{"itemIdentifier":""}]}"#,
            "[1].itemIdentifier",
        );
        failed(r#"{"batchItemFailures":[{"itemIdentifier":"5"}]}"#, r#"was "5""#);
    }

    #[test]
    fn an_identifier_that_is_none_is_a_failure() {
        failed(r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, "was absent or null");
        failed(r#"{"batchItemFailures":[{"itemIdentfier":"491"}]}"#, "was absent or null");
    }

    #[test]
    fn an_answer_of_another_shape_is_a_failure() {
        for answer in ["garbage", "[1]", r#"{"batchItemFailures":"491"}"#, r#"{"batchItemFailures":[491]}"#] {
            failed(answer, "the answer must be an object");
        }
    }
}
