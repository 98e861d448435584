//! Tests of event source mappings.

use std::time::Duration;

use super::*;

/// A small template around one mapping: its settings follow, one a line.
const MAPPED: &str = "
Resources:
  Frames: { Type: 'AWS::Kinesis::Stream' }
  Raw: { Type: 'AWS::S3::Bucket' }
  Fn:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties:
      Runtime: provided.al2023
      Events:
        Trades:
          Type: Kinesis
          Properties:
";

/// Settings that a mapping cannot do without.
const START: &str = "Stream: !GetAtt Frames.Arn\nStartingPosition: TRIM_HORIZON\n";

/// The mapping of the small template with these settings.
fn mapping(settings: &str) -> Result<Mapping, String> {
    let lines: Vec<String> = settings.lines().map(|line| format!("            {line}\n")).collect();
    let stack = parse(&format!("{MAPPED}{}", lines.concat())).map_err(|error| error.to_string())?;
    Ok(stack.functions[0].mappings[0].clone())
}

/// A mapping with this setting in its third line is refused with this message.
fn refuses_mapping(setting: &str, message: &str) {
    let path = "`Resources.Fn.Properties.Events.Trades.Properties";
    let expected = format!("t.yaml:{}: {path}{message}", MAPPED.lines().count() + 3);
    assert_eq!(mapping(&format!("{START}{setting}")).unwrap_err(), expected);
}

#[test]
fn defaults_are_those_of_event_source_mappings() {
    let expected = Mapping {
        logical_id: "FnTrades".to_owned(),
        stream: "Frames".to_owned(),
        starting_position: StartingPosition::TrimHorizon,
        batch_size: 100,
        window: Duration::ZERO,
        parallelization_factor: 1,
        bisect: false,
        retries: None,
        record_age_max: None,
        report_failures: false,
        filters: Vec::new(),
        on_failure: None,
    };
    assert_eq!(mapping(START), Ok(expected));
}

#[test]
fn settings_of_a_mapping_are_read() {
    let settings = "
BatchSize: 10000
MaximumBatchingWindowInSeconds: 300
ParallelizationFactor: 10
BisectBatchOnFunctionError: true
FunctionResponseTypes: [ReportBatchItemFailures]
MaximumRetryAttempts: 0
MaximumRecordAgeInSeconds: 60
DestinationConfig: { OnFailure: { Type: S3, Destination: !GetAtt Raw.Arn } }";
    let mapping = mapping(&format!("{START}{settings}")).unwrap();
    assert_eq!((mapping.batch_size, mapping.parallelization_factor), (10_000, 10));
    assert_eq!((mapping.window, mapping.bisect), (Duration::from_mins(5), true));
    assert_eq!((mapping.retries, mapping.record_age_max), (Some(0), Some(Duration::from_mins(1))));
    assert!(mapping.report_failures);
    assert_eq!(mapping.on_failure, Some(OnFailure::S3 { bucket: "tapeline-raw".to_owned() }));
}

#[test]
fn minus_one_is_no_limit() {
    let mapping =
        mapping(&format!("{START}MaximumRetryAttempts: -1\nMaximumRecordAgeInSeconds: -1")).unwrap();
    assert_eq!((mapping.retries, mapping.record_age_max), (None, None));
}

#[test]
fn settings_of_a_mapping_stay_in_their_range() {
    refuses_mapping("BatchSize: 10001", ".BatchSize` must be a number from 1 to 10000, was \"10001\"");
    refuses_mapping(
        "MaximumBatchingWindowInSeconds: 301",
        ".MaximumBatchingWindowInSeconds` must be a number from 0 to 300, was \"301\"",
    );
    refuses_mapping(
        "ParallelizationFactor: 0",
        ".ParallelizationFactor` must be a number from 1 to 10, was \"0\"",
    );
    refuses_mapping(
        "MaximumRetryAttempts: -2",
        ".MaximumRetryAttempts` must be a number from -1 to 10000, was \"-2\"",
    );
    refuses_mapping(
        "MaximumRecordAgeInSeconds: 59",
        ".MaximumRecordAgeInSeconds` must be -1, or a number from 60 to 604800, was \"59\"",
    );
    refuses_mapping(
        "FunctionResponseTypes: [All]",
        ".FunctionResponseTypes[0]` must be ReportBatchItemFailures, was \"All\"",
    );
}

#[test]
fn mappings_that_cannot_be_run_are_refused() {
    refuses_mapping(
        "TumblingWindowInSeconds: 60",
        ".TumblingWindowInSeconds`: TumblingWindowInSeconds is not supported by the local run",
    );
    refuses_mapping(
        "DestinationConfig: { OnFailure: { Type: Kafka, Destination: 'arn:aws:s3:::raw' } }",
        ".DestinationConfig.OnFailure.Type`: the destination Kafka is not supported by the local run",
    );
    let other = format!("{MAPPED}            {{}}\n").replace("Type: Kinesis\n", "Type: Schedule\n");
    assert_eq!(
        parse(&other).unwrap_err().to_string(),
        "t.yaml:12: `Resources.Fn.Properties.Events.Trades.Type`: an event of type Schedule is not supported by the local run"
    );
}

#[test]
fn a_mapping_reads_a_stream_of_the_template() {
    let line = MAPPED.lines().count() + 1;
    let path = format!("t.yaml:{line}: `Resources.Fn.Properties.Events.Trades.Properties");
    let refuses = |settings: &str, message: &str| {
        assert_eq!(mapping(settings).unwrap_err(), format!("{path}{message}"));
    };
    refuses(
        "Stream: !GetAtt Frames.Arn",
        ".StartingPosition` must be one of TRIM_HORIZON, LATEST, AT_TIMESTAMP, was absent",
    );
    refuses("StartingPosition: LATEST", ".Stream` must be a text, was absent");
    refuses(
        "{ StartingPosition: LATEST, Stream: 'arn:aws:kinesis:us-east-1:1:stream/x' }",
        ".Stream` must be the ARN of a stream of this template, was \"arn:aws:kinesis:us-east-1:1:stream/x\"",
    );
}

#[test]
fn a_mapping_begins_at_the_oldest_the_newest_or_a_time() {
    let position = |settings: &str| {
        mapping(&format!("Stream: !GetAtt Frames.Arn\nStartingPosition: {settings}"))
            .map(|one| one.starting_position)
    };
    assert_eq!(position("LATEST"), Ok(StartingPosition::Latest));
    let time = "2018-11-02T06:11:49.25Z".parse().unwrap();
    let at = "AT_TIMESTAMP\nStartingPositionTimestamp: 1541139109.25";
    assert_eq!(position(at), Ok(StartingPosition::AtTimestamp(time)));
    for time in ["-1", "1e9", "x", "1.0000000001", "99999999999999"] {
        let error = position(&format!("AT_TIMESTAMP\nStartingPositionTimestamp: '{time}'")).unwrap_err();
        assert!(
            error.ends_with(&format!(
                "must be a time in seconds since 1970, such as 1541139109, was {time:?}"
            ))
        );
    }
    assert!(position("AT_TIMESTAMP").unwrap_err().contains(".StartingPositionTimestamp` must be a time"));
    refuses_mapping(
        "StartingPositionTimestamp: 1541139109",
        ".StartingPositionTimestamp` must be absent, as StartingPosition is not AT_TIMESTAMP, was \"1541139109\"",
    );
}

#[test]
fn patterns_of_filters_are_kept_as_they_are() {
    let filters = "FilterCriteria: { Filters: [ { Pattern: '{ \"data\": { \"e\": [\"trade\"] } }' }, { Pattern: '{}' } ] }";
    let mapping = mapping(&format!("{START}{filters}")).unwrap();
    assert_eq!(mapping.filters, ["{ \"data\": { \"e\": [\"trade\"] } }", "{}"]);
    refuses_mapping(
        "FilterCriteria: { Filters: [ { Pattern: trade } ] }",
        ".FilterCriteria.Filters[0].Pattern` must be a JSON object in a text, was \"trade\"",
    );
    let many = format!("FilterCriteria: {{ Filters: [ {} ] }}", ["{ Pattern: '{}' }"; 11].join(", "));
    refuses_mapping(&many, ".FilterCriteria.Filters` must be a list of at most 10, was a list of 11");
}

#[test]
fn queues_and_topics_are_told_of_failures() {
    let on_failure = |destination: &str| {
        mapping(&format!("{START}DestinationConfig: {{ OnFailure: {{ {destination} }} }}"))
            .map(|one| one.on_failure)
    };
    let queue = Some(OnFailure::Sqs { queue: "lost".to_owned() });
    assert_eq!(on_failure("Type: SQS, Destination: 'arn:aws:sqs:us-east-1:1:lost'"), Ok(queue.clone()));
    assert_eq!(on_failure("Destination: 'arn:aws:sqs:us-east-1:1:lost'"), Ok(queue));
    let topic = Some(OnFailure::Sns { topic: "alarm".to_owned() });
    assert_eq!(on_failure("Type: SNS, Destination: 'arn:aws:sns:us-east-1:1:alarm'"), Ok(topic));
    for (destination, message) in [
        (
            "Type: SNS, Destination: 'arn:aws:sqs:us-east-1:1:lost'",
            "Type` must be SQS, as Destination is, was \"SNS\"",
        ),
        (
            "Destination: 'arn:aws:sqs:us-east-1:1:lost.fifo'",
            "Destination` must be a standard queue or topic, not a FIFO one, was \"arn:aws:sqs:us-east-1:1:lost.fifo\"",
        ),
        (
            "Destination: 'arn:aws:sqs:us-east-1:1:../lost'",
            "Destination` must be the ARN of a bucket, arn:aws:s3:::<name>, was \"arn:aws:sqs:us-east-1:1:../lost\"",
        ),
    ] {
        let error = on_failure(destination).unwrap_err();
        assert!(error.ends_with(message), "{error}");
    }
}

#[test]
fn an_event_that_is_not_enabled_is_named_but_not_run() {
    let lines = "            Stream: !GetAtt Frames.Arn\n            StartingPosition: LATEST\n            Enabled: false\n";
    let stack = parse(&format!("{MAPPED}{lines}")).unwrap();
    assert_eq!(stack.functions[0].mappings, []);
    assert_eq!(stack.not_run, [("FnTrades".to_owned(), "AWS::Lambda::EventSourceMapping".to_owned())]);
}

#[test]
fn a_function_may_have_several_mappings_of_one_stream() {
    let mapping = "{ Type: Kinesis, Properties: { Stream: !GetAtt Frames.Arn, StartingPosition: LATEST } }";
    let (around, _) = MAPPED.split_once("        Trades:").unwrap();
    let stack = parse(&format!("{around}        One: {mapping}\n        Two: {mapping}\n")).unwrap();
    let ids: Vec<&str> = stack.functions[0].mappings.iter().map(|one| one.logical_id.as_str()).collect();
    assert_eq!(ids, ["FnOne", "FnTwo"]);
}
