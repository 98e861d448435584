//! Delivery streams of the template: `AWS::KinesisFirehose::DeliveryStream` into S3.
//!
//! Defaults, ranges and rules are those of Firehose's API reference. A MB is 1,048,576 bytes, as it is there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Resource;
use super::error::Fault;
use super::function::Function;
use super::identity::identity;
use super::prefix::{self, Settings};
use super::scope::Scope;
use super::stream::Stream;
use super::table::GlueTable;
use super::value::Property;

/// Bytes of Firehose's MB.
const MB: u64 = 1024 * 1024;

/// Longest extension of an object, in characters.
const FILE_EXTENSION_CHARS_MAX: usize = 128;

/// Properties of a delivery stream that change nothing here: permissions, encryption, tags.
const STREAM_KNOWN: [&str; 6] = [
    "DeliveryStreamName",
    "DeliveryStreamType",
    "KinesisStreamSourceConfiguration",
    "ExtendedS3DestinationConfiguration",
    "DeliveryStreamEncryptionConfigurationInput",
    "Tags",
];

/// Properties of the destination that are read, or that change nothing here.
const S3_KNOWN: [&str; 14] = [
    "BucketARN",
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "CompressionFormat",
    "CustomTimeZone",
    "DataFormatConversionConfiguration",
    "DynamicPartitioningConfiguration",
    "EncryptionConfiguration",
    "ErrorOutputPrefix",
    "FileExtension",
    "Prefix",
    "ProcessingConfiguration",
    "RoleARN",
    "S3BackupMode",
];

/// What a delivery stream may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    /// The template's functions.
    pub(super) functions: &'k [Function],
    /// The template's streams.
    pub(super) streams: &'k [Stream],
    /// The template's tables.
    pub(super) tables: &'k [GlueTable],
}

/// A delivery stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryStream {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// ARN on AWS.
    pub(crate) arn: String,
    /// Where its records come from.
    pub(crate) source: Source,
    /// Where they go.
    pub(crate) s3: S3Destination,
}

/// Where the records of a delivery stream come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A Kinesis stream.
    Kinesis {
        /// ARN of the stream.
        stream_arn: String,
        /// Its name in the template, when it is of the same template.
        logical_id: Option<String>,
    },
    /// Producers that put records.
    DirectPut,
}

/// How objects are written to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Destination {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Prefix of delivered objects, expressions unevaluated. Empty when the template says nothing.
    pub(crate) prefix: String,
    /// Prefix of failure documents, expressions unevaluated. Empty when the template says nothing.
    pub(crate) error_prefix: String,
    /// An object is written when this much has gathered, in bytes: 1 to 128 MB, at least 64 MB with format conversion
    /// or dynamic partitioning.
    pub(crate) buffer_bytes: u64,
    /// An object is written when its oldest record is this old: 0 to 900 s.
    pub(crate) buffer_interval: Duration,
    /// Compression of whole objects.
    pub(crate) compression: Compression,
    /// End of object names, with its point, when it is not the one of the format.
    pub(crate) file_extension: Option<String>,
    /// Time zone of timestamps in prefixes and names, `UTC` when the template says nothing.
    pub(crate) time_zone: String,
    /// The function that transforms the records.
    pub(crate) lambda: Option<LambdaProcessor>,
    /// Whether records with different partition keys go to different objects.
    pub(crate) dynamic_partitioning: bool,
    /// Whether every record gets a line feed behind it.
    pub(crate) append_delimiter: bool,
    /// How a record is cut into several before anything else happens to it.
    pub(crate) de_aggregation: Option<SubRecords>,
    /// Conversion of JSON to Parquet.
    pub(crate) conversion: Option<Conversion>,
}

/// `CompressionFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// `UNCOMPRESSED`, the default.
    Uncompressed,
    /// `GZIP`.
    Gzip,
    /// `ZIP`.
    Zip,
    /// `Snappy`: its framing format.
    Snappy,
    /// `HADOOP_SNAPPY`: blocks as Hadoop writes them.
    HadoopSnappy,
}

/// The function that transforms records, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LambdaProcessor {
    /// Name of the function in the template.
    pub(crate) function: String,
    /// A batch is sent when this much has gathered, in bytes: 0.2 to 3 MB, 1 MB when the template says nothing.
    pub(crate) buffer_bytes: u64,
    /// A batch is sent when its oldest record is this old: 0 to 900 s, 60 s when the template says nothing.
    pub(crate) buffer_interval: Duration,
    /// Further attempts after a failed one: 0 to 300, 3 when the template says nothing.
    pub(crate) retries: u32,
}

/// How the `RecordDeAggregation` processor cuts records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubRecords {
    /// At the ends of JSON documents.
    Json,
    /// At a delimiter, given in base64.
    Delimited {
        /// The delimiter as the template has it.
        delimiter: String,
    },
}

/// Conversion of JSON to Parquet by a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// The table.
    pub(crate) table: GlueTable,
    /// How JSON is read.
    pub(crate) open_x: OpenX,
    /// Compression of the pages.
    pub(crate) compression: ParquetCompression,
}

/// Settings of `OpenXJsonSerDe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenX {
    /// Whether keys are folded to lower case: true when the template says nothing.
    pub(crate) case_insensitive: bool,
    /// Whether a point in a key stands for an underscore in a column: false when the template says nothing.
    pub(crate) convert_dots_in_json_keys_to_underscores: bool,
    /// Key of the JSON document by column.
    pub(crate) column_to_json_key_mappings: BTreeMap<String, String>,
}

/// `ParquetSerDe.Compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParquetCompression {
    /// `UNCOMPRESSED`.
    Uncompressed,
    /// `GZIP`.
    Gzip,
    /// `SNAPPY`, the default.
    Snappy,
}

/// Reads a delivery stream.
pub(super) fn read(
    scope: &Scope<'_>,
    resource: &Resource<'_>,
    known: &Known<'_>,
) -> Result<DeliveryStream, Fault> {
    let path = resource.path();
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let value = scope.evaluate(resource.properties()?, &path)?;
    let value = value.ok_or_else(|| Fault::invalid((resource.node.line, &path), "a map", "nothing"))?;
    let properties = Property::new(path, &value);
    properties.only(&STREAM_KNOWN)?;
    let destination = properties.get("ExtendedS3DestinationConfiguration");
    if !destination.exists() {
        return Err(destination.expected("a map"));
    }
    Ok(DeliveryStream {
        logical_id: resource.logical_id.to_owned(),
        name: identity.name,
        arn: identity.arn,
        source: source(&properties, known)?,
        s3: s3(&destination, known)?,
    })
}

/// Where the records come from.
fn source(properties: &Property<'_>, known: &Known<'_>) -> Result<Source, Fault> {
    let kind = properties.get("DeliveryStreamType");
    let kinesis = properties.get("KinesisStreamSourceConfiguration");
    match kind.text()? {
        None | Some("DirectPut") if kinesis.exists() => {
            Err(kind.expected("KinesisStreamAsSource, as KinesisStreamSourceConfiguration is set"))
        }
        None | Some("DirectPut") => Ok(Source::DirectPut),
        Some("KinesisStreamAsSource") => {
            let stream_arn = kinesis.get("KinesisStreamARN").required_text()?.to_owned();
            let stream = known.streams.iter().find(|stream| stream.arn == stream_arn);
            Ok(Source::Kinesis { stream_arn, logical_id: stream.map(|stream| stream.logical_id.clone()) })
        }
        Some(other) => Err(kind.unsupported(format!("the source {other}"))),
    }
}

/// The destination.
fn s3(destination: &Property<'_>, known: &Known<'_>) -> Result<S3Destination, Fault> {
    destination.only(&S3_KNOWN)?;
    let backup = destination.get("S3BackupMode");
    if backup.text()?.is_some_and(|mode| mode != "Disabled") {
        return Err(backup.unsupported("a backup of the source records"));
    }
    let processors = processors(&destination.get("ProcessingConfiguration"), known)?;
    let dynamic_partitioning = destination.get("DynamicPartitioningConfiguration").get("Enabled").flag()?;
    let dynamic_partitioning = dynamic_partitioning.unwrap_or(false);
    let conversion = conversion(&destination.get("DataFormatConversionConfiguration"), known)?;
    let (prefix, error_prefix) = (destination.get("Prefix"), destination.get("ErrorOutputPrefix"));
    prefix::check(
        &prefix,
        &error_prefix,
        Settings { dynamic_partitioning, has_lambda: processors.lambda.is_some() },
    )?;
    let (buffer_bytes, buffer_interval) =
        buffering(&destination.get("BufferingHints"), dynamic_partitioning || conversion.is_some())?;
    Ok(S3Destination {
        bucket: bucket(&destination.get("BucketARN"))?,
        prefix: prefix.text()?.unwrap_or_default().to_owned(),
        error_prefix: error_prefix.text()?.unwrap_or_default().to_owned(),
        buffer_bytes,
        buffer_interval,
        compression: compression(&destination.get("CompressionFormat"), conversion.is_some())?,
        file_extension: file_extension(&destination.get("FileExtension"))?,
        time_zone: destination.get("CustomTimeZone").text()?.unwrap_or("UTC").to_owned(),
        lambda: processors.lambda,
        dynamic_partitioning,
        append_delimiter: processors.append_delimiter,
        de_aggregation: processors.de_aggregation,
        conversion,
    })
}

/// Name of the bucket in its ARN.
pub(super) fn bucket(arn: &Property<'_>) -> Result<String, Fault> {
    let name = arn.required_text()?.strip_prefix("arn:aws:s3:::").filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| arn.expected("the ARN of a bucket, arn:aws:s3:::<name>"))
}

/// Size and age at which an object is written. `large`: format conversion or dynamic partitioning.
fn buffering(hints: &Property<'_>, large: bool) -> Result<(u64, Duration), Fault> {
    let (size, interval) = (hints.get("SizeInMBs"), hints.get("IntervalInSeconds"));
    let smallest = if large { 64 } else { 1 };
    let default = if large { 128 } else { 5 };
    let (mb, seconds) = match (size.number(smallest..=128)?, interval.number(0..=900)?) {
        (None, Some(_)) => return Err(size.expected("set where IntervalInSeconds is")),
        (Some(_), None) => return Err(interval.expected("set where SizeInMBs is")),
        (mb, seconds) => (mb.unwrap_or(default), seconds.unwrap_or(300)),
    };
    Ok((mb * MB, Duration::from_secs(seconds)))
}

/// Compression of whole objects.
fn compression(format: &Property<'_>, converted: bool) -> Result<Compression, Fault> {
    let compression = match format.text()? {
        None | Some("UNCOMPRESSED") => Compression::Uncompressed,
        Some("GZIP") => Compression::Gzip,
        Some("ZIP") => Compression::Zip,
        Some("Snappy") => Compression::Snappy,
        Some("HADOOP_SNAPPY") => Compression::HadoopSnappy,
        Some(_) => return Err(format.expected("one of UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY")),
    };
    if converted && compression != Compression::Uncompressed {
        return Err(format.expected("UNCOMPRESSED, as the format is converted"));
    }
    Ok(compression)
}

/// End of object names.
fn file_extension(extension: &Property<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = extension.text()?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let allowed = |one: char| {
        one.is_ascii_digit()
            || one.is_ascii_lowercase()
            || ['!', '-', '_', '.', '*', '\'', '(', ')'].contains(&one)
    };
    let valid = text.strip_prefix('.').is_some_and(|rest| !rest.is_empty() && rest.chars().all(allowed));
    if !valid || text.len() > FILE_EXTENSION_CHARS_MAX {
        return Err(extension.expected("a point and up to 127 lower-case letters, digits or any of !-_.*'()"));
    }
    Ok(Some(text.to_owned()))
}

/// What is done to records before they are delivered.
#[derive(Debug, Default)]
struct Processors {
    lambda: Option<LambdaProcessor>,
    append_delimiter: bool,
    de_aggregation: Option<SubRecords>,
}

/// Reads the processors, when processing is enabled.
fn processors(configuration: &Property<'_>, known: &Known<'_>) -> Result<Processors, Fault> {
    let mut processors = Processors::default();
    let enabled = configuration.get("Enabled");
    if !configuration.exists() || !enabled.flag()?.ok_or_else(|| enabled.expected("true or false"))? {
        return Ok(processors);
    }
    for processor in configuration.get("Processors").items()? {
        let kind = processor.get("Type");
        let parameters = parameters(&processor)?;
        match kind.required_text()? {
            "Lambda" if processors.lambda.is_some() => return Err(kind.expected("the only Lambda processor")),
            "Lambda" => processors.lambda = Some(lambda(&processor, &parameters, known)?),
            "AppendDelimiterToRecord" => processors.append_delimiter = append_delimiter(&parameters)?,
            "RecordDeAggregation" => processors.de_aggregation = Some(sub_records(&processor, &parameters)?),
            other => return Err(kind.unsupported(format!("the processor {other}"))),
        }
    }
    Ok(processors)
}

/// Parameters of a processor by name.
type Parameters<'v> = BTreeMap<&'v str, Property<'v>>;

/// Reads the list of names and values.
fn parameters<'v>(processor: &Property<'v>) -> Result<Parameters<'v>, Fault> {
    let mut parameters = BTreeMap::new();
    for parameter in processor.get("Parameters").items()? {
        let name = parameter.get("ParameterName");
        if parameters.insert(name.required_text()?, parameter.get("ParameterValue")).is_some() {
            return Err(name.expected("a name that stands once"));
        }
    }
    Ok(parameters)
}

/// Refuses parameters that are not known.
fn only(parameters: &Parameters<'_>, known: &[&str]) -> Result<(), Fault> {
    match parameters.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, value)) => Err(value.unsupported(format!("the parameter {name}"))),
        None => Ok(()),
    }
}

/// The function and how it is called.
fn lambda(
    processor: &Property<'_>,
    parameters: &Parameters<'_>,
    known: &Known<'_>,
) -> Result<LambdaProcessor, Fault> {
    only(
        parameters,
        &["LambdaArn", "RoleArn", "NumberOfRetries", "BufferSizeInMBs", "BufferIntervalInSeconds"],
    )?;
    let arn =
        parameters.get("LambdaArn").cloned().unwrap_or_else(|| processor.get("Parameters").get("LambdaArn"));
    let unqualified = arn.required_text()?.trim_end_matches(":$LATEST");
    let function = known.functions.iter().find(|function| function.arn == unqualified);
    let function = function.ok_or_else(|| arn.expected("the ARN of a function of this template"))?;
    let retries = parameters.get("NumberOfRetries").map(|value| value.number(0..=300)).transpose()?.flatten();
    let seconds =
        parameters.get("BufferIntervalInSeconds").map(|value| value.number(0..=900)).transpose()?.flatten();
    Ok(LambdaProcessor {
        function: function.logical_id.clone(),
        buffer_bytes: parameters.get("BufferSizeInMBs").map_or(Ok(MB), lambda_buffer_bytes)?,
        buffer_interval: Duration::from_secs(seconds.unwrap_or(60)),
        retries: retries.unwrap_or(3),
    })
}

/// Bytes of a size in MB with an optional fraction of up to three digits, read digit by digit.
fn lambda_buffer_bytes(size: &Property<'_>) -> Result<u64, Fault> {
    let expected = || size.expected("a number from 0.2 to 3");
    let text = size.required_text()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 1 || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return Err(expected());
    }
    let thousandths: u64 = format!("{whole}{fraction:0<3}").parse().map_err(|_| expected())?;
    if (200..=3_000).contains(&thousandths) { Ok(thousandths * MB / 1_000) } else { Err(expected()) }
}

/// The delimiter, which is a line feed: the only one Firehose knows, written `\n` with a backslash.
fn append_delimiter(parameters: &Parameters<'_>) -> Result<bool, Fault> {
    only(parameters, &["Delimiter"])?;
    match parameters.get("Delimiter") {
        Some(delimiter) if !["\\n", "\n"].contains(&delimiter.required_text()?) => {
            Err(delimiter.expected("\\n"))
        }
        _ => Ok(true),
    }
}

/// How records are cut.
fn sub_records(processor: &Property<'_>, parameters: &Parameters<'_>) -> Result<SubRecords, Fault> {
    only(parameters, &["SubRecordType", "Delimiter"])?;
    let place =
        |name: &str| parameters.get(name).cloned().unwrap_or_else(|| processor.get("Parameters").get(name));
    let kind = place("SubRecordType");
    match kind.required_text()? {
        "JSON" => Ok(SubRecords::Json),
        "DELIMITED" => {
            Ok(SubRecords::Delimited { delimiter: place("Delimiter").required_text()?.to_owned() })
        }
        _ => Err(kind.expected("JSON or DELIMITED")),
    }
}

/// The conversion, when it is enabled.
fn conversion(configuration: &Property<'_>, known: &Known<'_>) -> Result<Option<Conversion>, Fault> {
    if !configuration.exists() || !configuration.get("Enabled").flag()?.unwrap_or(true) {
        return Ok(None);
    }
    let deserializer = configuration.get("InputFormatConfiguration").get("Deserializer");
    deserializer.only(&["OpenXJsonSerDe"])?;
    let open_x = deserializer.get("OpenXJsonSerDe");
    if !open_x.exists() {
        return Err(open_x.expected("a map"));
    }
    let serializer = configuration.get("OutputFormatConfiguration").get("Serializer");
    serializer.only(&["ParquetSerDe"])?;
    let parquet = serializer.get("ParquetSerDe");
    if !parquet.exists() {
        return Err(parquet.expected("a map"));
    }
    Ok(Some(Conversion {
        table: table(&configuration.get("SchemaConfiguration"), known)?,
        open_x: read_open_x(&open_x)?,
        compression: parquet_compression(&parquet)?,
    }))
}

/// How JSON is read.
fn read_open_x(settings: &Property<'_>) -> Result<OpenX, Fault> {
    settings.only(&["CaseInsensitive", "ColumnToJsonKeyMappings", "ConvertDotsInJsonKeysToUnderscores"])?;
    let mappings = settings.get("ColumnToJsonKeyMappings").entries()?.into_iter();
    let mappings = mappings.map(|(column, key)| Ok((column.to_owned(), key.required_text()?.to_owned())));
    let dots = settings.get("ConvertDotsInJsonKeysToUnderscores").flag()?;
    Ok(OpenX {
        case_insensitive: settings.get("CaseInsensitive").flag()?.unwrap_or(true),
        convert_dots_in_json_keys_to_underscores: dots.unwrap_or(false),
        column_to_json_key_mappings: mappings.collect::<Result<_, Fault>>()?,
    })
}

/// Compression of Parquet pages. The layout of the file is left to the writer: any reader gives the same rows.
fn parquet_compression(settings: &Property<'_>) -> Result<ParquetCompression, Fault> {
    settings.only(&[
        "BlockSizeBytes",
        "Compression",
        "EnableDictionaryCompression",
        "MaxPaddingBytes",
        "PageSizeBytes",
        "WriterVersion",
    ])?;
    let compression = settings.get("Compression");
    match compression.text()? {
        None | Some("SNAPPY") => Ok(ParquetCompression::Snappy),
        Some("GZIP") => Ok(ParquetCompression::Gzip),
        Some("UNCOMPRESSED") => Ok(ParquetCompression::Uncompressed),
        Some(_) => Err(compression.expected("one of UNCOMPRESSED, GZIP, SNAPPY")),
    }
}

/// The table that the schema comes from.
fn table(schema: &Property<'_>, known: &Known<'_>) -> Result<GlueTable, Fault> {
    let version = schema.get("VersionId");
    if version.text()?.is_some_and(|version| version != "LATEST") {
        return Err(version.unsupported("an older version of the table"));
    }
    let database = schema.get("DatabaseName").required_text()?.to_lowercase();
    let name = schema.get("TableName");
    let wanted = name.required_text()?.to_lowercase();
    let table = known.tables.iter().find(|table| table.database == database && table.name == wanted);
    table
        .cloned()
        .ok_or_else(|| name.expected(format!("a table of this template in the database {database}")))
}
