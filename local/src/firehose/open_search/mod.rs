//! Delivers records to OpenSearch.
//!
//! Implements what Firehose's guide says of the destination ("Understand data delivery", "Handle data delivery
//! failures", "Configure index rotation for OpenSearch Service"): one record is one document, buffered records are one
//! bulk request, what OpenSearch rejects for now is sent again, alone, until the retry duration is over, and skipped
//! documents are handed back. One request is under way at a time. A document keeps its place inside of a request; one
//! that is sent again comes behind those that were accepted.

mod answer;
mod bulk;
mod rotation;

use std::mem;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use uuid::Uuid;

use self::answer::{BODY_BYTES_MAX, BulkError, Rejection};
use self::bulk::{Pending, is_document};
pub(crate) use self::rotation::IndexRotation;
use super::document::Document;
use super::failure::{Failure, FailureType, IndexRequest, Request};
use super::post::{Destination, DestinationError};
use super::tries::Tries;
use crate::stream::StreamRecord;

/// Documents of a request. Firehose is told bytes only; this bounds what is kept beside the bytes of each.
const DOCUMENTS_MAX: usize = 10_000;

/// The settings of an OpenSearch destination.
#[derive(Debug, Clone)]
pub(crate) struct OpenSearchSettings {
    /// ARN of the delivery stream: documents' ids follow from it.
    pub(crate) stream_arn: String,
    /// The domain's address, without a path.
    pub(crate) endpoint: String,
    /// Name of the index, rotation not included.
    pub(crate) index: String,
    /// How often a new index is begun.
    pub(crate) rotation: IndexRotation,
    /// Who names documents.
    pub(crate) document_id: DocumentId,
    /// The type, for domains that still have types.
    pub(crate) type_name: Option<String>,
    /// Bytes of a bulk request.
    pub(crate) buffer_bytes: usize,
    /// Time after which a request is made.
    pub(crate) buffer_interval: SignedDuration,
    /// How long documents are tried, the first try included.
    pub(crate) retry: Duration,
}

/// Who names documents: `DefaultDocumentIdFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentId {
    /// Firehose: a document that is sent again replaces itself.
    FirehoseDefault,
    /// OpenSearch: a document that is sent again may be there twice.
    None,
}

/// An OpenSearch domain with the records on their way to it.
#[derive(Debug)]
pub(crate) struct OpenSearch {
    settings: OpenSearchSettings,
    destination: Destination,
    pending: Vec<Pending>,
    /// Bytes of the request that they make.
    pending_bytes: usize,
    /// When the first of them was buffered.
    since: Timestamp,
    /// Documents and requests so far: their running number.
    number: u64,
    failed: Vec<(StreamRecord, Failure)>,
}

impl OpenSearch {
    /// Sets a destination up.
    ///
    /// # Errors
    /// When nothing can be posted to the address.
    pub(crate) fn new(settings: OpenSearchSettings) -> Result<Self, DestinationError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let url = format!("{}/_bulk", settings.endpoint.trim_end_matches('/'));
        Ok(Self {
            destination: Destination::new(&url, headers)?,
            settings,
            pending: Vec::new(),
            pending_bytes: 0,
            since: Timestamp::UNIX_EPOCH,
            number: 0,
            failed: Vec::new(),
        })
    }

    /// Takes a record, and delivers what is buffered when that has become enough for a request.
    pub(crate) async fn add(&mut self, document: Document, now: Timestamp) {
        let Some(pending) = self.pending(document, now) else { return };
        let bytes_max = self.settings.buffer_bytes;
        if !self.pending.is_empty() && self.pending_bytes + pending.bytes() > bytes_max {
            self.deliver(now).await;
        }
        if self.pending.is_empty() {
            self.since = now;
        }
        self.pending_bytes += pending.bytes();
        self.pending.push(pending);
        if self.pending_bytes >= bytes_max || self.pending.len() >= DOCUMENTS_MAX {
            self.deliver(now).await;
        }
    }

    /// When what is buffered is to be delivered.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let since = (!self.pending.is_empty()).then_some(self.since)?;
        since.checked_add(self.settings.buffer_interval).ok()
    }

    /// Delivers what is due by now.
    pub(crate) async fn advance(&mut self, now: Timestamp) {
        if self.next_due().is_some_and(|due| due <= now) {
            self.deliver(now).await;
        }
    }

    /// Delivers what is buffered.
    pub(crate) async fn finish(&mut self, now: Timestamp) {
        if !self.pending.is_empty() {
            self.deliver(now).await;
        }
    }

    /// The documents that could not be delivered since this was last asked, each as the data of its record: at most those
    /// of two requests, if it is asked whenever something was added or done.
    pub(crate) fn take_failed(&mut self) -> Vec<(StreamRecord, Failure)> {
        mem::take(&mut self.failed)
    }

    /// Bytes of the request that waits.
    pub(crate) const fn buffered_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// A document as it waits for its request; `None` when it is none, and has failed.
    fn pending(&mut self, document: Document, now: Timestamp) -> Option<Pending> {
        let id = self.next_id(document.source.arrival).to_string();
        let request = IndexRequest {
            document_id: (self.settings.document_id == DocumentId::FirehoseDefault).then_some(id),
            index: self.settings.rotation.index(&self.settings.index, document.source.arrival),
            type_name: self.settings.type_name.clone(),
        };
        // What is to be filled in later is the document, and not what a function made it of.
        let record = StreamRecord { data: document.data, ..document.source };
        if is_document(&record.data) {
            return Some(Pending::new(record, request));
        }
        let failure = Failure {
            what: FailureType::OpenSearch,
            attempts: 0,
            code: "OS.MalformedData".to_owned(),
            message: "expected a record that is one JSON object on one line".to_owned(),
            request: Some(Request { ended: now, index: Some(request) }),
        };
        self.failed.push((record, failure));
        None
    }

    /// The id of a document or a request: another one in every run, unless the same records arrive at the same times.
    fn next_id(&mut self, at: Timestamp) -> Uuid {
        self.number += 1;
        let name = format!("{}\n{at}\n{}", self.settings.stream_arn, self.number);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }

    /// Has the buffered documents indexed. Those that are rejected for now are tried until the retry duration is over.
    async fn deliver(&mut self, now: Timestamp) {
        let mut pending = mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let mut tries = Tries::new(self.next_id(now));
        loop {
            tries.made += 1;
            let rejections = self.attempt(&pending, &mut tries).await;
            let rejected = pending.into_iter().zip(rejections);
            let rejected: Vec<_> =
                rejected.filter_map(|(pending, rejection)| Some((pending, rejection?))).collect();
            let (later, never): (Vec<_>, Vec<_>) =
                rejected.into_iter().partition(|(_, rejection)| rejection.is_retryable);
            self.skip(never, &tries, now);
            let left = self.settings.retry.saturating_sub(tries.spent());
            if later.is_empty() || !tries.wait(left).await {
                return self.skip(later, &tries, now);
            }
            pending = later.into_iter().map(|(pending, _)| pending).collect();
        }
    }

    /// Sends documents once. What comes back tells of each of them.
    async fn attempt(&self, pending: &[Pending], tries: &mut Tries) -> Vec<Option<Rejection>> {
        self.indexed(pending).await.unwrap_or_else(|error| {
            tries.timed_out += error.timed_out();
            vec![Some(error.rejection()); pending.len()]
        })
    }

    async fn indexed(&self, pending: &[Pending]) -> Result<Vec<Option<Rejection>>, BulkError> {
        let mut body = Vec::with_capacity(pending.iter().map(Pending::bytes).sum());
        for pending in pending {
            pending.write(&mut body);
        }
        let answer = self.destination.post(HeaderMap::new(), body.into(), BODY_BYTES_MAX).await?;
        answer::read(&answer, pending.len())
    }

    /// Gives documents up.
    fn skip(&mut self, rejected: Vec<(Pending, Rejection)>, tries: &Tries, now: Timestamp) {
        let ended = tries.ended(now);
        self.failed.extend(rejected.into_iter().map(|(pending, rejection)| {
            let failure = Failure {
                what: FailureType::OpenSearch,
                attempts: tries.made,
                code: rejection.code,
                message: rejection.message,
                request: Some(Request { ended, index: Some(pending.request) }),
            };
            (pending.record, failure)
        }));
    }
}

#[cfg(test)]
mod tests;
