//! What the function said of itself: the metrics in its log, summed as CloudWatch would.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

/// Sums of a function's metrics over a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// Refused records by reason.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Dropped frames by reason.
    pub(crate) drops: BTreeMap<String, u64>,
}

impl Metrics {
    /// Reads a function's log. Lines that are no metrics are passed over, also those that are no text.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(log: &Path) -> io::Result<Self> {
        let mut metrics = Self::default();
        let mut log = BufReader::new(File::open(log)?);
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line)? > 0 {
            metrics.add(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(metrics)
    }

    fn add(&mut self, line: &str) {
        // A cheap look first: most lines are no metrics by reason.
        if !line.contains("\"_aws\"") || !line.contains("\"Reason\"") {
            return;
        }
        let Ok(document) = serde_json::from_str::<Value>(line) else { return };
        let Some(reason) = document.get("Reason").and_then(Value::as_str) else { return };
        for (name, sums) in [("Refusals", &mut self.refusals), ("Drops", &mut self.drops)] {
            if let Some(count) = document.get(name).and_then(Value::as_u64) {
                let sum = sums.entry(reason.to_owned()).or_default();
                *sum = sum.saturating_add(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_that_is_no_text_is_read_to_its_end() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        log.write_all(b"\xff\xfe\n{\"_aws\":{},\"Reason\":\"control\",\"Drops\":2}").unwrap();
        let metrics = Metrics::read(log.path()).unwrap();
        assert_eq!(metrics.drops, BTreeMap::from([("control".to_owned(), 2)]));
    }

    #[test]
    fn a_count_that_is_out_of_range_is_no_panic() {
        let mut metrics = Metrics::default();
        for _ in 0..2 {
            metrics.add(r#"{"_aws":{},"Reason":"control","Drops":18446744073709551615}"#);
        }
        assert_eq!(metrics.drops["control"], u64::MAX);
    }

    #[test]
    fn reasons_are_summed_over_batches() {
        let mut metrics = Metrics::default();
        let line = |name: &str, reason: &str, count: u64| {
            format!(
                r#"{{"_aws":{{"CloudWatchMetrics":[]}},"FunctionName":"f","Reason":"{reason}","{name}":{count}}}"#
            )
        };
        for text in [
            line("Refusals", "bad_json", 2),
            line("Refusals", "bad_json", 3),
            line("Drops", "control", 1),
            "{\"level\":\"INFO\"}".to_owned(),
            "\"_aws\" \"Reason\"".to_owned(),
        ] {
            metrics.add(&text);
        }
        assert_eq!(metrics.refusals, BTreeMap::from([("bad_json".to_owned(), 5)]));
        assert_eq!(metrics.drops, BTreeMap::from([("control".to_owned(), 1)]));
    }
}
