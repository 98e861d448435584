//! What functions said of themselves: the counts in their logs, summed as CloudWatch would.
//!
//! Metrics are in the embedded metric format: a JSON line whose `_aws.CloudWatchMetrics` names the fields that are
//! metrics and those that are their dimensions.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// The dimension that all lines of one log share.
const FUNCTION_NAME: &str = "FunctionName";
/// Most different series that are kept: a few metrics for a few dozen reasons and intervals are a hundredth of it.
const SERIES_MAX: usize = 10_000;

/// Sums of a function's counts over a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metrics {
    sums: BTreeMap<Series, u64>,
}

/// One metric and the dimensions that it is counted by, that of the function aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    metric: String,
    dimensions: BTreeMap<String, String>,
}

/// One of `_aws.CloudWatchMetrics`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    dimensions: Vec<Vec<String>>,
    metrics: Vec<Metric>,
}

/// One of its `Metrics`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: String,
    unit: Option<String>,
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

    /// The sums of a metric by the values of a dimension.
    pub(crate) fn by(&self, metric: &str, dimension: &str) -> BTreeMap<String, u64> {
        let of_metric = self.sums.iter().filter(|(series, _)| series.metric == metric);
        of_metric
            .filter_map(|(series, sum)| Some((series.dimensions.get(dimension)?.clone(), *sum)))
            .collect()
    }

    /// The sums of all metrics without dimensions.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        let totals = self.sums.iter().filter(|(series, _)| series.dimensions.is_empty());
        totals.map(|(series, sum)| (series.metric.clone(), *sum)).collect()
    }

    fn add(&mut self, line: &str) {
        // A cheap look first: most lines of a talkative function are no metrics.
        if !line.contains("\"_aws\"") {
            return;
        }
        let Ok(document) = serde_json::from_str::<Value>(line) else { return };
        let directives = document.pointer("/_aws/CloudWatchMetrics").and_then(Value::as_array);
        for directive in directives.into_iter().flatten() {
            if let Ok(directive) = Directive::deserialize(directive) {
                self.add_directive(&directive, &document);
            }
        }
    }

    fn add_directive(&mut self, directive: &Directive, document: &Value) {
        let names = directive.dimensions.iter().flatten().filter(|name| *name != FUNCTION_NAME);
        let dimension = |name: &String| Some((name.clone(), document.get(name)?.as_str()?.to_owned()));
        let dimensions: BTreeMap<_, _> = names.filter_map(dimension).collect();
        // Sums of anything else, such as times, mean nothing.
        for metric in directive.metrics.iter().filter(|metric| metric.unit.as_deref() == Some("Count")) {
            let Some(count) = document.get(&metric.name).and_then(Value::as_u64) else { continue };
            let series = Series { metric: metric.name.clone(), dimensions: dimensions.clone() };
            if self.sums.len() < SERIES_MAX || self.sums.contains_key(&series) {
                let sum = self.sums.entry(series).or_default();
                *sum = sum.saturating_add(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    /// A line with one count, by one dimension besides that of the function.
    fn line(metric: &str, count: u64, (dimension, value): (&str, &str)) -> String {
        let directive = json!({"Namespace": "n", "Dimensions": [["FunctionName", dimension]],
            "Metrics": [{"Name": metric, "Unit": "Count"}]});
        let mut line =
            json!({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "FunctionName": "f"});
        line[dimension] = json!(value);
        line[metric] = json!(count);
        line.to_string()
    }

    fn summed(lines: &[String]) -> Metrics {
        let mut metrics = Metrics::default();
        for line in lines {
            metrics.add(line);
        }
        metrics
    }

    #[test]
    fn a_log_that_is_no_text_is_read_to_its_end() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        log.write_all(b"\xff\xfe\n").unwrap();
        log.write_all(line("Drops", 2, ("Reason", "control")).as_bytes()).unwrap();
        let metrics = Metrics::read(log.path()).unwrap();
        assert_eq!(metrics.by("Drops", "Reason"), BTreeMap::from([("control".to_owned(), 2)]));
    }

    #[test]
    fn a_count_that_is_out_of_range_is_no_panic() {
        let lines = [u64::MAX, u64::MAX].map(|count| line("Drops", count, ("Reason", "control")));
        assert_eq!(summed(&lines).by("Drops", "Reason")["control"], u64::MAX);
    }

    #[test]
    fn counts_are_summed_over_lines_by_their_dimension() {
        let metrics = summed(&[
            line("Refusals", 2, ("Reason", "bad_json")),
            line("Refusals", 3, ("Reason", "bad_json")),
            line("BarsClosed", 4, ("Interval", "1m")),
            line("BarsClosed", 1, ("Interval", "1h")),
            "{\"level\":\"INFO\"}".to_owned(),
            "\"_aws\" \"Reason\"".to_owned(),
        ]);
        assert_eq!(metrics.by("Refusals", "Reason"), BTreeMap::from([("bad_json".to_owned(), 5)]));
        let bars = BTreeMap::from([("1m".to_owned(), 4), ("1h".to_owned(), 1)]);
        assert_eq!(metrics.by("BarsClosed", "Interval"), bars);
        assert_eq!(metrics.totals(), BTreeMap::new());
    }

    #[test]
    fn only_counts_are_summed() {
        let line = r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],"Metrics":[
            {"Name":"Rows","Unit":"Count"},{"Name":"Lag","Unit":"Milliseconds"}]}]},"Rows":7,"Lag":9}"#;
        assert_eq!(summed(&[line.to_owned()]).totals(), BTreeMap::from([("Rows".to_owned(), 7)]));
    }
}
