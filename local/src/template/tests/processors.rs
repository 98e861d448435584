//! Tests of what a delivery stream does to records.

use super::*;

/// What is done to records with these settings.
fn processing(settings: &str) -> Processing {
    delivery(settings).unwrap().processing
}

/// A processor of type `kind` with parameters.
fn processor(kind: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{{ ParameterName: {name}, ParameterValue: {value} }}"))
        .collect();
    let parameters = parameters.join(", ");
    format!(
        "ProcessingConfiguration: {{ Enabled: true, Processors: [ {{ Type: {kind}, Parameters: [ {parameters} ] }} ] }}"
    )
}

/// A Lambda processor with one further parameter.
fn lambda(name: &str, value: &str) -> String {
    processor("Lambda", &[("LambdaArn", "!Sub '${Fn.Arn}:$LATEST'"), (name, value)])
}

#[test]
fn lambda_buffers_may_be_fractions_of_a_megabyte() {
    let bytes = |size: &str| processing(&lambda("BufferSizeInMBs", size)).lambda.unwrap().buffer_bytes;
    assert_eq!(bytes("0.2"), 209_715);
    assert_eq!(bytes("3"), 3_145_728);
    for size in ["0.1", "3.1", "-1", "1e0", "x"] {
        let path = ".ProcessingConfiguration.Processors[0].Parameters[1].ParameterValue";
        refuses(
            &lambda("BufferSizeInMBs", size),
            1,
            &format!("{path}` must be a number from 0.2 to 3, was {size:?}"),
        );
    }
}

#[test]
fn processors_that_cannot_be_run_are_refused() {
    refuses(
        &processor("Colouring", &[]),
        1,
        ".ProcessingConfiguration.Processors[0].Type` must be one of AppendDelimiterToRecord, CloudWatchLogProcessing, Decompression, Lambda, MetadataExtraction, RecordDeAggregation, was \"Colouring\"",
    );
    refuses(
        &lambda("Speed", "1"),
        1,
        ".ProcessingConfiguration.Processors[0].Parameters[1].ParameterValue`: the parameter Speed is not supported by the local run",
    );
    refuses(
        &processor("Lambda", &[("LambdaArn", "'arn:aws:lambda:us-east-1:1:function:x'")]),
        1,
        ".ProcessingConfiguration.Processors[0].Parameters[0].ParameterValue` must be the ARN of a function of this template, was \"arn:aws:lambda:us-east-1:1:function:x\"",
    );
}

/// Several processors without parameters but those given, in YAML's flow style.
fn processors(processors: &[(&str, &str)]) -> String {
    let processor =
        |(kind, parameters): &(&str, &str)| format!("{{ Type: {kind}, Parameters: [ {parameters} ] }}");
    let processors: Vec<String> = processors.iter().map(processor).collect();
    format!("ProcessingConfiguration: {{ Enabled: true, Processors: [ {} ] }}", processors.join(", "))
}

/// The query of a small partitioned delivery stream.
const QUERY: (&str, &str) = (
    "MetadataExtraction",
    "{ ParameterName: MetadataExtractionQuery, ParameterValue: '{kind: .kind}' }, { ParameterName: JsonParsingEngine, ParameterValue: JQ-1.6 }",
);

/// Decompression of CloudWatch Logs.
const DECOMPRESSION: (&str, &str) =
    ("Decompression", "{ ParameterName: CompressionFormat, ParameterValue: GZIP }");

/// Extraction of their messages.
const MESSAGES: (&str, &str) =
    ("CloudWatchLogProcessing", "{ ParameterName: DataMessageExtraction, ParameterValue: true }");

/// Settings of dynamic partitions by a query's key.
const PARTITIONED: &str = "DynamicPartitioningConfiguration: { Enabled: true }
Prefix: '!{partitionKeyFromQuery:kind}/'
ErrorOutputPrefix: '!{firehose:error-output-type}/'";

#[test]
fn delimiters_are_appended() {
    let delimiter = processor("AppendDelimiterToRecord", &[("Delimiter", "'\\n'")]);
    assert!(processing(&delimiter).append_delimiter);
    assert!(processing(&processor("AppendDelimiterToRecord", &[])).append_delimiter);
}

#[test]
fn disabled_processing_is_none() {
    assert_eq!(processing(&lambda("NumberOfRetries", "1").replace("true", "false")), Processing::default());
}

#[test]
fn records_are_cut_at_documents_or_at_a_delimiter() {
    let cut = |parameters: &[(&str, &str)]| {
        processing(&processor("RecordDeAggregation", parameters)).de_aggregation
    };
    assert_eq!(cut(&[("SubRecordType", "JSON")]), Some(SubRecords::Json));
    // The example of "Apply dynamic partitioning to aggregated data" in Firehose's guide.
    let delimited = cut(&[("SubRecordType", "DELIMITED"), ("Delimiter", "IyMjIw==")]);
    assert_eq!(delimited, Some(SubRecords::Delimited { delimiter: b"####".to_vec() }));
    let path = ".ProcessingConfiguration.Processors[0].Parameters";
    refuses(
        &processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED"), ("Delimiter", "'####'")]),
        1,
        &format!("{path}[1].ParameterValue` must be a delimiter in base64, was \"####\""),
    );
    refuses(
        &processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED")]),
        1,
        &format!("{path}.Delimiter` must be a text, was absent"),
    );
}

#[test]
fn queries_give_partition_keys() {
    let query = MetadataExtraction { query: "{kind: .kind}".to_owned() };
    let settings = format!("{}\n{PARTITIONED}", processors(&[QUERY]));
    assert_eq!(processing(&settings).metadata, Some(query));
    refuses(
        &settings.replace("JQ-1.6", "JQ-1.7"),
        1,
        ".ProcessingConfiguration.Processors[0].Parameters[1].ParameterValue` must be JQ-1.6, was \"JQ-1.7\"",
    );
}

#[test]
fn queries_need_dynamic_partitioning() {
    refuses(
        &processors(&[QUERY]),
        1,
        ".ProcessingConfiguration` must be without MetadataExtraction, as dynamic partitioning is not enabled, was a map of 2",
    );
}

#[test]
fn keys_of_a_query_need_the_query() {
    refuses(
        PARTITIONED,
        2,
        ".Prefix` must be free of !{partitionKeyFromQuery:...} unless dynamic partitioning and a MetadataExtraction processor are enabled, was \"!{partitionKeyFromQuery:kind}/\"",
    );
}

#[test]
fn keys_may_come_from_the_query_and_from_the_function() {
    let lambda = ("Lambda", "{ ParameterName: LambdaArn, ParameterValue: !GetAtt Fn.Arn }");
    let both = PARTITIONED.replace("kind}/", "kind}/!{partitionKeyFromLambda:date}/");
    let settings = format!("{}\n{both}", processors(&[QUERY, lambda]));
    let processing = processing(&settings);
    assert!(processing.metadata.is_some() && processing.lambda.is_some());
}

#[test]
fn logs_are_decompressed_and_their_messages_extracted() {
    let whole = processing(&processors(&[DECOMPRESSION]));
    assert_eq!(whole.decompression, Some(Decompression { message_extraction: false }));
    let messages = processing(&processors(&[MESSAGES, DECOMPRESSION]));
    assert_eq!(messages.decompression, Some(Decompression { message_extraction: true }));
}

#[test]
fn messages_are_extracted_from_decompressed_logs_only() {
    refuses(
        &processors(&[MESSAGES]),
        1,
        ".ProcessingConfiguration.Processors[0].Type` must be beside a processor Decompression, was \"CloudWatchLogProcessing\"",
    );
}

#[test]
fn processors_stand_once() {
    refuses(
        &processors(&[DECOMPRESSION, DECOMPRESSION]),
        1,
        ".ProcessingConfiguration.Processors[1].Type` must be a processor that stands once, was \"Decompression\"",
    );
}

#[test]
fn processing_is_enabled_or_not() {
    refuses(
        &processors(&[DECOMPRESSION]).replace("Enabled: true, ", ""),
        1,
        ".ProcessingConfiguration.Enabled` must be true or false, was absent",
    );
}
