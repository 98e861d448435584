//! An error with its causes: told once, where nobody is left to handle it.

/// An error with its causes, in one line. A text that only repeats the one before it is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let text = cause.to_string();
        // An error that only wraps another may show it, and name it as its cause as well.
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    /// An error that says something, and its cause.
    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Saying(&'static str, #[source] Option<Box<Saying>>);

    /// `texts` begin with the outermost.
    fn check(texts: &[&'static str], expected: &str) {
        let cause = texts[1..].iter().rev().fold(None, |cause, text| Some(Box::new(Saying(text, cause))));
        assert_eq!(chain(&Saying(texts[0], cause)), expected);
    }

    #[test]
    fn a_chain_has_every_cause() {
        check(&["expected an answer"], "expected an answer");
        check(
            &["expected a row", "expected an answer", "connection refused"],
            "expected a row: expected an answer: connection refused",
        );
    }

    #[test]
    fn a_text_that_repeats_its_causes_is_told_once() {
        check(
            &["expected an answer", "connection refused", "connection refused"],
            "expected an answer: connection refused",
        );
        check(&["refused", "expected an answer", "refused"], "refused: expected an answer: refused");
    }
}
