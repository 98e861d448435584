//! The records that one request to an HTTP endpoint carries.

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::firehose::document::Document;
use crate::stream::StreamRecord;

/// Records of a request: the schema's `maxItems`.
pub(super) const RECORDS_MAX: usize = 10_000;
/// Bytes of a body before compression: "up to a maximum of 64 MiB".
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Room for what stands around the records.
const FRAME_BYTES_MAX: usize = 256;
/// What stands around the data of a record.
const ELEMENT_BYTES: usize = r#"{"data":""},"#.len();

/// Records that wait for a request.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The elements of the body's `records`, each with a comma behind it.
    elements: String,
    /// The records as they came from the source, in their order.
    records: Vec<StreamRecord>,
    /// Bytes of their data.
    data_bytes: usize,
    /// When the first of them was buffered.
    since: Timestamp,
}

impl Buffer {
    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the data that is buffered.
    pub(super) const fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// When the first record was buffered.
    pub(super) fn since(&self) -> Option<Timestamp> {
        (!self.is_empty()).then_some(self.since)
    }

    /// Whether a document would make the request too large.
    pub(super) fn is_full_for(&self, document: &Document) -> bool {
        let element_bytes = document.data.len().div_ceil(3) * 4 + ELEMENT_BYTES;
        let body_bytes = self.elements.len() + element_bytes + FRAME_BYTES_MAX;
        !self.is_empty() && (self.records.len() >= RECORDS_MAX || body_bytes > BODY_BYTES_MAX)
    }

    /// Adds a document.
    pub(super) fn push(&mut self, document: Document, now: Timestamp) {
        if self.is_empty() {
            self.since = now;
        }
        self.elements.push_str(r#"{"data":""#);
        STANDARD.encode_string(&document.data, &mut self.elements);
        self.elements.push_str(r#""},"#);
        self.data_bytes += document.data.len();
        self.records.push(document.source);
    }

    /// The body of the request, and the records it carries.
    pub(super) fn request(self, id: &str, now: Timestamp) -> (Vec<u8>, Vec<StreamRecord>) {
        let millis = now.as_millisecond();
        let mut body = format!(r#"{{"requestId":"{id}","timestamp":{millis},"records":["#);
        body.push_str(self.elements.strip_suffix(',').unwrap_or_default());
        body.push_str("]}");
        (body.into_bytes(), self.records)
    }
}

/// The body under `Content-Encoding: gzip`.
pub(super) fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}
