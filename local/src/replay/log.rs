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
    /// Reads a function's log. Lines that are no metrics are passed over.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(log: &Path) -> io::Result<Self> {
        let mut metrics = Self::default();
        for line in BufReader::new(File::open(log)?).lines() {
            metrics.add(&line?);
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
                *sums.entry(reason.to_owned()).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
