//! What becomes of a record before it is transformed: one unit, or several.
//!
//! The order is that of the service. Records that the Kinesis Producer Library has aggregated come apart first of all
//! ([`kpl`]), then the processors have their turn: [`Decompression`], then [`SubRecords`] (`RecordDeAggregation`).

mod decompression;
mod kpl;
mod sub_records;

pub(crate) use decompression::{Decompression, DecompressionError};
pub(crate) use kpl::sub_records as kpl_sub_records;
pub(crate) use sub_records::{Cut, SubRecords};
