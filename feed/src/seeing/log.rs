//! Logs: one JSON document a line on standard output, beside the metrics.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging.
pub fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    tracing_subscriber::registry().with(lines).with(level).init();
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let text = cause.to_string();
        // A transparent error says the same as its cause.
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::PutError;

    #[test]
    fn a_chain_has_every_cause_once() {
        let error = PutError(std::io::Error::other("connection refused").into());
        assert_eq!(chain(&error), "expected the stream to answer: connection refused");
    }
}
