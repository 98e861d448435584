//! Tests of whole templates.

mod attached;
mod damage;
mod deliveries;
mod deployed;
mod destinations;
mod functions;
mod mappings;
mod processors;
mod requests;
mod search;
mod tables;
mod watched;

use super::processing::{Decompression, LambdaProcessor, MetadataExtraction, Processing};
use super::*;

/// A small template around one delivery stream.
const SMALL: &str = "
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Runtime: provided.al2023 }
  Table:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: db
      TableInput: { Name: t, StorageDescriptor: { Columns: [ { Name: id, Type: string } ] } }
  Out:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      ExtendedS3DestinationConfiguration:
        BucketARN: arn:aws:s3:::out
";

fn parse(text: &str) -> Result<Stack, TemplateError> {
    Stack::parse(text, "t.yaml", &BTreeMap::new())
}

/// The delivery stream of the small template with more settings of its destination, each in a line.
fn delivery(settings: &str) -> Result<DeliveryStream, String> {
    let lines: Vec<String> = settings.lines().map(|line| format!("        {}\n", line.trim())).collect();
    let lines = lines.concat();
    let stack = parse(&format!("{SMALL}{lines}")).map_err(|error| error.to_string())?;
    Ok(stack.delivery_streams[0].clone())
}

/// The destination of the small template with more settings.
fn destination(settings: &str) -> Result<S3Destination, String> {
    Ok(delivery(settings)?.s3().unwrap().clone())
}

/// These settings are refused at line `line`, counted from the first of them, with this message.
fn refuses(settings: &str, line: usize, message: &str) {
    let path = "`Resources.Out.Properties.ExtendedS3DestinationConfiguration";
    let expected = format!("t.yaml:{}: {path}{message}", SMALL.lines().count() + line);
    assert_eq!(destination(settings).unwrap_err(), expected);
}

/// Names of some resources.
fn names(resources: &[Named]) -> Vec<&str> {
    resources.iter().map(|resource| resource.name.as_str()).collect()
}

#[test]
fn a_missing_file_is_named() {
    let error = Stack::load(Path::new("missing.yaml"), &BTreeMap::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the template missing.yaml");
}

#[test]
fn a_large_file_is_refused() {
    let error = parse(&" ".repeat(1_048_577)).unwrap_err();
    assert_eq!(error.to_string(), "t.yaml: a template must have at most 1048576 bytes, had 1048577");
}

#[test]
fn a_template_has_resources() {
    assert_eq!(
        parse("a: 1").unwrap_err().to_string(),
        "t.yaml:1: `Resources` must be a map of resources, was absent"
    );
}

#[test]
fn resources_whose_condition_fails_are_left_out() {
    let text = "Conditions: { Never: !Equals [a, b] }\nResources:\n  Raw: { Type: 'AWS::S3::Bucket', Condition: Never }\n  Kept: { Type: 'AWS::S3::Bucket' }\n";
    assert_eq!(names(&parse(text).unwrap().buckets), ["tapeline-kept"]);
}

/// This text, which stands for a whole template, is refused with this message.
fn refuses_template(text: &str, message: &str) {
    assert_eq!(parse(text).unwrap_err().to_string(), format!("t.yaml:{message}"));
}

#[test]
fn json_templates_are_read() {
    let text = "{\n\t\"Parameters\": { \"Shards\": { \"Type\": \"Number\", \"Default\": 3 } },\n\t\"Resources\": {\n\t\t\"Frames\": {\n\t\t\t\"Type\": \"AWS::Kinesis::Stream\",\n\t\t\t\"Properties\": { \"ShardCount\": { \"Ref\": \"Shards\" }, \"Name\": { \"Fn::Sub\": \"a-${AWS::Region}\" } }\n\t\t}\n\t}\n}\n";
    let stream = parse(text).unwrap().streams.remove(0);
    assert_eq!((stream.name.as_str(), stream.shard_count), ("a-us-east-1", 3));
    assert_eq!(stream.mode, StreamMode::Provisioned);
}

#[test]
fn misspelt_sections_are_refused() {
    let resources = "Resources: { A: { Type: T } }\n";
    refuses_template(
        &format!("{resources}Condition: {{}}"),
        "2: `Condition`: Condition (did you mean Conditions?) is not supported by the local run",
    );
    refuses_template(
        "Resources:\n  A: { Type: T, Propertys: {} }",
        "2: `Resources.A.Propertys`: Propertys (did you mean Properties?) is not supported by the local run",
    );
}

#[test]
fn transforms_that_may_change_anything_are_refused() {
    let resources = "Resources: { A: { Type: T } }\n";
    parse(&format!("{resources}Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions]")).unwrap();
    refuses_template(
        &format!("{resources}Transform: [AWS::Serverless-2016-10-31, Mine]"),
        "2: `Transform`: a transform \"Mine\" is not supported by the local run",
    );
    refuses_template(
        "Resources:\n  Fn::ForEach::A: [X, [a], { A: { Type: T } }]",
        "2: `Resources.Fn::ForEach::A`: the function Fn::ForEach::A is not supported by the local run",
    );
}

#[test]
fn what_says_how_resources_are_made_and_deleted_is_ignored() {
    let text = "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    DependsOn: B\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Metadata: { a: !ImportValue x }\n    Properties: { LifecycleConfiguration: !ImportValue x }\n";
    assert_eq!(names(&parse(text).unwrap().buckets), ["tapeline-a"]);
}

#[test]
fn buckets_queues_and_topics_are_named() {
    let text = "
Resources:
  Raw: { Type: 'AWS::S3::Bucket', Properties: { BucketName: !Sub 'raw-${AWS::AccountId}' } }
  Lost: { Type: 'AWS::SQS::Queue' }
  Alarm: { Type: 'AWS::SNS::Topic', Properties: { TopicName: alarm } }
";
    let stack = parse(text).unwrap();
    assert_eq!(names(&stack.buckets), ["raw-000000000000"]);
    assert_eq!(names(&stack.queues), ["tapeline-Lost"]);
    assert_eq!(stack.topics[0].arn, "arn:aws:sns:us-east-1:000000000000:alarm");
    assert_eq!(stack.not_run, []);
}

#[test]
fn names_are_those_that_aws_takes() {
    let bucket = |name: &str| {
        format!("Resources:\n  A: {{ Type: 'AWS::S3::Bucket', Properties: {{ BucketName: '{name}' }} }}")
    };
    let message = "must be 3 to 63 lower-case letters, digits, points or hyphens, no mark at an end";
    for name in ["../up", "ab", "Upper", "a..b", "-ab"] {
        refuses_template(
            &bucket(name),
            &format!("2: `Resources.A.Properties.BucketName` {message}, was {name:?}"),
        );
    }
    parse(&bucket("my.bucket-1")).unwrap();
    refuses_template(
        "Resources:\n  A: { Type: 'AWS::Kinesis::Stream', Properties: { Name: a/b } }",
        "2: `Resources.A.Properties.Name` must be 1 to 128 letters, digits or any of _.-, was \"a/b\"",
    );
}

#[test]
fn a_bucket_that_calls_functions_is_refused() {
    refuses_template(
        "Resources:\n  A: { Type: 'AWS::S3::Bucket', Properties: { NotificationConfiguration: {} } }",
        "2: `Resources.A.Properties.NotificationConfiguration`: NotificationConfiguration is not supported by the local run",
    );
}
