//! The template's settings of delivery streams and event source mappings, made ready to run.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use thiserror::Error;
use uuid::Uuid;

use crate::convert::{Compression as Pages, OpenX, Schema, SchemaError};
use crate::firehose::object_name::ObjectFormat;
use crate::firehose::prefix::{Prefix, PrefixError, PrefixUse};
use crate::firehose::{
    self, Buffer, Conversion, DelimiterError, Destination, LambdaSettings, Processing, S3Settings, Settings,
    Source, SubRecords, Table,
};
use crate::mapping;
use crate::template::{self, Compression, DeliveryStream, Function, Mapping, ParquetCompression, Stream};

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
    /// A delimiter that is none.
    #[error("the delivery stream {stream} must have a delimiter that records can be cut at")]
    Delimiter {
        /// Name of the delivery stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: DelimiterError,
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
    let (s3, name) = (&stream.s3, || stream.name.clone());
    let time_zone = TimeZone::get(&s3.time_zone);
    let time_zone = time_zone.map_err(|source| SettingsError::TimeZone { stream: name(), source })?;
    let prefix = |text: &str, prefix_use: PrefixUse| {
        let prefix = Prefix::parse(text, time_zone.clone(), prefix_use);
        prefix.map_err(|source| SettingsError::Prefix { stream: name(), source })
    };
    let compression = compression(s3.compression);
    let format =
        if s3.conversion.is_some() { ObjectFormat::Parquet } else { ObjectFormat::Records(compression) };
    let destination = S3Settings {
        bucket: s3.bucket.clone(),
        prefix: prefix(&s3.prefix, PrefixUse::Delivery)?,
        error_prefix: prefix(&s3.error_prefix, PrefixUse::Error)?,
        time_zone: time_zone.clone(),
        buffer: buffer(s3.buffer_bytes, s3.buffer_interval),
        compression,
        extension: s3.file_extension.clone().unwrap_or_else(|| format.extension().to_owned()),
        dynamic_partitioning: s3.dynamic_partitioning,
        conversion: s3.conversion.as_ref().map(conversion).transpose()?.map(Arc::new),
        backup: None,
    };
    Ok(Settings {
        processing: processing(stream, function)?,
        destination: Destination::S3(destination),
        name: name(),
        arn: stream.arn.clone(),
        region: part(&stream.arn, REGION),
        version: 1,
        source: Source::Kinesis { arn: source_arn.to_owned() },
    })
}

/// What is done to records before they are delivered.
fn processing(stream: &DeliveryStream, function: Option<&Function>) -> Result<Processing, SettingsError> {
    let s3 = &stream.s3;
    let de_aggregation = s3.de_aggregation.as_ref().map(|sub_records| match sub_records {
        template::SubRecords::Json => Ok(SubRecords::Json),
        template::SubRecords::Delimited { delimiter } => SubRecords::delimited(delimiter),
    });
    let de_aggregation = de_aggregation.transpose();
    Ok(Processing {
        decompression: None,
        de_aggregation: de_aggregation
            .map_err(|source| SettingsError::Delimiter { stream: stream.name.clone(), source })?,
        lambda: s3.lambda.as_ref().zip(function).map(|(lambda, function)| LambdaSettings {
            function_arn: function.arn.clone(),
            buffer: buffer(lambda.buffer_bytes, lambda.buffer_interval),
            retries: lambda.retries,
        }),
        metadata: None,
        append_delimiter: s3.append_delimiter,
    })
}

/// Compression of whole objects.
const fn compression(compression: Compression) -> firehose::Compression {
    match compression {
        Compression::Uncompressed => firehose::Compression::Uncompressed,
        Compression::Gzip => firehose::Compression::Gzip,
        Compression::Zip => firehose::Compression::Zip,
        Compression::Snappy => firehose::Compression::Snappy,
        Compression::HadoopSnappy => firehose::Compression::HadoopSnappy,
    }
}

/// A buffer of the template.
fn buffer(bytes: u64, duration: std::time::Duration) -> Buffer {
    Buffer { bytes: number(bytes), interval: interval(duration) }
}

/// Makes an event source mapping ready to run, with its function and its stream.
pub(super) fn mapping(mapping: &Mapping, function: &Function, stream: &Stream) -> mapping::Settings {
    let name = format!("{}\n{}", function.arn, mapping.logical_id);
    mapping::Settings {
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
    }
}

/// A part of an ARN, by its place.
fn part(arn: &str, place: usize) -> String {
    arn.split(':').nth(place).unwrap_or_default().to_owned()
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
