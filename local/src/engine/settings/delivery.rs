//! Delivery streams, made ready to run.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{SettingsError, interval, number};
use crate::arn;
use crate::convert::{Compression as Pages, OpenX, Schema};
use crate::firehose::object_name::ObjectFormat;
use crate::firehose::prefix::{Prefix, PrefixUse};
use crate::firehose::{
    BackupMode, BackupSettings, Buffer, Compression, ContentEncoding, Conversion, Decompression, Destination,
    DocumentId, HttpSettings, IndexRotation, LambdaSettings, OpenSearchSettings, Processing, Query,
    S3Settings, Settings, Source, SubRecords, Table,
};
use crate::template::{self, DeliveryStream, Function, ParquetCompression};

/// Makes a delivery stream ready to run, with the function that transforms its records, if one does. `version` counts
/// its configurations, from 1.
///
/// # Errors
/// When it asks for what cannot be run here.
pub(crate) fn delivery(
    stream: &DeliveryStream,
    function: Option<&Function>,
    version: u32,
) -> Result<Settings, SettingsError> {
    let name = &stream.name;
    let destination = match &stream.destination {
        template::Destination::S3(s3) => Destination::S3(bucket(name, s3)?),
        template::Destination::Http(http) => Destination::Http {
            settings: endpoint(stream, http),
            backup: (backup(name, &http.backup)?, backup_mode(http.backup_mode)),
        },
        template::Destination::OpenSearch(search) => Destination::OpenSearch {
            settings: domain(stream, search),
            backup: (backup(name, &search.backup)?, backup_mode(search.backup_mode)),
        },
    };
    Ok(Settings {
        name: name.clone(),
        arn: stream.arn.clone(),
        region: arn::region(&stream.arn).to_owned(),
        version,
        source: match &stream.source {
            template::Source::Kinesis { stream_arn, .. } => Source::Kinesis { arn: stream_arn.clone() },
            template::Source::DirectPut => Source::DirectPut,
        },
        processing: processing(stream, function)?,
        destination,
    })
}

/// What is done to records before they are delivered.
fn processing(stream: &DeliveryStream, function: Option<&Function>) -> Result<Processing, SettingsError> {
    let processing = &stream.processing;
    let query = processing.metadata.as_ref().map(|metadata| Query::parse(&metadata.query)).transpose();
    let query = query.map_err(|source| SettingsError::Query { stream: stream.name.clone(), source });
    Ok(Processing {
        decompression: processing.decompression.as_ref().map(|decompression| {
            if decompression.message_extraction { Decompression::Messages } else { Decompression::Document }
        }),
        de_aggregation: processing.de_aggregation.as_ref().map(|sub_records| match sub_records {
            template::SubRecords::Json => SubRecords::Json,
            template::SubRecords::Delimited { delimiter } => SubRecords::Delimited(delimiter.clone()),
        }),
        lambda: processing.lambda.as_ref().zip(function).map(|(lambda, function)| LambdaSettings {
            function_arn: function.arn.clone(),
            buffer: buffer(lambda.buffer_bytes, lambda.buffer_interval),
            retries: lambda.retries,
        }),
        metadata: query?,
        append_delimiter: processing.append_delimiter,
    })
}

fn bucket(stream: &str, s3: &template::S3Destination) -> Result<S3Settings, SettingsError> {
    let time_zone = TimeZone::get(&s3.time_zone);
    let time_zone =
        time_zone.map_err(|source| SettingsError::TimeZone { stream: stream.to_owned(), source })?;
    let compression = compression(s3.compression);
    let format =
        if s3.conversion.is_some() { ObjectFormat::Parquet } else { ObjectFormat::Records(compression) };
    Ok(S3Settings {
        bucket: s3.bucket.clone(),
        prefix: prefix(stream, (&s3.prefix, PrefixUse::Delivery), &time_zone)?,
        error_prefix: prefix(stream, (&s3.error_prefix, PrefixUse::Error), &time_zone)?,
        time_zone,
        buffer: buffer(s3.buffer_bytes, s3.buffer_interval),
        compression,
        extension: s3.file_extension.clone().unwrap_or_else(|| format.extension().to_owned()),
        dynamic_partitioning: s3.dynamic_partitioning,
        conversion: s3.conversion.as_ref().map(conversion).transpose()?.map(Arc::new),
        backup: s3.backup.as_ref().map(|settings| backup(stream, settings)).transpose()?,
    })
}

/// A bucket beside the destination. It has no time zone of its own: Firehose's is UTC.
fn backup(stream: &str, backup: &template::S3Backup) -> Result<BackupSettings, SettingsError> {
    Ok(BackupSettings {
        bucket: backup.bucket.clone(),
        prefix: prefix(stream, (&backup.prefix, PrefixUse::Delivery), &TimeZone::UTC)?,
        error_prefix: prefix(stream, (&backup.error_prefix, PrefixUse::Error), &TimeZone::UTC)?,
        time_zone: TimeZone::UTC,
        buffer: buffer(backup.buffer_bytes, backup.buffer_interval),
        compression: compression(backup.compression),
    })
}

fn prefix(
    stream: &str,
    (text, prefix_use): (&str, PrefixUse),
    time_zone: &TimeZone,
) -> Result<Prefix, SettingsError> {
    let prefix = Prefix::parse(text, time_zone.clone(), prefix_use);
    prefix.map_err(|source| SettingsError::Prefix { stream: stream.to_owned(), source })
}

fn endpoint(stream: &DeliveryStream, http: &template::HttpDestination) -> HttpSettings {
    HttpSettings {
        stream_arn: stream.arn.clone(),
        url: http.url.clone(),
        access_key: http.access_key.clone(),
        content_encoding: match http.content_encoding {
            template::ContentEncoding::None => ContentEncoding::None,
            template::ContentEncoding::Gzip => ContentEncoding::Gzip,
        },
        common_attributes: http.common_attributes.clone(),
        buffer_bytes: number(http.buffer_bytes),
        buffer_interval: interval(http.buffer_interval),
        retry: http.retry,
    }
}

fn domain(stream: &DeliveryStream, search: &template::OpenSearchDestination) -> OpenSearchSettings {
    OpenSearchSettings {
        stream_arn: stream.arn.clone(),
        endpoint: search.endpoint.clone(),
        index: search.index.clone(),
        rotation: match search.rotation {
            template::IndexRotation::None => IndexRotation::NoRotation,
            template::IndexRotation::Hour => IndexRotation::OneHour,
            template::IndexRotation::Day => IndexRotation::OneDay,
            template::IndexRotation::Week => IndexRotation::OneWeek,
            template::IndexRotation::Month => IndexRotation::OneMonth,
        },
        document_id: match search.document_id {
            template::DocumentId::FirehoseDefault => DocumentId::FirehoseDefault,
            template::DocumentId::None => DocumentId::None,
        },
        type_name: search.type_name.clone(),
        buffer_bytes: number(search.buffer_bytes),
        buffer_interval: interval(search.buffer_interval),
        retry: search.retry,
    }
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

/// Compression of whole objects.
const fn compression(compression: template::Compression) -> Compression {
    match compression {
        template::Compression::Uncompressed => Compression::Uncompressed,
        template::Compression::Gzip => Compression::Gzip,
        template::Compression::Zip => Compression::Zip,
        template::Compression::Snappy => Compression::Snappy,
        template::Compression::HadoopSnappy => Compression::HadoopSnappy,
    }
}

const fn backup_mode(mode: template::BackupMode) -> BackupMode {
    match mode {
        template::BackupMode::FailedOnly => BackupMode::FailedOnly,
        template::BackupMode::All => BackupMode::All,
    }
}

fn buffer(bytes: u64, duration: std::time::Duration) -> Buffer {
    Buffer { bytes: number(bytes), interval: interval(duration) }
}
