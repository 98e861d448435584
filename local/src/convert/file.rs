//! Writes columns to a Parquet file, in the forms that Hive's writer chooses.
//!
//! Firehose's files have INT96 timestamps, as its users report, and are otherwise undescribed; Hive's writer is the one
//! that makes such files, so its choices (Hive's `HiveSchemaConverter`) are kept: every column is optional, `tinyint` and
//! `smallint` are annotated INT32, `timestamp` is INT96, `date` INT32, `decimal` a byte array of fixed length, a text
//! `BYTE_ARRAY` as UTF-8. Lists and maps take the three-level form of the format's own specification (`list.element`,
//! `key_value.key/value`), which every reader takes, rather than Hive's older names for the same levels.
//!
//! The bytes depend on the rows alone: the writer is named without a version, and nothing in the file is a clock's.

use std::sync::Arc;

use parquet::basic::{ConvertedType, GzipLevel, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type as ParquetType, TypePtr};
use thiserror::Error;

use super::column::{Column, Values, fixed_length, fixed_length_bytes};
use super::schema::{Field, Scalar, Schema, Type};

/// What the file says of its writer.
const CREATED_BY: &str = "tapeline";

/// How the pages of a file are compressed: `ParquetSerDe.Compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compression {
    /// `UNCOMPRESSED`.
    Uncompressed,
    /// `SNAPPY`, Firehose's default.
    #[default]
    Snappy,
    /// `GZIP`.
    Gzip,
}

/// A compression that Firehose does not offer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a Parquet compression of UNCOMPRESSED, SNAPPY or GZIP, was \"{0}\"")]
pub(crate) struct CompressionError(String);

impl std::str::FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "UNCOMPRESSED" => Ok(Self::Uncompressed),
            "SNAPPY" => Ok(Self::Snappy),
            "GZIP" => Ok(Self::Gzip),
            _ => Err(CompressionError(text.to_owned())),
        }
    }
}

impl From<Compression> for parquet::basic::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Uncompressed => Self::UNCOMPRESSED,
            Compression::Snappy => Self::SNAPPY,
            Compression::Gzip => Self::GZIP(GzipLevel::default()),
        }
    }
}

/// A Parquet file being written to memory.
pub(super) struct File(SerializedFileWriter<Vec<u8>>);

impl File {
    /// Starts a file.
    ///
    /// # Errors
    /// When the schema is none Parquet can hold.
    pub(super) fn new(schema: &Schema, compression: Compression) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(compression.into())
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), parquet_schema(schema)?, Arc::new(properties))?;
        Ok(Self(writer))
    }

    /// Writes one row group: the leaf columns in the schema's order, all of the same number of rows.
    ///
    /// # Errors
    /// When a column does not fit the schema.
    pub(super) fn write_row_group(&mut self, columns: &[&Column]) -> Result<(), ParquetError> {
        let mut row_group = self.0.next_row_group()?;
        for column in columns {
            let Some(mut writer) = row_group.next_column()? else {
                return Err(ParquetError::General("the schema has fewer columns than the rows".to_owned()));
            };
            write_column(column, &mut writer)?;
            writer.close()?;
        }
        row_group.close().map(drop)
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes_written()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the footer cannot be written.
    pub(super) fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.0.into_inner()
    }
}

/// Writes a batch of a typed column; the values are a slice of the column's own.
macro_rules! write_slice {
    ($writer:expr, $values:expr, $batch:expr) => {{
        let values = $values.get($batch.values).unwrap_or_default();
        $writer.write_batch(values, Some($batch.definition), $batch.repetition).map(drop)
    }};
}

fn write_column(column: &Column, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
    let writer = writer.untyped();
    column.batches(|batch| match (&column.values, &mut *writer) {
        (Values::Boolean(values), ColumnWriter::BoolColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Int32(values), ColumnWriter::Int32ColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Int64(values), ColumnWriter::Int64ColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Int96(values), ColumnWriter::Int96ColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Float(values), ColumnWriter::FloatColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Double(values), ColumnWriter::DoubleColumnWriter(writer)) => {
            write_slice!(writer, values, batch)
        }
        (Values::Bytes(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
            let values = values.slice(batch.values);
            writer.write_batch(&values, Some(batch.definition), batch.repetition).map(drop)
        }
        (Values::Decimal(values), ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
            let length = usize::try_from(writer.get_descriptor().type_length()).unwrap_or_default();
            let values = fixed_length(values.get(batch.values).unwrap_or_default(), length);
            writer.write_batch(&values, Some(batch.definition), batch.repetition).map(drop)
        }
        _ => Err(ParquetError::General("the rows' columns are of other types than the schema's".to_owned())),
    })
}

fn parquet_schema(schema: &Schema) -> Result<TypePtr, ParquetError> {
    // The name that Hive's writer gives the root.
    let builder = ParquetType::group_type_builder("hive_schema");
    builder.with_fields(parquet_fields(schema.columns())?).build().map(Arc::new)
}

fn parquet_fields(fields: &[Field]) -> Result<Vec<TypePtr>, ParquetError> {
    fields.iter().map(|field| parquet_type(&field.name, &field.kind)).collect()
}

fn parquet_type(name: &str, kind: &Type) -> Result<TypePtr, ParquetError> {
    match kind {
        Type::Scalar(scalar) => scalar_type(name, *scalar),
        Type::Array(element) => {
            let list = repeated_group("list", vec![parquet_type("element", element)?])?;
            optional_group(name, vec![list], Some(LogicalType::List))
        }
        Type::Map(value) => {
            let key = ParquetType::primitive_type_builder("key", Physical::BYTE_ARRAY)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::String))
                .build()?;
            let entries = repeated_group("key_value", vec![Arc::new(key), parquet_type("value", value)?])?;
            optional_group(name, vec![entries], Some(LogicalType::Map))
        }
        Type::Struct(fields) => optional_group(name, parquet_fields(fields)?, None),
    }
}

fn repeated_group(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    let builder = ParquetType::group_type_builder(name).with_repetition(Repetition::REPEATED);
    builder.with_fields(fields).build().map(Arc::new)
}

fn optional_group(
    name: &str,
    fields: Vec<TypePtr>,
    logical: Option<LogicalType>,
) -> Result<TypePtr, ParquetError> {
    let builder = ParquetType::group_type_builder(name).with_repetition(Repetition::OPTIONAL);
    builder.with_fields(fields).with_logical_type(logical).build().map(Arc::new)
}

fn scalar_type(name: &str, scalar: Scalar) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match scalar {
        Scalar::Boolean => (Physical::BOOLEAN, None),
        Scalar::TinyInt => (Physical::INT32, Some(LogicalType::integer(8, true))),
        Scalar::SmallInt => (Physical::INT32, Some(LogicalType::integer(16, true))),
        Scalar::Int => (Physical::INT32, None),
        Scalar::BigInt => (Physical::INT64, None),
        Scalar::Float => (Physical::FLOAT, None),
        Scalar::Double => (Physical::DOUBLE, None),
        Scalar::Decimal { precision, scale } => return decimal_type(name, precision, scale),
        Scalar::String | Scalar::Varchar(_) | Scalar::Char(_) => {
            (Physical::BYTE_ARRAY, Some(LogicalType::String))
        }
        Scalar::Binary => (Physical::BYTE_ARRAY, None),
        Scalar::Date => (Physical::INT32, Some(LogicalType::Date)),
        Scalar::Timestamp => (Physical::INT96, None),
    };
    let builder = ParquetType::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    builder.with_logical_type(logical).build().map(Arc::new)
}

fn decimal_type(name: &str, precision: u8, scale: u8) -> Result<TypePtr, ParquetError> {
    let length = i32::try_from(fixed_length_bytes(precision)).unwrap_or(i32::MAX);
    ParquetType::primitive_type_builder(name, Physical::FIXED_LEN_BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_length(length)
        .with_converted_type(ConvertedType::DECIMAL)
        .with_precision(i32::from(precision))
        .with_scale(i32::from(scale))
        .build()
        .map(Arc::new)
}

#[cfg(test)]
mod tests {
    use parquet::schema::printer::print_schema;

    use super::*;

    #[test]
    fn the_compressions_are_those_of_firehose() {
        assert_eq!("SNAPPY".parse(), Ok(Compression::Snappy));
        assert_eq!("UNCOMPRESSED".parse(), Ok(Compression::Uncompressed));
        assert_eq!("GZIP".parse(), Ok(Compression::Gzip));
        let error = "ZSTD".parse::<Compression>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a Parquet compression of UNCOMPRESSED, SNAPPY or GZIP, was \"ZSTD\""
        );
    }

    #[test]
    fn the_schema_takes_hives_forms() {
        let columns = [
            ("n", "smallint"),
            ("price", "decimal(20,8)"),
            ("day", "date"),
            ("time", "timestamp"),
            ("bids", "array<struct<price:double>>"),
            ("tags", "map<string,bigint>"),
        ];
        let columns = columns.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        let mut printed = Vec::new();
        print_schema(&mut printed, &parquet_schema(&Schema::parse(&columns).unwrap()).unwrap());
        let expected = "\
message hive_schema {
  OPTIONAL INT32 n (INTEGER(16,true));
  OPTIONAL FIXED_LEN_BYTE_ARRAY (9) price (DECIMAL(20,8));
  OPTIONAL INT32 day (DATE);
  OPTIONAL INT96 time;
  OPTIONAL group bids (LIST) {
    REPEATED group list {
      OPTIONAL group element {
        OPTIONAL DOUBLE price;
      }
    }
  }
  OPTIONAL group tags (MAP) {
    REPEATED group key_value {
      REQUIRED BYTE_ARRAY key (STRING);
      OPTIONAL INT64 value;
    }
  }
}
";
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
    }
}
