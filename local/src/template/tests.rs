//! Tests of whole templates.

use std::time::Duration;

use proptest::prelude::*;

use super::delivery::{LambdaProcessor, S3Destination, SubRecords};
use super::mapping::{Mapping, OnFailure};
use super::state_table::KeyAttribute;
use super::*;

/// The template that is deployed.
const DEPLOYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");

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
        BucketARN: arn:aws:s3:::b
";

fn parse(text: &str) -> Result<Stack, TemplateError> {
    Stack::parse(text, "t.yaml", &BTreeMap::new())
}

/// The small template with more settings of the destination, in YAML's flow style without its braces.
fn destination(settings: &str) -> Result<S3Destination, String> {
    let lines: Vec<String> = settings.lines().map(|line| format!("        {}\n", line.trim())).collect();
    let lines = lines.concat();
    let stack = parse(&format!("{SMALL}{lines}")).map_err(|error| error.to_string())?;
    Ok(stack.delivery_streams[0].s3.clone())
}

/// These settings are refused at line `line`, counted from the first of them, with this message.
fn refuses(settings: &str, line: usize, message: &str) {
    let path = "`Resources.Out.Properties.ExtendedS3DestinationConfiguration";
    let expected = format!("t.yaml:{}: {path}{message}", SMALL.lines().count() + line);
    assert_eq!(destination(settings).unwrap_err(), expected);
}

fn deployed() -> Stack {
    Stack::load(Path::new(DEPLOYED), &BTreeMap::new()).unwrap()
}

#[test]
fn the_deployed_function_is_read() {
    let function = deployed().functions.remove(0);
    assert_eq!(function.logical_id, "RecordTransformer");
    assert_eq!(function.name, "tapeline-record-transformer");
    assert_eq!(function.arn, "arn:aws:lambda:us-east-1:000000000000:function:tapeline-record-transformer");
    assert_eq!(function.binary, "record-transformer");
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_mins(1), 256));
    let variables: Vec<(&str, &str)> =
        function.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("FORMAT", "json_lines"),
        ("KINDS", "all"),
        ("KLINES", "closed"),
        ("LOG_LEVEL", "info"),
        ("MARKET", "spot"),
        ("PARTITION_KEYS", "kind,date"),
        ("SYMBOLS", "all"),
    ];
    assert_eq!(variables, expected);
}

#[test]
fn the_deployed_archive_is_read() {
    let archive = deployed().delivery_streams.remove(0);
    assert_eq!((archive.logical_id.as_str(), archive.name.as_str()), ("Archive", "tapeline-archive"));
    let stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/tapeline-frames".to_owned();
    assert_eq!(archive.source, Source::Kinesis { stream_arn, logical_id: Some("FrameStream".to_owned()) });
    let s3 = archive.s3;
    assert_eq!(s3.bucket, "tapeline-archivebucket");
    assert_eq!(s3.prefix, "market/kind=!{partitionKeyFromLambda:kind}/date=!{partitionKeyFromLambda:date}/");
    assert_eq!(s3.error_prefix, "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/");
    assert_eq!((s3.buffer_bytes, s3.buffer_interval), (134_217_728, Duration::from_mins(5)));
    assert_eq!(s3.compression, Compression::Uncompressed);
    assert!(s3.dynamic_partitioning);
    assert_eq!((s3.time_zone.as_str(), s3.file_extension), ("UTC", None));
    let lambda = LambdaProcessor {
        function: "RecordTransformer".to_owned(),
        buffer_bytes: 1_048_576,
        buffer_interval: Duration::from_mins(1),
        retries: 3,
    };
    assert_eq!(s3.lambda, Some(lambda));
}

#[test]
fn the_deployed_table_is_read() {
    let conversion = deployed().delivery_streams.remove(0).s3.conversion.unwrap();
    assert_eq!(conversion.compression, ParquetCompression::Snappy);
    assert!(conversion.open_x.case_insensitive);
    let table = conversion.table;
    assert_eq!((table.database.as_str(), table.name.as_str()), ("tapeline", "market_data"));
    assert_eq!(table.columns.len(), 60);
    assert_eq!((table.columns[0].name.as_str(), table.columns[0].hive_type.as_str()), ("id", "string"));
    let bids = table.columns.iter().find(|column| column.name == "bids").unwrap();
    assert_eq!(bids.hive_type, "array<struct<price:double,quantity:double>>");
    let keys: Vec<&str> = table.partition_keys.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(keys, ["kind", "date"]);
}

#[test]
fn the_deployed_table_has_the_columns_that_are_written() {
    let table = deployed().delivery_streams.remove(0).s3.conversion.unwrap().table;
    let found = table.columns.iter().map(|column| (column.name.as_str(), column.hive_type.as_str()));
    let written = tapeline_codec::encode::COLUMNS.iter().map(|column| (column.name, column.hive_type));
    assert_eq!(found.collect::<Vec<_>>(), written.collect::<Vec<_>>());
}

#[test]
fn the_table_of_indicators_has_the_columns_of_the_standard_preset() {
    let table = deployed().delivery_streams.remove(1).s3.conversion.unwrap().table;
    assert_eq!(table.name, "indicators");
    let found = table.columns.iter().map(|column| (column.name.as_str(), column.hive_type.as_str()));
    let plan = tapeline_indicators::Plan::default();
    let values = plan.columns().iter().map(|name| (name.as_str(), "double"));
    let written = indicator_calculator::COLUMNS.iter().copied().chain(values);
    assert_eq!(found.collect::<Vec<_>>(), written.collect::<Vec<_>>());
}

#[test]
fn the_deployed_calculator_is_given_every_variable_that_it_reads() {
    let function = deployed().functions.remove(1);
    let mut read = indicator_calculator::Config::VARIABLES;
    read.sort_unstable();
    assert_eq!(function.environment.keys().collect::<Vec<_>>(), read);
    let config = indicator_calculator::Config::from_variables(|name| function.environment.get(name).cloned());
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn the_deployed_table_projects_every_kind() {
    let text = std::fs::read_to_string(DEPLOYED).unwrap();
    let values = text.lines().find_map(|line| line.trim().strip_prefix("projection.kind.values:"));
    let mut projected: Vec<&str> = values.unwrap().trim().split(',').collect();
    let mut kinds: Vec<&str> = tapeline_codec::binance::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    projected.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(projected, kinds);
}

#[test]
fn the_deployed_function_is_given_every_variable_that_it_reads() {
    let function = deployed().functions.remove(0);
    let mut read = record_transformer::Config::VARIABLES;
    read.sort_unstable();
    assert_eq!(function.environment.keys().collect::<Vec<_>>(), read);
    // The deployed values are ones that the function takes.
    let config = record_transformer::Config::from_variables(|name| function.environment.get(name).cloned());
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn the_deployed_calculator_is_read() {
    let function = deployed().functions.remove(1);
    assert_eq!(function.logical_id, "IndicatorCalculator");
    assert_eq!(function.name, "tapeline-indicator-calculator");
    assert_eq!(function.binary, "indicator-calculator");
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_mins(1), 512));
    let variables: Vec<(&str, &str)> =
        function.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("BAR_SOURCE", "trade"),
        ("FILL", "none"),
        ("GRACE_MS", "2000"),
        ("INDICATORS", "standard"),
        ("INTERVALS", "1m,5m,1h"),
        ("LOG_LEVEL", "info"),
        ("MARKET", "spot"),
        ("ON_GAP", "continue"),
        ("OUTPUT_STREAM", "tapeline-indicators"),
        ("STATE_TABLE", "tapeline-StateTable"),
    ];
    assert_eq!(variables, expected);
}

#[test]
fn the_deployed_mapping_is_read() {
    let expected = Mapping {
        logical_id: "IndicatorCalculatorFrames".to_owned(),
        stream: "FrameStream".to_owned(),
        batch_size: 10_000,
        window: Duration::from_secs(1),
        parallelization_factor: 1,
        bisect: true,
        retries: None,
        record_age_max: Some(Duration::from_hours(20)),
        report_failures: true,
        on_failure: Some(OnFailure { bucket: "tapeline-archivebucket".to_owned() }),
    };
    let stack = deployed();
    assert_eq!(stack.functions[1].mappings, [expected]);
    assert!(stack.functions[0].mappings.is_empty());
}

#[test]
fn the_deployed_state_table_is_read() {
    let text = |name: &str| KeyAttribute { name: name.to_owned(), kind: "S".to_owned() };
    let expected = StateTable {
        logical_id: "StateTable".to_owned(),
        name: "tapeline-StateTable".to_owned(),
        partition_key: text("lane"),
        sort_key: Some(text("part")),
    };
    assert_eq!(deployed().tables, [expected]);
}

#[test]
fn the_deployed_indicator_archive_is_read() {
    let archive = deployed().delivery_streams.remove(1);
    assert_eq!(archive.name, "tapeline-indicator-archive");
    let stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/tapeline-indicators".to_owned();
    let logical_id = Some("IndicatorStream".to_owned());
    assert_eq!(archive.source, Source::Kinesis { stream_arn, logical_id });
    let s3 = archive.s3;
    assert_eq!((s3.lambda, s3.dynamic_partitioning), (None, false));
    assert_eq!(s3.prefix, "indicators/date=!{timestamp:yyyy-MM-dd}/");
    assert_eq!(s3.error_prefix, "errors/indicators/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/");
    let table = s3.conversion.unwrap().table;
    assert_eq!((table.database.as_str(), table.name.as_str()), ("tapeline", "indicators"));
    assert_eq!(table.columns[0].name, "kind");
    // What a row has beside its values, and the values of the standard preset.
    assert_eq!(table.columns.len(), 25 + 62);
    let keys: Vec<&str> = table.partition_keys.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(keys, ["date"]);
}

#[test]
fn no_deployed_column_stands_twice() {
    for archive in deployed().delivery_streams {
        let table = archive.s3.conversion.unwrap().table;
        let columns = table.columns.iter().chain(&table.partition_keys);
        let mut names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "{}", table.name);
    }
}

#[test]
fn the_deployed_rest_is_named_but_not_run() {
    let stack = deployed();
    assert_eq!(stack.streams[0].shard_count, 4);
    assert!(stack.not_run.contains(&("MarketData".to_owned(), "AWS::Glue::Table".to_owned())));
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "StateTable"));
    assert!(stack.not_run.contains(&("ArchiveBucket".to_owned(), "AWS::S3::Bucket".to_owned())));
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "Archive"));
}

#[test]
fn parameters_reach_the_function() {
    let given = BTreeMap::from([("Klines".to_owned(), "all".to_owned())]);
    let stack = Stack::load(Path::new(DEPLOYED), &given).unwrap();
    assert_eq!(stack.functions[0].environment["KLINES"], "all");
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
    assert_eq!(parse(text).unwrap().not_run, [("Kept".to_owned(), "AWS::S3::Bucket".to_owned())]);
}

#[test]
fn globals_stand_behind_the_function() {
    let text = "
Globals: { Function: { Runtime: provided.al2023, Timeout: 7, MemorySize: 512, Environment: { Variables: { A: 1, B: 2 } } } }
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Timeout: 9, Environment: { Variables: { B: 3 } } }
";
    let function = parse(text).unwrap().functions.remove(0);
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_secs(9), 512));
    assert_eq!((function.environment["A"].as_str(), function.environment["B"].as_str()), ("1", "3"));
    assert_eq!(function.name, "tapeline-Fn");
}

#[test]
fn a_function_must_be_built_by_cargo_lambda() {
    let error = parse(&SMALL.replace("rust-cargolambda", "makefile")).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.yaml:5: `Resources.Fn.Metadata.BuildMethod` must be rust-cargolambda, was \"makefile\""
    );
    let error = parse(&SMALL.replace("provided.al2023", "python3.13")).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.yaml:6: `Resources.Fn.Properties.Runtime`: the runtime python3.13 is not supported by the local run"
    );
    let error = parse(&SMALL.replace("Binary: fn", "Binary: ../fn")).unwrap_err().to_string();
    assert!(
        error.contains("`Resources.Fn.Metadata.BuildProperties.Binary` must be the name of a binary"),
        "{error}"
    );
}

#[test]
fn defaults_are_those_of_firehose() {
    let s3 = destination("").unwrap();
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.error_prefix.as_str()), ("b", "", ""));
    assert_eq!((s3.buffer_bytes, s3.buffer_interval), (5_242_880, Duration::from_mins(5)));
    assert_eq!((s3.lambda, s3.conversion, s3.dynamic_partitioning), (None, None, false));
    let processing = "ProcessingConfiguration: { Enabled: true, Processors: [ { Type: Lambda, Parameters: [ { ParameterName: LambdaArn, ParameterValue: !GetAtt Fn.Arn } ] } ] }";
    let lambda = destination(processing).unwrap().lambda.unwrap();
    assert_eq!(
        (lambda.buffer_bytes, lambda.buffer_interval, lambda.retries),
        (1_048_576, Duration::from_mins(1), 3)
    );
}

#[test]
fn buffers_stay_in_their_range() {
    refuses(
        "BufferingHints: { SizeInMBs: 129, IntervalInSeconds: 60 }",
        1,
        ".BufferingHints.SizeInMBs` must be a number from 1 to 128, was \"129\"",
    );
    refuses(
        "BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 901 }",
        1,
        ".BufferingHints.IntervalInSeconds` must be a number from 0 to 900, was \"901\"",
    );
    refuses(
        "BufferingHints: { SizeInMBs: 64 }",
        1,
        ".BufferingHints.IntervalInSeconds` must be set where SizeInMBs is, was absent",
    );
}

/// Settings of a conversion by the small template's table.
const CONVERSION: &str = "DataFormatConversionConfiguration: { InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: {} } }, OutputFormatConfiguration: { Serializer: { ParquetSerDe: {} } }, SchemaConfiguration: { DatabaseName: db, TableName: t } }";

#[test]
fn conversion_needs_large_buffers_and_no_compression() {
    let s3 = destination(CONVERSION).unwrap();
    assert_eq!(s3.buffer_bytes, 134_217_728);
    let conversion = s3.conversion.unwrap();
    assert!(
        conversion.open_x.case_insensitive && !conversion.open_x.convert_dots_in_json_keys_to_underscores
    );
    assert_eq!(conversion.compression, ParquetCompression::Snappy);
    refuses(
        &format!("{CONVERSION}\nBufferingHints: {{ SizeInMBs: 63, IntervalInSeconds: 60 }}"),
        2,
        ".BufferingHints.SizeInMBs` must be a number from 64 to 128, was \"63\"",
    );
    refuses(
        &format!("{CONVERSION}\nCompressionFormat: GZIP"),
        2,
        ".CompressionFormat` must be UNCOMPRESSED, as the format is converted, was \"GZIP\"",
    );
}

#[test]
fn conversions_that_cannot_be_done_are_refused() {
    let path = ".DataFormatConversionConfiguration";
    refuses(
        &CONVERSION.replace("OpenXJsonSerDe", "HiveJsonSerDe"),
        1,
        &format!(
            "{path}.InputFormatConfiguration.Deserializer.HiveJsonSerDe`: HiveJsonSerDe is not supported by the local run"
        ),
    );
    refuses(
        &CONVERSION.replace("ParquetSerDe", "OrcSerDe"),
        1,
        &format!(
            "{path}.OutputFormatConfiguration.Serializer.OrcSerDe`: OrcSerDe is not supported by the local run"
        ),
    );
    refuses(
        &CONVERSION.replace("TableName: t", "TableName: other"),
        1,
        &format!(
            "{path}.SchemaConfiguration.TableName` must be a table of this template in the database db, was \"other\""
        ),
    );
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
    assert_eq!(destination(&lambda("BufferSizeInMBs", "0.2")).unwrap().lambda.unwrap().buffer_bytes, 209_715);
    assert_eq!(destination(&lambda("BufferSizeInMBs", "3")).unwrap().lambda.unwrap().buffer_bytes, 3_145_728);
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
        &processor("MetadataExtraction", &[]),
        1,
        ".ProcessingConfiguration.Processors[0].Type`: the processor MetadataExtraction is not supported by the local run",
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

#[test]
fn other_processors_are_read() {
    assert!(
        destination(&processor("AppendDelimiterToRecord", &[("Delimiter", "'\\n'")]))
            .unwrap()
            .append_delimiter
    );
    let cut = destination(&processor("RecordDeAggregation", &[("SubRecordType", "JSON")])).unwrap();
    assert_eq!(cut.de_aggregation, Some(SubRecords::Json));
}

#[test]
fn prefixes_with_expressions_need_the_error_type() {
    refuses(
        "Prefix: 'a/!{timestamp:yyyy}/'",
        0,
        ".ErrorOutputPrefix` must be with !{firehose:error-output-type}, as there are expressions, was absent",
    );
    refuses(
        "ErrorOutputPrefix: 'e/!{timestamp:yyyy}/'",
        1,
        ".ErrorOutputPrefix` must be with !{firehose:error-output-type}, as there are expressions, was \"e/!{timestamp:yyyy}/\"",
    );
    destination("Prefix: a/\nErrorOutputPrefix: e/").unwrap();
    destination("Prefix: 'a/!{timestamp:yyyy}/'\nErrorOutputPrefix: 'e/!{firehose:error-output-type}/'")
        .unwrap();
}

#[test]
fn expressions_that_make_no_sense_are_refused() {
    for (prefix, message) in [
        (
            "!{firehose:error-output-type}/",
            "free of !{firehose:error-output-type}, which belongs into ErrorOutputPrefix",
        ),
        (
            "!{partitionKeyFromLambda:kind}/",
            "free of !{partitionKeyFromLambda:...} unless dynamic partitioning and a Lambda processor are enabled",
        ),
        ("!{firehose:colour}/", "free of !{firehose:colour}, which Firehose does not know"),
        ("!{timestamp}/", "made of expressions !{namespace:value}"),
        ("!{timestamp:yyyy", "closed: every !{ needs its }"),
    ] {
        refuses(&format!("Prefix: '{prefix}'"), 1, &format!(".Prefix` must be {message}, was {prefix:?}"));
    }
}

#[test]
fn dynamic_partitions_need_a_key_in_the_prefix() {
    refuses(
        "DynamicPartitioningConfiguration: { Enabled: true }\nPrefix: a/",
        2,
        ".Prefix` must be with !{partitionKeyFromLambda:...}, as dynamic partitioning is enabled, was \"a/\"",
    );
}

#[test]
fn settings_that_are_not_known_are_refused() {
    refuses("Colour: blue", 1, ".Colour`: Colour is not supported by the local run");
    refuses(
        "S3BackupMode: Enabled",
        1,
        ".S3BackupMode`: a backup of the source records is not supported by the local run",
    );
    let other = SMALL.replace("ExtendedS3DestinationConfiguration", "SplunkDestinationConfiguration");
    let message = "`Resources.Out.Properties.SplunkDestinationConfiguration`: SplunkDestinationConfiguration is not supported by the local run";
    assert!(parse(&other).unwrap_err().to_string().ends_with(message));
}

#[test]
fn sources_are_told_apart() {
    let stack = parse(SMALL).unwrap();
    assert_eq!(stack.delivery_streams[0].source, Source::DirectPut);
    let other = SMALL.replace("      ExtendedS3", "      DeliveryStreamType: MSKAsSource\n      ExtendedS3");
    let message = "`Resources.Out.Properties.DeliveryStreamType`: the source MSKAsSource is not supported by the local run";
    assert!(parse(&other).unwrap_err().to_string().ends_with(message));
}

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
        batch_size: 100,
        window: Duration::ZERO,
        parallelization_factor: 1,
        bisect: false,
        retries: None,
        record_age_max: None,
        report_failures: false,
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
    assert_eq!(mapping.on_failure, Some(OnFailure { bucket: "tapeline-raw".to_owned() }));
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
    for (setting, what) in [
        ("FilterCriteria: {}", ".FilterCriteria`: FilterCriteria"),
        ("TumblingWindowInSeconds: 60", ".TumblingWindowInSeconds`: TumblingWindowInSeconds"),
        ("Enabled: false", ".Enabled`: a mapping that is not enabled"),
        (
            "DestinationConfig: { OnFailure: { Type: SQS, Destination: 'arn:aws:sqs:us-east-1:1:q' } }",
            ".DestinationConfig.OnFailure.Type`: the destination SQS",
        ),
    ] {
        refuses_mapping(setting, &format!("{what} is not supported by the local run"));
    }
    refuses_mapping(
        "DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:1:q' } }",
        ".DestinationConfig.OnFailure.Destination` must be the ARN of a bucket, arn:aws:s3:::<name>, was \"arn:aws:sqs:us-east-1:1:q\"",
    );
    let other = format!("{MAPPED}            {{}}\n").replace("Type: Kinesis\n", "Type: Schedule\n");
    assert_eq!(
        parse(&other).unwrap_err().to_string(),
        "t.yaml:12: `Resources.Fn.Properties.Events.Trades.Type`: an event of type Schedule is not supported by the local run"
    );
}

#[test]
fn a_mapping_reads_a_stream_of_the_template_from_its_start() {
    let line = MAPPED.lines().count() + 1;
    let path = format!("t.yaml:{line}: `Resources.Fn.Properties.Events.Trades.Properties");
    let refuses = |settings: &str, message: &str| {
        assert_eq!(mapping(settings).unwrap_err(), format!("{path}{message}"));
    };
    let latest = mapping("Stream: !GetAtt Frames.Arn\nStartingPosition: LATEST").unwrap();
    assert_eq!(latest.stream, "Frames");
    refuses(
        "StartingPosition: AT_TIMESTAMP",
        ".StartingPosition`: a start at a time is not supported by the local run",
    );
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

/// Resources of the other types that are read, to stand behind the small template's.
const EVERYTHING_ELSE: &str = "
  Frames: { Type: 'AWS::Kinesis::Stream' }
  State: { Type: 'AWS::DynamoDB::Table', Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [ { AttributeName: a, AttributeType: N } ], KeySchema: [ { AttributeName: a, KeyType: HASH } ] } }
  Mapped:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Runtime: provided.al2023, Events: { E: { Type: Kinesis, Properties: { Stream: !GetAtt Frames.Arn, StartingPosition: LATEST, MaximumRecordAgeInSeconds: 60 } } } }
";

proptest! {
    #[test]
    fn no_text_panics_the_reader(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_template_panics_the_reader(
        at in 0_usize..1_600,
        cut in 0_usize..50,
        insert in "[\\-\\[\\]{}:,!&*#'\"|> \na-z$]{0,8}",
    ) {
        let text = format!("{SMALL}        {CONVERSION}\n{EVERYTHING_ELSE}");
        let (from, to) = (at.min(text.len()), (at + cut).min(text.len()));
        let _ = parse(&format!("{}{insert}{}", &text[..from], &text[to..]));
    }
}
