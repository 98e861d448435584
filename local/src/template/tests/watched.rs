//! Tests of what the deployed template watches: its alarms and its dashboard name metrics that the functions write.

use std::collections::BTreeSet;

use serde_json::Value;
use tapeline_codec::{DropReason, Reason};
use tapeline_market::{Interval, Timestamp};

use super::super::yaml::Node;
use super::deployed::DEPLOYED;
use super::*;

fn template() -> Node {
    let text = std::fs::read_to_string(DEPLOYED).unwrap();
    yaml::parse(&text).map_err(|fault| fault.into_error("template.yaml")).unwrap()
}

/// The metrics of documents in embedded metric format, each with its function and what it is divided by.
fn names(function: &str, documents: &[Value], found: &mut BTreeSet<(String, String, String)>) {
    for directive in documents.iter().map(|document| &document["_aws"]["CloudWatchMetrics"][0]) {
        assert_eq!(directive["Namespace"], "tapeline");
        let dimensions = directive["Dimensions"][0].as_array().unwrap();
        let by = dimensions.get(1).and_then(Value::as_str).unwrap_or_default();
        for metric in directive["Metrics"].as_array().unwrap() {
            found.insert((function.to_owned(), metric["Name"].as_str().unwrap().to_owned(), by.to_owned()));
        }
    }
}

/// Every metric of both functions.
fn written() -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    let refusal = |reason| record_transformer::Refusal {
        reason,
        records: 1,
        record_id: "1".to_owned(),
        error: "expected".to_owned(),
    };
    let transformed = record_transformer::Report {
        lag_max_us: Some(1),
        refusals: vec![refusal(Reason::BadJson)],
        drops: vec![(DropReason::Control, 1)],
        ..record_transformer::Report::default()
    };
    names("RecordTransformer", &record_transformer::log::metrics(&transformed, "fn", 0), &mut found);
    let calculated = indicator_calculator::Report {
        bars_closed: vec![(Interval::Minute1, 1)],
        event_time_max: Timestamp::from_micros(1).ok(),
        ..indicator_calculator::Report::default()
    };
    names("IndicatorCalculator", &indicator_calculator::log::metrics(&calculated, "fn", 0), &mut found);
    found
}

/// Alarms by their logical ids, and whether each is there in every deployment.
fn alarms(template: &Node) -> Vec<(&str, &Node)> {
    let resources = template.get("Resources").unwrap().entries().iter();
    let alarms =
        resources.filter(|(_, node)| node.get("Type").unwrap().text() == Some("AWS::CloudWatch::Alarm"));
    alarms.map(|(logical_id, node)| (logical_id.as_str(), node)).collect()
}

fn widgets(template: &Node) -> Vec<Value> {
    let body = template.get("Resources").unwrap().get("Dashboard").unwrap().get("Properties").unwrap();
    let body: Value = serde_json::from_str(body.get("DashboardBody").unwrap().text().unwrap()).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

#[test]
fn alarms_watch_metrics_that_are_written() {
    let (template, written) = (template(), written());
    let mut watched = 0;
    for (logical_id, alarm) in alarms(&template) {
        assert!(logical_id.ends_with("Alarm"), "{logical_id}");
        let properties = alarm.get("Properties").unwrap();
        // What the feed writes is held against its alarms where the feed is run: tests/feed.
        let is_of_functions = !logical_id.starts_with("Feed");
        if is_of_functions && properties.get("Namespace").and_then(Node::text) == Some("tapeline") {
            let metric = properties.get("MetricName").unwrap().text().unwrap();
            let key = ("IndicatorCalculator".to_owned(), metric.to_owned(), String::new());
            assert!(written.contains(&key), "{logical_id}: {metric}");
            watched += 1;
        }
    }
    assert_eq!(watched, 4);
}

#[test]
fn refusals_are_watched_by_reason() {
    let template = template();
    let (_, alarm) = alarms(&template).into_iter().find(|(id, _)| *id == "FailedRecordsAlarm").unwrap();
    let yaml::Kind::List(queries) = &alarm.get("Properties").unwrap().get("Metrics").unwrap().kind else {
        panic!("no list")
    };
    let query = queries[0].get("Expression").unwrap().text().unwrap();
    assert!(query.starts_with("SELECT SUM(Refusals) FROM SCHEMA(tapeline, FunctionName, Reason)"), "{query}");
    let key = ("RecordTransformer".to_owned(), "Refusals".to_owned(), "Reason".to_owned());
    assert!(written().contains(&key));
}

#[test]
fn the_dashboard_shows_metrics_that_are_written() {
    let written = written();
    let search = regex_lite::Regex::new(
        r#"SEARCH\('\{tapeline,FunctionName,(\w+)\} MetricName="(\w+)" FunctionName="\$\{(\w+)\}"'"#,
    )
    .unwrap();
    let mut shown = 0;
    for widget in widgets(&template()) {
        let metrics = widget["properties"]["metrics"].as_array().into_iter().flatten();
        for metric in metrics {
            let key = if metric[0] == "tapeline" {
                let function = metric[3].as_str().unwrap().trim_matches(['$', '{', '}']);
                (function.to_owned(), metric[1].as_str().unwrap().to_owned(), String::new())
            } else if let Some(found) =
                metric[0]["expression"].as_str().and_then(|text| search.captures(text))
            {
                (found[3].to_owned(), found[2].to_owned(), found[1].to_owned())
            } else {
                continue;
            };
            shown += 1;
            assert!(written.contains(&key), "{key:?}");
        }
    }
    assert_eq!(shown, 19);
}

#[test]
fn the_dashboard_shows_every_alarm_that_is_always_there() {
    let template = template();
    let widgets = widgets(&template);
    let shown = widgets[0]["properties"]["alarms"].as_array().unwrap().iter();
    let shown: Vec<_> = shown.map(|arn| arn.as_str().unwrap().to_owned()).collect();
    let always = alarms(&template).into_iter().filter(|(_, node)| node.get("Condition").is_none());
    assert_eq!(shown, always.map(|(id, _)| format!("${{{id}.Arn}}")).collect::<Vec<_>>());
}

#[test]
fn the_table_of_failures_has_every_place_of_one() {
    let given = BTreeMap::from([("Search".to_owned(), "new".to_owned())]);
    let stack = Stack::load(Path::new(DEPLOYED), &given).unwrap();
    let text = std::fs::read_to_string(DEPLOYED).unwrap();
    let values = text.lines().find_map(|line| line.trim().strip_prefix("projection.output.values:")).unwrap();
    // What stands before the type of the failure, which is the last part of a value.
    let head = |value: &str| value.rsplit_once('/').map_or(String::new(), |(head, _)| format!("{head}/"));
    let projected: BTreeSet<_> = values.trim().split(',').map(head).collect();
    let prefixes = stack.delivery_streams.iter().map(|stream| match &stream.destination {
        Destination::S3(s3) => s3.error_prefix.clone(),
        Destination::OpenSearch(search) => search.backup.error_prefix.clone(),
        Destination::Http(http) => http.backup.error_prefix.clone(),
    });
    let heads = prefixes.map(|prefix| {
        let (head, date) = prefix.split_once("!{firehose:error-output-type}/").unwrap();
        assert_eq!(date, "!{timestamp:yyyy/MM/dd}/");
        head.strip_prefix("errors/").unwrap().to_owned()
    });
    assert_eq!(heads.collect::<BTreeSet<_>>(), projected);
}
