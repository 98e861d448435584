//! Tests of the template that is deployed.

use std::time::Duration;

use super::*;

/// The template that is deployed.
pub(super) const DEPLOYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");

fn deployed() -> Stack {
    Stack::load(Path::new(DEPLOYED), &BTreeMap::new()).unwrap()
}

/// The conversion of a delivery stream of the deployed template.
fn conversion(at: usize) -> Conversion {
    deployed().delivery_streams[at].s3().unwrap().conversion.clone().unwrap()
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
    let s3 = archive.s3().unwrap().clone();
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
    assert_eq!(archive.processing, Processing { lambda: Some(lambda), ..Processing::default() });
}

#[test]
fn the_deployed_table_is_read() {
    let conversion = conversion(0);
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
    let table = conversion(0).table;
    let found = table.columns.iter().map(|column| (column.name.as_str(), column.hive_type.as_str()));
    let written = tapeline_codec::encode::COLUMNS.iter().map(|column| (column.name, column.hive_type));
    assert_eq!(found.collect::<Vec<_>>(), written.collect::<Vec<_>>());
}

#[test]
fn the_table_of_indicators_has_the_columns_of_the_standard_preset() {
    let table = conversion(1).table;
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
        starting_position: StartingPosition::TrimHorizon,
        batch_size: 10_000,
        window: Duration::from_secs(1),
        parallelization_factor: 1,
        bisect: true,
        retries: None,
        record_age_max: Some(Duration::from_hours(20)),
        report_failures: true,
        filters: Vec::new(),
        on_failure: Some(OnFailure::S3 { bucket: "tapeline-archivebucket".to_owned() }),
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
    let s3 = archive.s3().unwrap().clone();
    assert_eq!((archive.processing, s3.dynamic_partitioning), (Processing::default(), false));
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
    for table in [conversion(0).table, conversion(1).table] {
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
    let stream = &stack.streams[0];
    assert_eq!((stream.mode, stream.shard_count), (StreamMode::OnDemand, 4));
    assert_eq!(stream.retention, Duration::from_hours(24));
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "MarketData"));
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "StateTable"));
    assert!(stack.not_run.contains(&("ArchiveRole".to_owned(), "AWS::IAM::Role".to_owned())));
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "ArchiveBucket"));
    assert_eq!(stack.buckets[0].name, "tapeline-archivebucket");
    assert!(!stack.not_run.iter().any(|(logical_id, _)| logical_id == "Archive"));
}

#[test]
fn parameters_reach_the_function() {
    let given = BTreeMap::from([("Klines".to_owned(), "all".to_owned())]);
    let stack = Stack::load(Path::new(DEPLOYED), &given).unwrap();
    assert_eq!(stack.functions[0].environment["KLINES"], "all");
}

#[test]
fn a_feed_on_fargate_changes_nothing_here() {
    let parameters = [
        ("Feed", "new"),
        ("FeedImage", "000000000000.dkr.ecr.us-east-1.amazonaws.com/tapeline-feed:1"),
        ("FeedVpc", "vpc-0123456789abcdef0"),
        ("FeedSubnetA", "subnet-0123456789abcdef0"),
        ("FeedSubnetB", "subnet-0123456789abcdef1"),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let with_feed = Stack::load(Path::new(DEPLOYED), &parameters).unwrap();
    assert!(with_feed.not_run.contains(&("FeedService".to_owned(), "AWS::ECS::Service".to_owned())));
    assert_eq!(Stack { not_run: Vec::new(), ..with_feed }, Stack { not_run: Vec::new(), ..deployed() });
}
