//! Tests of what the deployed template indexes: the delivery streams of the search, and the files of `opensearch/`,
//! which must fit the columns of the tables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::open_search::{DocumentId, IndexRotation};
use super::deployed::DEPLOYED;
use super::*;

/// The files that are loaded into a domain.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../opensearch");

fn searching(parameters: &[(&str, &str)]) -> Stack {
    let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stack::load(Path::new(DEPLOYED), &given).unwrap()
}

fn destination(stack: &Stack, logical_id: &str) -> OpenSearchDestination {
    let stream = stack.delivery_streams.iter().find(|stream| stream.logical_id == logical_id).unwrap();
    let Destination::OpenSearch(destination) = &stream.destination else { panic!("{logical_id}") };
    destination.clone()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(format!("{FILES}/{name}")).unwrap()
}

/// The fields of an index template and their types, in lower case as Glue has them.
fn fields(name: &str) -> BTreeMap<String, String> {
    let template: Value = serde_json::from_str(&text(&format!("index-templates/{name}.json"))).unwrap();
    let properties = template["template"]["mappings"]["properties"].as_object().unwrap();
    let field =
        |(name, field): (&String, &Value)| (name.to_lowercase(), field["type"].as_str().unwrap().to_owned());
    let fields: BTreeMap<_, _> = properties.iter().map(field).collect();
    assert_eq!(fields.len(), properties.len(), "two fields differ in their case only");
    fields
}

/// The type under which a column is indexed.
fn field_type(hive_type: &str) -> String {
    let indexed = match hive_type {
        "string" => "keyword",
        "timestamp" => "date_nanos",
        "bigint" => "long",
        "double" | "boolean" => hive_type,
        levels if levels.starts_with("array<") => "object",
        other => panic!("no column is of type {other}"),
    };
    indexed.to_owned()
}

/// What a table's columns, those of its partitions among them that a document has, are indexed as.
fn columns(table: &str, partition_keys: &[&str]) -> BTreeMap<String, String> {
    let stack = searching(&[]);
    let table = stack.glue_tables.iter().find(|found| found.logical_id == table).unwrap();
    let keys = table.partition_keys.iter().filter(|key| partition_keys.contains(&key.name.as_str()));
    let columns = table.columns.iter().chain(keys);
    columns.map(|column| (column.name.to_lowercase(), field_type(&column.hive_type))).collect()
}

#[test]
fn every_column_of_a_message_is_indexed_as_what_it_is() {
    assert_eq!(fields("market-data"), columns("MarketData", &["kind"]));
    let written = tapeline_codec::encode::COLUMNS.iter();
    let written = written.map(|column| (column.name.to_lowercase(), field_type(column.hive_type)));
    let kind = [("kind".to_owned(), "keyword".to_owned())];
    assert_eq!(fields("market-data"), written.chain(kind).collect());
}

#[test]
fn every_column_of_a_bar_is_indexed_as_what_it_is() {
    assert_eq!(fields("indicators"), columns("IndicatorTable", &[]));
    let plan = tapeline_indicators::Plan::default();
    let values = plan.columns().iter().map(|name| (name.as_str(), "double"));
    let written = indicator_calculator::COLUMNS.iter().copied().chain(values);
    let written = written.map(|(name, hive_type)| (name.to_lowercase(), field_type(hive_type)));
    assert_eq!(fields("indicators"), written.collect());
}

#[test]
fn nothing_is_indexed_unless_asked_for() {
    let stack = searching(&[]);
    assert!(stack.delivery_streams.iter().all(|stream| stream.s3().is_some()));
    assert!(!stack.functions.iter().any(|function| function.logical_id == "SearchTransformer"));
}

#[test]
fn messages_are_indexed_one_a_record() {
    let stack = searching(&[("Search", "new"), ("SearchKinds", "trade")]);
    let destination = destination(&stack, "MarketSearch");
    assert_eq!((destination.endpoint.as_str(), destination.index.as_str()), ("tapeline", "market-data"));
    assert_eq!(
        (destination.rotation, destination.document_id),
        (IndexRotation::Day, DocumentId::FirehoseDefault)
    );
    assert_eq!(destination.backup_mode, BackupMode::FailedOnly);
    let stream = stack.delivery_streams.iter().find(|stream| stream.logical_id == "MarketSearch").unwrap();
    let function = stack.transformer(stream).unwrap();
    let config = record_transformer::Config::from_variables(|name| function.environment.get(name).cloned());
    let config = config.unwrap();
    assert_eq!(config.format, tapeline_codec::encode::Format::Document);
    assert_eq!((config.partition_keys.len(), config.kinds.unwrap().len()), (0, 1));
    let mut read = record_transformer::Config::VARIABLES;
    read.sort_unstable();
    assert_eq!(function.environment.keys().collect::<Vec<_>>(), read);
}

#[test]
fn rows_are_indexed_as_they_come() {
    let stack = searching(&[
        ("Search", "existing"),
        ("SearchDomainName", "logs"),
        ("SearchIndexRotation", "OneWeek"),
    ]);
    let destination = destination(&stack, "IndicatorSearch");
    assert_eq!((destination.endpoint.as_str(), destination.index.as_str()), ("logs", "indicators"));
    assert_eq!(destination.rotation, IndexRotation::Week);
    let stream = stack.delivery_streams.iter().find(|stream| stream.logical_id == "IndicatorSearch").unwrap();
    assert_eq!(stream.processing, Processing::default());
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "SearchDomain"));
}

/// Objects of the dashboard's export.
fn exported() -> Vec<Value> {
    text("dashboard.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The index template that makes the indices of an exported pattern.
fn template_of(pattern: &Value) -> &'static str {
    match pattern["attributes"]["title"].as_str() {
        Some("market-data*") => "market-data",
        Some("indicators*") => "indicators",
        Some("cwl-*") => "function-logs",
        other => panic!("no index template is for {other:?}"),
    }
}

/// The names under `key`, at any depth.
fn named<'v>(key: &str, value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                found.extend(value.as_str().filter(|_| name == key));
                named(key, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(key, item, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_shows_fields_that_are_indexed() {
    let objects = exported();
    let by_id: BTreeMap<&str, &Value> =
        objects.iter().map(|object| (object["id"].as_str().unwrap(), object)).collect();
    let mut shown = 0;
    for object in objects.iter().filter(|object| object["type"] == "visualization") {
        let pattern = by_id[object["references"][0]["id"].as_str().unwrap()];
        let fields = fields(template_of(pattern));
        let state: Value = serde_json::from_str(object["attributes"]["visState"].as_str().unwrap()).unwrap();
        let mut names = vec![pattern["attributes"]["timeFieldName"].as_str().unwrap()];
        named("field", &state, &mut names);
        named("fieldName", &state, &mut names);
        shown += names.len();
        let unknown: Vec<_> = names.into_iter().filter(|name| !fields.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {}", object["id"]);
    }
    assert!(shown > 20, "{shown}");
}

#[test]
fn the_dashboard_refers_to_what_is_exported_with_it() {
    let objects = exported();
    let ids: Vec<_> = objects.iter().map(|object| (&object["type"], &object["id"])).collect();
    let references = objects.iter().flat_map(|object| object["references"].as_array().unwrap());
    for reference in references {
        assert!(ids.contains(&(&reference["type"], &reference["id"])), "{reference}");
    }
    let dashboard = objects.iter().find(|object| object["type"] == "dashboard").unwrap();
    let panels: Value =
        serde_json::from_str(dashboard["attributes"]["panelsJSON"].as_str().unwrap()).unwrap();
    let visualizations = objects.iter().filter(|object| object["type"] == "visualization").count();
    assert_eq!(panels.as_array().unwrap().len(), visualizations);
}

#[test]
fn rotated_indices_are_deleted_by_the_policy() {
    let policy: Value = serde_json::from_str(&text("ism-policy.json")).unwrap();
    let patterns = policy["policy"]["ism_template"][0]["index_patterns"].as_array().unwrap();
    let stack = searching(&[("Search", "new")]);
    for logical_id in ["MarketSearch", "IndicatorSearch"] {
        let pattern = format!("{}-*", destination(&stack, logical_id).index);
        assert!(patterns.iter().any(|found| *found == pattern), "{pattern}");
    }
}
