//! Tests of delivery streams into buckets.

use std::time::Duration;

use super::*;

#[test]
fn defaults_are_those_of_firehose() {
    let s3 = destination("").unwrap();
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.error_prefix.as_str()), ("out", "", ""));
    assert_eq!((s3.buffer_bytes, s3.buffer_interval), (5_242_880, Duration::from_mins(5)));
    assert_eq!((s3.conversion, s3.dynamic_partitioning, s3.backup), (None, false, None));
    let processing = "ProcessingConfiguration: { Enabled: true, Processors: [ { Type: Lambda, Parameters: [ { ParameterName: LambdaArn, ParameterValue: !GetAtt Fn.Arn } ] } ] }";
    let lambda = delivery(processing).unwrap().processing.lambda.unwrap();
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
pub(super) const CONVERSION: &str = "DataFormatConversionConfiguration: { InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: {} } }, OutputFormatConfiguration: { Serializer: { ParquetSerDe: {} } }, SchemaConfiguration: { DatabaseName: db, TableName: t } }";

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
            "{path}.InputFormatConfiguration.Deserializer.HiveJsonSerDe`: HiveJsonSerDe (OpenXJsonSerDe is) is not supported by the local run"
        ),
    );
    refuses(
        &CONVERSION.replace("ParquetSerDe", "OrcSerDe"),
        1,
        &format!(
            "{path}.OutputFormatConfiguration.Serializer.OrcSerDe`: ORC (ParquetSerDe is) is not supported by the local run"
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
        ".Prefix` must be with !{partitionKeyFromLambda:...} or !{partitionKeyFromQuery:...}, as dynamic partitioning is enabled, was \"a/\"",
    );
}

#[test]
fn settings_that_are_not_known_are_refused() {
    refuses("Colour: blue", 1, ".Colour`: Colour is not supported by the local run");
    refuses("Prefx: a", 1, ".Prefx`: Prefx (did you mean Prefix?) is not supported by the local run");
}

#[test]
fn sources_are_told_apart() {
    let stack = parse(SMALL).unwrap();
    assert_eq!(stack.delivery_streams[0].source, Source::DirectPut);
    let other = SMALL.replace("      ExtendedS3", "      DeliveryStreamType: MSKAsSource\n      ExtendedS3");
    let message = "`Resources.Out.Properties.DeliveryStreamType`: the source MSKAsSource is not supported by the local run";
    assert!(parse(&other).unwrap_err().to_string().ends_with(message));
}

#[test]
fn what_changes_nothing_here_may_refer_to_anything() {
    let settings = "RoleARN: !ImportValue role
EncryptionConfiguration: { KMSEncryptionConfig: { AWSKMSKeyARN: !ImportValue key } }
CloudWatchLoggingOptions: { Enabled: true, LogGroupName: !ImportValue group }";
    destination(settings).unwrap();
}

#[test]
fn a_backup_of_the_source_records_has_buffers_of_its_own() {
    let backup = destination(
        "S3BackupMode: Enabled
S3BackupConfiguration: { BucketARN: 'arn:aws:s3:::raw', Prefix: raw/, CompressionFormat: GZIP, BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 } }",
    );
    let expected = S3Backup {
        bucket: "raw".to_owned(),
        prefix: "raw/".to_owned(),
        error_prefix: String::new(),
        buffer_bytes: 1_048_576,
        buffer_interval: Duration::ZERO,
        compression: Compression::Gzip,
    };
    assert_eq!(backup.unwrap().backup, Some(expected));
    refuses("S3BackupMode: Enabled", 0, ".S3BackupConfiguration` must be a map, was absent");
    refuses("S3BackupMode: Always", 1, ".S3BackupMode` must be Enabled or Disabled, was \"Always\"");
}

#[test]
fn a_backup_has_no_partition_keys() {
    refuses(
        "S3BackupMode: Enabled
S3BackupConfiguration: { BucketARN: 'arn:aws:s3:::raw', Prefix: '!{partitionKeyFromLambda:kind}/' }",
        2,
        ".S3BackupConfiguration.Prefix` must be free of !{partitionKeyFromLambda:...} unless dynamic partitioning and a Lambda processor are enabled, was \"!{partitionKeyFromLambda:kind}/\"",
    );
}

#[test]
fn a_disabled_backup_is_none() {
    assert_eq!(destination("S3BackupMode: Disabled").unwrap().backup, None);
}

#[test]
fn the_configuration_is_json_for_a_description() {
    let settings = "BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 60 }
ProcessingConfiguration: { Enabled: true, Processors: [ { Type: Lambda, Parameters: [ { ParameterName: LambdaArn, ParameterValue: !GetAtt Fn.Arn }, { ParameterName: NumberOfRetries, ParameterValue: '1' } ] } ] }";
    // Numbers and flags where the API reference has them; values of parameters are strings there.
    let expected = serde_json::json!({
        "BucketARN": "arn:aws:s3:::out",
        "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 60 },
        "ProcessingConfiguration": { "Enabled": true, "Processors": [ { "Type": "Lambda", "Parameters": [
            { "ParameterName": "LambdaArn", "ParameterValue": "arn:aws:lambda:us-east-1:000000000000:function:tapeline-Fn" },
            { "ParameterName": "NumberOfRetries", "ParameterValue": "1" },
        ] } ] },
    });
    assert_eq!(delivery(settings).unwrap().configuration, expected);
}

#[test]
fn a_schema_is_a_table_whose_columns_the_template_has() {
    let table = "StorageDescriptor: { Columns: [ { Name: id, Type: string } ] }";
    let settings = format!("        {CONVERSION}\n");
    let other = table.replace("Columns:", "Location: !ImportValue x, Columns:");
    parse(&format!("{SMALL}{settings}").replace(table, &other)).unwrap();
    let error = parse(&format!("{SMALL}{settings}").replace(table, "Name2: x")).unwrap_err().to_string();
    assert!(
        error.ends_with(".TableName` must be a table whose columns the template has, was \"t\""),
        "{error}"
    );
}
