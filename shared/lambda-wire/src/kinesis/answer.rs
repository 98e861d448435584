//! The answer to a batch under `ReportBatchItemFailures`.
//!
//! Of all numbers in an answer, the service takes the lowest as its checkpoint and delivers everything from there on
//! once more; a number that it does not know means the whole batch. So an answer names one number or none.

use tapeline_json::write_string;

/// Builds the answer: the batch is done, or done up to the record of sequence number `first_failed`, which is the
/// first to come again. The number must be one of the event's, to the letter.
pub fn answer(first_failed: Option<&str>) -> Vec<u8> {
    let mut out = b"{\"batchItemFailures\":[".to_vec();
    if let Some(sequence_number) = first_failed {
        out.extend_from_slice(b"{\"itemIdentifier\":");
        write_string(sequence_number, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::streams::KinesisEventResponse;
    use proptest::prelude::*;

    use super::*;

    fn check(first_failed: Option<&str>) {
        let mut expected = KinesisEventResponse::default();
        if let Some(sequence_number) = first_failed {
            expected.add_failure(sequence_number);
        }
        let answer = answer(first_failed);
        assert_eq!(serde_json::from_slice::<KinesisEventResponse>(&answer).unwrap(), expected);
    }

    #[test]
    fn a_batch_that_is_done_has_an_empty_list() {
        check(None);
        assert_eq!(answer(None), br#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn the_first_failure_is_the_only_one_named() {
        check(Some("49590338271490256608559692538361571095921575989136588898"));
        assert_eq!(answer(Some("7")), br#"{"batchItemFailures":[{"itemIdentifier":"7"}]}"#);
    }

    proptest! {
        #[test]
        fn any_number_comes_back_as_it_was(sequence_number in ".{0,60}") {
            check(Some(&sequence_number));
        }
    }
}
