//! Tests of tables and streams.

use std::time::Duration;

use super::*;

/// A small template around one table: its properties follow in YAML's flow style.
fn state_table(properties: &str) -> Result<StateTable, String> {
    let text =
        format!("Resources:\n  State:\n    Type: AWS::DynamoDB::Table\n    Properties: {{ {properties} }}\n");
    Ok(parse(&text).map_err(|error| error.to_string())?.tables.remove(0))
}

/// These properties of a table are refused with this message.
fn refuses_table(properties: &str, message: &str) {
    let expected = format!("t.yaml:4: `Resources.State.Properties{message}");
    assert_eq!(state_table(properties).unwrap_err(), expected);
}

/// Properties of a table with one key.
const ONE_KEY: &str = "BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [ { AttributeName: a, AttributeType: N } ], KeySchema: [ { AttributeName: a, KeyType: HASH } ]";

#[test]
fn tables_have_one_or_two_keys() {
    let table = state_table(ONE_KEY).unwrap();
    assert_eq!((table.logical_id.as_str(), table.name.as_str()), ("State", "tapeline-State"));
    let key = |name: &str, kind: &str| KeyAttribute { name: name.to_owned(), kind: kind.to_owned() };
    assert_eq!((table.partition_key, table.sort_key), (key("a", "N"), None));
    let two = ONE_KEY
        .replace("KeyType: HASH }", "KeyType: HASH }, { AttributeName: b, KeyType: RANGE }")
        .replace("AttributeType: N }", "AttributeType: N }, { AttributeName: b, AttributeType: S }");
    let table = state_table(&format!("{two}, TableName: states")).unwrap();
    assert_eq!(table.name, "states");
    assert_eq!((table.partition_key, table.sort_key), (key("a", "N"), Some(key("b", "S"))));
}

#[test]
fn tables_whose_keys_make_no_sense_are_refused() {
    refuses_table(
        "BillingMode: PAY_PER_REQUEST",
        ".KeySchema` must be a list of a HASH key and at most one RANGE key, was absent",
    );
    refuses_table(&ONE_KEY.replace("HASH", "RANGE"), ".KeySchema[0].KeyType` must be HASH, was \"RANGE\"");
    refuses_table(
        &ONE_KEY.replace("[ { AttributeName: a, KeyType", "[ { AttributeName: b, KeyType"),
        ".KeySchema[0].AttributeName` must be the name of an attribute of AttributeDefinitions, was \"b\"",
    );
    refuses_table(
        &ONE_KEY.replace("AttributeType: N", "AttributeType: SS"),
        ".AttributeDefinitions[0].AttributeType` must be S, N or B, was \"SS\"",
    );
    refuses_table(
        &ONE_KEY.replace("N }", "N }, { AttributeName: b, AttributeType: S }"),
        ".AttributeDefinitions` must be a list of the attributes of the keys, was a list of 2",
    );
}

#[test]
fn tables_that_cannot_be_run_are_refused() {
    refuses_table(
        "BillingMode: PROVISIONED",
        ".BillingMode`: a table with provisioned throughput is not supported by the local run",
    );
    refuses_table(
        "TimeToLiveSpecification: {}",
        ".TimeToLiveSpecification`: TimeToLiveSpecification is not supported by the local run",
    );
    refuses_table(
        "GlobalSecondaryIndexes: []",
        ".GlobalSecondaryIndexes`: GlobalSecondaryIndexes is not supported by the local run",
    );
}

/// A small template around one stream: its properties follow in YAML's flow style.
fn stream(properties: &str) -> Result<Stream, String> {
    let text =
        format!("Resources:\n  In:\n    Type: AWS::Kinesis::Stream\n    Properties: {{ {properties} }}\n");
    Ok(parse(&text).map_err(|error| error.to_string())?.streams.remove(0))
}

#[test]
fn streams_keep_records_for_a_day_or_as_long_as_they_say() {
    let kept = |properties: &str| stream(properties).map(|stream| stream.retention);
    assert_eq!(kept("ShardCount: 1"), Ok(Duration::from_hours(24)));
    assert_eq!(kept("RetentionPeriodHours: 8760"), Ok(Duration::from_hours(8_760)));
    let message = "t.yaml:4: `Resources.In.Properties.RetentionPeriodHours` must be a number from 24 to 8760, was \"23\"";
    assert_eq!(kept("RetentionPeriodHours: 23"), Err(message.to_owned()));
}

#[test]
fn streams_are_provisioned_or_on_demand() {
    let shards = |properties: &str| stream(properties).map(|stream| (stream.mode, stream.shard_count));
    assert_eq!(shards("ShardCount: 2"), Ok((StreamMode::Provisioned, 2)));
    assert_eq!(shards("Name: a"), Ok((StreamMode::OnDemand, 4)));
    let both = "ShardCount: 2, StreamModeDetails: { StreamMode: ON_DEMAND }";
    let message = "t.yaml:4: `Resources.In.Properties.ShardCount` must be absent, as the stream is on demand, was \"2\"";
    assert_eq!(shards(both), Err(message.to_owned()));
}

#[test]
fn streams_that_cannot_be_run_are_refused() {
    stream("StreamEncryption: !ImportValue x, Tags: []").unwrap();
    let message = "t.yaml:4: `Resources.In.Properties.MaxRecordSizeInKiB`: MaxRecordSizeInKiB is not supported by the local run";
    assert_eq!(stream("MaxRecordSizeInKiB: 2048"), Err(message.to_owned()));
}
