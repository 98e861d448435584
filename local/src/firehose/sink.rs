//! The destination of a delivery stream.

use std::sync::Arc;

use jiff::Timestamp;

use super::document::Document;
use super::failure::Failure;
use super::http_endpoint::HttpEndpoint;
use super::objects::{At, Objects, Refusal};
use super::open_search::OpenSearch;
use super::prefix::PartitionKeys;
use super::shelf::ObjectError;
use super::unit::Unit;
use crate::stream::StreamRecord;

/// Where records go.
pub(super) enum Sink {
    /// Objects in a bucket.
    S3(Box<Objects>),
    /// An HTTP endpoint.
    Http(Box<HttpEndpoint>),
    /// An OpenSearch domain.
    OpenSearch(Box<OpenSearch>),
}

impl Sink {
    /// Adds a record with the data that is delivered of it and its partition keys; `Ok(Err(..))` when it is not taken.
    pub(super) async fn add(
        &mut self,
        unit: &Unit,
        (data, keys): (&[u8], &Arc<PartitionKeys>),
        at: &mut At<'_>,
    ) -> Result<Result<(), Refusal>, ObjectError> {
        let document = || Document { data: data.to_vec(), source: unit.source.as_ref().clone() };
        match self {
            Self::S3(objects) => return objects.add(keys, (data, unit.source.arrival), at),
            Self::Http(endpoint) => endpoint.add(document(), at.now).await,
            Self::OpenSearch(domain) => domain.add(document(), at.now).await,
        }
        Ok(Ok(()))
    }

    /// When something is delivered.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        match self {
            Self::S3(objects) => objects.next_due(),
            Self::Http(endpoint) => endpoint.next_due(),
            Self::OpenSearch(domain) => domain.next_due(),
        }
    }

    /// Bytes held in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        match self {
            Self::S3(objects) => objects.buffered_bytes(),
            Self::Http(endpoint) => endpoint.buffered_bytes(),
            Self::OpenSearch(domain) => domain.buffered_bytes(),
        }
    }

    /// Delivers what is due.
    pub(super) async fn advance(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        match self {
            Self::S3(objects) => return objects.write_due(at),
            Self::Http(endpoint) => endpoint.advance(at.now).await,
            Self::OpenSearch(domain) => domain.advance(at.now).await,
        }
        Ok(())
    }

    /// Delivers everything.
    pub(super) async fn finish(&mut self, at: &mut At<'_>) -> Result<(), ObjectError> {
        match self {
            Self::S3(objects) => return objects.write_all(at),
            Self::Http(endpoint) => endpoint.finish(at.now).await,
            Self::OpenSearch(domain) => domain.finish(at.now).await,
        }
        Ok(())
    }

    /// The records that could not be delivered since this was last asked. Those of a bucket are told at once.
    pub(super) fn take_failed(&mut self) -> Vec<(StreamRecord, Failure)> {
        match self {
            Self::S3(_) => Vec::new(),
            Self::Http(endpoint) => endpoint.take_failed(),
            Self::OpenSearch(domain) => domain.take_failed(),
        }
    }
}
