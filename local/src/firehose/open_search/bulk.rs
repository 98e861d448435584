//! The bulk requests of OpenSearch: one line of action and one line of document each, in their order.
//!
//! Firehose's guide: a record is "UTF-8 encoded and flattened to a single-line JSON object". OpenSearch's documentation
//! of the bulk API: every line ends with a line feed, the last one too.

use serde::de::IgnoredAny;
use serde_json::json;

use crate::firehose::failure::IndexRequest;
use crate::stream::StreamRecord;

/// A document that waits to be indexed.
#[derive(Debug)]
pub(super) struct Pending {
    /// The record, with the document as its data.
    pub(super) record: StreamRecord,
    /// Where it goes.
    pub(super) request: IndexRequest,
    /// The line of action, with its line feed.
    action: String,
}

impl Pending {
    /// Takes a record whose data is a document, as [`is_document`] says.
    pub(super) fn new(record: StreamRecord, request: IndexRequest) -> Self {
        let mut index = serde_json::Map::new();
        index.insert("_index".to_owned(), json!(request.index));
        if let Some(type_name) = &request.type_name {
            index.insert("_type".to_owned(), json!(type_name));
        }
        if let Some(id) = &request.document_id {
            index.insert("_id".to_owned(), json!(id));
        }
        let action = format!("{}\n", json!({ "index": index }));
        Self { record, request, action }
    }

    /// What it adds to a request.
    pub(super) fn bytes(&self) -> usize {
        self.action.len() + self.record.data.trim_ascii().len() + 1
    }

    /// Adds its lines to the body of a request.
    pub(super) fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(self.action.as_bytes());
        // The line feed that a function puts behind a document is not one more line.
        body.extend_from_slice(self.record.data.trim_ascii());
        body.push(b'\n');
    }
}

/// Whether data is one JSON object on one line.
pub(super) fn is_document(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    let is_line = !data.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    let text = std::str::from_utf8(data).unwrap_or_default();
    is_line && text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn check(data: &[u8], expected: bool) {
        assert_eq!(is_document(data), expected, "{}", String::from_utf8_lossy(data));
    }

    #[test]
    fn a_document_is_one_object_on_one_line() {
        check(br#"{"a":1}"#, true);
        check(b" {\"a\":1}\r\n", true);
        check(b"{\n\"a\":1}", false);
        check(b"{\"a\":1}\n{\"a\":2}", false);
        check(br#"{"a":1}{"a":2}"#, false);
        check(b"[1]", false);
        check(b"{", false);
        check(b"", false);
        check(b"{\"a\":\"\xff\"}", false);
    }

    #[test]
    fn nesting_without_end_is_no_document() {
        check(&b"{\"a\":".repeat(100_000), false);
    }

    fn check_lines(document_id: Option<&str>, type_name: Option<&str>, expected: &str) {
        let request = IndexRequest {
            document_id: document_id.map(str::to_owned),
            index: "trades-2026-11-21".to_owned(),
            type_name: type_name.map(str::to_owned),
        };
        let record = StreamRecord {
            arrival: Timestamp::UNIX_EPOCH,
            shard_id: String::new(),
            sequence_number: String::new(),
            partition_key: String::new(),
            data: b"{\"price\":1.50}\n".to_vec(),
        };
        let pending = Pending::new(record, request);
        let mut body = Vec::new();
        pending.write(&mut body);
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert_eq!(pending.bytes(), expected.len());
    }

    #[test]
    fn an_action_names_index_type_and_id() {
        check_lines(None, None, "{\"index\":{\"_index\":\"trades-2026-11-21\"}}\n{\"price\":1.50}\n");
        check_lines(
            Some("1"),
            Some("_doc"),
            "{\"index\":{\"_index\":\"trades-2026-11-21\",\"_type\":\"_doc\",\"_id\":\"1\"}}\n{\"price\":1.50}\n",
        );
    }
}
