//! The template's settings of delivery streams and event source mappings, made ready to run.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use thiserror::Error;
use uuid::Uuid;

use crate::convert::{Compression as Pages, OpenX, Schema, SchemaError};
use crate::firehose::object_name::ObjectFormat;
use crate::firehose::prefix::{Prefix, PrefixError, PrefixUse};
use crate::firehose::{Conversion, LambdaSettings, Settings, Table};
use crate::mapping;
use crate::template::{
    self, Compression, DeliveryStream, Function, Mapping, OnFailure, ParquetCompression, S3Destination,
    StartingPosition, Stream,
};

/// Place of the region in an ARN.
const REGION: usize = 3;
/// Place of the account in an ARN.
const ACCOUNT: usize = 4;

/// The template asks for something that this machine cannot run.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// Nobody puts records into it.
    #[error("the delivery stream {stream} must have a Kinesis stream as its source")]
    NoSource {
        /// Name of the delivery stream.
        stream: String,
    },
    /// Something that is not run yet.
    #[error("the delivery stream {stream} asks for {what}, which is not run on this machine")]
    Unsupported {
        /// Name of the delivery stream.
        stream: String,
        /// What it asks for.
        what: &'static str,
    },
    /// A mapping that is not run yet.
    #[error("the mapping {mapping} asks for {what}, which is not run on this machine")]
    UnsupportedMapping {
        /// Name of the mapping.
        mapping: String,
        /// What it asks for.
        what: &'static str,
    },
    /// An unknown time zone.
    #[error("the delivery stream {stream} must name a time zone of the tz database")]
    TimeZone {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: jiff::Error,
    },
    /// A prefix that cannot be evaluated.
    #[error("the delivery stream {stream} must have prefixes that can be evaluated")]
    Prefix {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: PrefixError,
    },
    /// Columns that cannot be converted to.
    #[error("the table {table} must have columns that Parquet can hold")]
    Schema {
        /// Name of the table.
        table: String,
        /// What is wrong with them.
        #[source]
        source: SchemaError,
    },
}

/// Makes a delivery stream ready to run, with the stream in front of it and its function, if it has one.
///
/// # Errors
/// When it asks for what cannot be run here.
pub(super) fn delivery(
    stream: &DeliveryStream,
    source_arn: &str,
    function: Option<&Function>,
) -> Result<Settings, SettingsError> {
    let name = || stream.name.clone();
    let s3 = supported(stream)?;
    let time_zone = TimeZone::get(&s3.time_zone);
    let time_zone = time_zone.map_err(|source| SettingsError::TimeZone { stream: name(), source })?;
    let prefix = |text: &str, prefix_use: PrefixUse| {
        let prefix = Prefix::parse(text, time_zone.clone(), prefix_use);
        prefix.map_err(|source| SettingsError::Prefix { stream: name(), source })
    };
    let format = if s3.conversion.is_some() { ObjectFormat::Parquet } else { ObjectFormat::Plain };
    Ok(Settings {
        prefix: prefix(&s3.prefix, PrefixUse::Delivery)?,
        error_prefix: prefix(&s3.error_prefix, PrefixUse::Error)?,
        lambda: stream.processing.lambda.as_ref().zip(function).map(|(lambda, function)| LambdaSettings {
            function_arn: function.arn.clone(),
            buffer_bytes: number(lambda.buffer_bytes),
            buffer_interval: interval(lambda.buffer_interval),
            retries: lambda.retries,
        }),
        conversion: s3.conversion.as_ref().map(conversion).transpose()?,
        extension: s3.file_extension.clone().unwrap_or_else(|| format.extension().to_owned()),
        name: name(),
        arn: stream.arn.clone(),
        source_arn: source_arn.to_owned(),
        region: part(&stream.arn, REGION),
        time_zone,
        buffer_bytes: number(s3.buffer_bytes),
        buffer_interval: interval(s3.buffer_interval),
        dynamic_partitioning: s3.dynamic_partitioning,
        append_delimiter: stream.processing.append_delimiter,
    })
}

/// Makes an event source mapping ready to run, with its function and its stream.
///
/// # Errors
/// When it asks for what cannot be run here.
pub(super) fn mapping(
    mapping: &Mapping,
    function: &Function,
    stream: &Stream,
) -> Result<mapping::Settings, SettingsError> {
    let failed = |source| SettingsError::Filter { mapping: mapping.logical_id.clone(), source };
    let name = format!("{}\n{}", function.arn, mapping.logical_id);
    Ok(mapping::Settings {
        // AWS draws it; here it follows from what the mapping is.
        uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        function_arn: function.arn.clone(),
        // The role's own name is known to the deployed stack alone.
        role_arn: format!("arn:aws:iam::{}:role/{}", part(&function.arn, ACCOUNT), function.name),
        stream_arn: stream.arn.clone(),
        region: part(&stream.arn, REGION),
        batch_records: number(mapping.batch_size.into()),
        window: interval(mapping.window),
        lanes: mapping.parallelization_factor,
        bisect: mapping.bisect,
        retries: mapping.retries,
        record_age_max: mapping.record_age_max.map(interval),
        report_failures: mapping.report_failures,
        filters: Filter::parse_all(mapping.filters.iter().map(String::as_str)).map_err(failed)?,
    })
}
/// A part of an ARN, by its place.
fn part(arn: &str, place: usize) -> String {
    arn.split(':').nth(place).unwrap_or_default().to_owned()
}

/// The bucket of a delivery stream that asks for nothing that is not run.
fn supported(stream: &DeliveryStream) -> Result<&S3Destination, SettingsError> {
    let unsupported = |what| SettingsError::Unsupported { stream: stream.name.clone(), what };
    let s3 = stream.s3().ok_or_else(|| unsupported("a destination other than a bucket"))?;
    let processing = &stream.processing;
    for (is_asked_for, what) in [
        (s3.compression != Compression::Uncompressed, "compressed objects"),
        (s3.backup.is_some(), "a backup of its records"),
        (processing.de_aggregation.is_some(), "de-aggregation by the delivery stream"),
        (processing.decompression.is_some(), "decompression by the delivery stream"),
        (processing.metadata.is_some(), "partition keys by a query"),
    ] {
        if is_asked_for {
            return Err(unsupported(what));
        }
    }
    Ok(s3)
}

fn conversion(conversion: &template::Conversion) -> Result<Conversion, SettingsError> {
    let table = &conversion.table;
    let columns: Vec<_> =
        table.columns.iter().map(|column| (column.name.clone(), column.hive_type.clone())).collect();
    let schema = Schema::parse(&columns)
        .map_err(|source| SettingsError::Schema { table: table.name.clone(), source })?;
    let open_x = &conversion.open_x;
    Ok(Conversion {
        schema,
        open_x: OpenX {
            case_insensitive: open_x.case_insensitive,
            convert_dots_in_json_keys_to_underscores: open_x.convert_dots_in_json_keys_to_underscores,
            column_to_json_key_mappings: open_x.column_to_json_key_mappings.clone(),
        },
        compression: match conversion.compression {
            ParquetCompression::Uncompressed => Pages::Uncompressed,
            ParquetCompression::Gzip => Pages::Gzip,
            ParquetCompression::Snappy => Pages::Snappy,
        },
        table: Table { database: table.database.clone(), name: table.name.clone() },
    })
}

/// A number of the template; each is at most some hundred million.
fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// An interval of the template; each is at most 900 seconds.
fn interval(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
