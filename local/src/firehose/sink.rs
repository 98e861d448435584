//! The destination of a delivery stream.

use std::sync::Arc;

use jiff::Timestamp;

use super::objects::{At, Objects, Refusal};
use super::prefix::PartitionKeys;
use super::shelf::ObjectError;
use super::unit::Unit;

/// Where records go.
pub(super) enum Sink {
    /// Objects in a bucket.
    S3(Objects),
}

impl Sink {
    /// Adds a record with the data that is delivered of it and its partition keys; `Ok(Err(..))` when it is not taken.
    pub(super) fn add(
        &mut self,
        unit: &Unit,
        (data, keys): (&[u8], &Arc<PartitionKeys>),
        at: &mut At<'_>,
    ) -> Result<Result<(), Refusal>, ObjectError> {
        match self {
            Self::S3(objects) => objects.add(keys, (data, unit.source.arrival), at),
        }
    }

    /// When something is delivered.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        match self {
            Self::S3(objects) => objects.next_due(),
        }
    }

    /// Bytes held in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        match self {
            Self::S3(objects) => objects.buffered_bytes(),
        }
    }

    /// Delivers what is due.
    pub(super) fn advance(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        match self {
            Self::S3(objects) => objects.write_due(at),
        }
    }

    /// Delivers everything.
    pub(super) fn finish(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        match self {
            Self::S3(objects) => objects.write_all(at),
        }
    }
}
