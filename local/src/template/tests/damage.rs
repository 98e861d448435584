//! Tests of templates that are deep, damaged or none.

use proptest::prelude::*;

use super::deliveries::CONVERSION;
use super::*;

#[test]
fn the_deepest_template_fits_the_stack() {
    let nested = |inner: &str| format!("{}{inner}{}", "!Not [ ".repeat(37), " ]".repeat(37));
    let condition = |number: usize| {
        let next = format!("!Condition C{}", number + 1);
        format!("  C{number}: {}\n", nested(if number == 7 { "!Equals [a, a]" } else { &next }))
    };
    let conditions: Vec<String> = (0..8).map(condition).collect();
    let text = format!("Conditions:\n{}Resources:\n  A: {{ Type: T, Condition: C0 }}\n", conditions.concat());
    assert_eq!(parse(&text).unwrap().not_run.len(), 1);
}

#[test]
fn conditions_do_not_multiply_without_end() {
    let level = |level: usize| {
        let next = vec![format!("!Condition C{}", level + 1); 10].join(", ");
        format!("  C{level}: !And [{}]\n", if level == 7 { "!Equals [a, a]".to_owned() } else { next })
    };
    let conditions: Vec<String> = (0..8).map(level).collect();
    let text = format!("Conditions:\n{}Resources:\n  A: {{ Type: T, Condition: C0 }}\n", conditions.concat());
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.ends_with("a template must need at most 100000 evaluations"), "{error}");
}

/// Resources of the other types that are read, to stand behind the small template's.
const EVERYTHING_ELSE: &str = "
  Frames: { Type: 'AWS::Kinesis::Stream' }
  State: { Type: 'AWS::DynamoDB::Table', Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [ { AttributeName: a, AttributeType: N } ], KeySchema: [ { AttributeName: a, KeyType: HASH } ] } }
  Mapped:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Runtime: provided.al2023, Events: { E: { Type: Kinesis, Properties: { Stream: !GetAtt Frames.Arn, StartingPosition: LATEST, MaximumRecordAgeInSeconds: 60 } } } }
  Searched: { Type: 'AWS::KinesisFirehose::DeliveryStream', Properties: { AmazonopensearchserviceDestinationConfiguration: { ClusterEndpoint: 'http://x', IndexName: a, S3Configuration: { BucketARN: 'arn:aws:s3:::out' } } } }
  Sent: { Type: 'AWS::KinesisFirehose::DeliveryStream', Properties: { HttpEndpointDestinationConfiguration: { EndpointConfiguration: { Url: 'http://x' }, S3Configuration: { BucketARN: 'arn:aws:s3:::out' } } } }
  Given: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { FunctionName: !Ref Fn, EventSourceArn: !GetAtt Frames.Arn, StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: 1.5 } }
";

#[test]
fn the_template_that_is_damaged_is_whole_before() {
    let stack = parse(&format!("{SMALL}        {CONVERSION}\n{EVERYTHING_ELSE}")).unwrap();
    assert_eq!((stack.delivery_streams.len(), stack.functions.len()), (3, 2));
}

proptest! {
    #[test]
    fn no_text_panics_the_reader(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_template_panics_the_reader(
        at in 0_usize..2_400,
        cut in 0_usize..50,
        insert in "[\\-\\[\\]{}:,!&*#'\"|> \na-z$]{0,8}",
    ) {
        let text = format!("{SMALL}        {CONVERSION}\n{EVERYTHING_ELSE}");
        let (from, to) = (at.min(text.len()), (at + cut).min(text.len()));
        let _ = parse(&format!("{}{insert}{}", &text[..from], &text[to..]));
    }

    #[test]
    fn no_request_panics_the_reader(
        at in 0_usize..400,
        cut in 0_usize..30,
        insert in "[\\[\\]{}:,\"a-z0-9!$]{0,8}",
    ) {
        let text = r#"{"DeliveryStreamType":"DirectPut","ExtendedS3DestinationConfiguration":{"BucketARN":"arn:aws:s3:::out","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"AppendDelimiterToRecord"}]},"DynamicPartitioningConfiguration":{"Enabled":false}}}"#;
        let (from, to) = (at.min(text.len()), (at + cut).min(text.len()));
        let damaged = format!("{}{insert}{}", &text[..from], &text[to..]);
        if let Ok(request) = serde_json::from_str(&damaged) {
            let _ = delivery_stream_of_request("x", &request, &Stack::default());
        }
    }
}
