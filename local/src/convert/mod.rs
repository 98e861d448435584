//! Converts JSON records to Parquet through the columns of a Glue table, as Data Firehose does it.
//!
//! This is Firehose's record format conversion (`DataFormatConversionConfiguration`): `OpenXJsonSerDe` reads the
//! documents of a record ([`mod@openx`]), the table's columns say what becomes of them ([`schema`]), and `ParquetSerDe`
//! writes the file ([`mod@file`]). Values are kept as typed columns from the moment they are read ([`mod@column`], [`shred`]);
//! an attribute that a row does not have costs that row nothing.

mod column;
mod file;
mod number;
mod openx;
mod scalar;
mod schema;
mod shred;
mod time;

use parquet::errors::ParquetError;
use thiserror::Error;

pub(crate) use file::Compression;
pub(crate) use openx::{ConversionError, OpenX, SharedKeyError};
pub(crate) use schema::{Schema, SchemaError};

use file::File;
use openx::Rows;

/// How much memory the rows of a row group take before it is written: Parquet's customary size of one.
const ROW_GROUP_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The most rows in a row group; bounds rows without a single column of the table, which take no memory.
const ROW_GROUP_ROWS_MAX: u32 = 1024 * 1024;

/// A table cannot be converted to.
#[derive(Debug, Error)]
pub(crate) enum ConverterError {
    /// Two columns would read the same JSON key.
    #[error(transparent)]
    SharedKey(#[from] SharedKeyError),
    /// Parquet does not take the table's columns.
    #[error("expected columns that Parquet can hold")]
    Parquet(#[source] ParquetError),
}

/// The file cannot be finished.
#[derive(Debug, Error)]
#[error("expected to finish a Parquet file")]
pub(crate) struct FinishError(#[source] ParquetError);

/// Gathers the records of one Parquet file.
pub(crate) struct Converter {
    rows: Rows,
    file: File,
    rows_written: u64,
    row_group_bytes_max: usize,
    /// What went wrong with a row group; said when the file is finished, because no record is to blame.
    failure: Option<ParquetError>,
}

impl Converter {
    /// Starts an empty file.
    ///
    /// # Errors
    /// When two columns read the same JSON key, or Parquet does not take the columns.
    pub(crate) fn new(
        schema: &Schema,
        settings: &OpenX,
        compression: Compression,
    ) -> Result<Self, ConverterError> {
        Ok(Self {
            rows: Rows::new(schema, settings)?,
            file: File::new(schema, compression).map_err(ConverterError::Parquet)?,
            rows_written: 0,
            row_group_bytes_max: ROW_GROUP_BYTES_MAX,
            failure: None,
        })
    }

    /// Adds the data of one record: one JSON document or several, one behind another. Hands back how many rows they
    /// are. On an error none of them is added, and the converter goes on with the next record.
    ///
    /// # Errors
    /// When the data is no JSON, or a document does not fit the table.
    pub(crate) fn push(&mut self, record: &[u8]) -> Result<usize, ConversionError> {
        let count = self.rows.push(record)?;
        if self.rows.bytes() >= self.row_group_bytes_max || self.rows.count() >= ROW_GROUP_ROWS_MAX {
            self.write_row_group();
        }
        Ok(count)
    }

    /// Rows added so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows_written + u64::from(self.rows.count())
    }

    /// Memory taken by the rows that are not yet in a row group.
    pub(crate) const fn rows_bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// Memory taken by the rows: those not yet in a row group, and the file's row groups.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.rows.bytes() + self.file.bytes()
    }

    /// Ends the file and hands over its bytes.
    ///
    /// # Errors
    /// When a row group or the footer could not be written.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, FinishError> {
        if self.rows.count() > 0 {
            self.write_row_group();
        }
        match self.failure {
            Some(failure) => Err(FinishError(failure)),
            None => self.file.finish().map_err(FinishError),
        }
    }

    /// Ends the row group, before it has its size: whoever keeps many files bounds the memory of all.
    pub(crate) fn write_row_group(&mut self) {
        let written = self.file.write_row_group(&self.rows.filled_columns());
        self.failure = self.failure.take().or(written.err());
        self.rows_written += u64::from(self.rows.count());
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests;
