//! Log events as CloudWatch Logs sends them: the processors `Decompression` and `CloudWatchLogProcessing`.
//!
//! A subscription's record is one JSON document, compressed with gzip. What the guide leaves open: messages that are extracted
//! have a line feed behind each, as its sample shows them one on a line, and stay one record. A message that controls the
//! subscription has no log events; with extraction nothing is left of it.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use thiserror::Error;

/// The most bytes that a record is decompressed to: a record has at most 1,000 KiB, and logs compress some tenfold.
const DECOMPRESSED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is made of a compressed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decompression {
    /// The document.
    Document,
    /// The messages of its log events: `DataMessageExtraction`.
    Messages,
}

/// A record is no compressed log events.
#[derive(Debug, Error)]
pub(crate) enum DecompressionError {
    /// It does not decompress.
    #[error("expected a record compressed with gzip")]
    Gzip(#[source] io::Error),
    /// It decompresses to too much.
    #[error("expected at most {DECOMPRESSED_BYTES_MAX} bytes after decompression")]
    TooLarge,
    /// It is no document of CloudWatch Logs.
    #[error("expected a document of CloudWatch Logs with `logEvents`")]
    NoLogEvents(#[source] serde_json::Error),
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "logEvents")]
    log_events: Vec<LogEvent>,
    #[serde(rename = "messageType", default)]
    message_type: String,
}

#[derive(Deserialize)]
struct LogEvent {
    message: String,
}

impl Decompression {
    /// Decompresses a record; `None` when nothing is left of it.
    ///
    /// # Errors
    /// When it is not what CloudWatch Logs sends.
    pub(crate) fn decompress(self, data: &[u8]) -> Result<Option<Vec<u8>>, DecompressionError> {
        let mut document = Vec::new();
        // One byte more than allowed, so that the limit is noticed.
        let mut decoder = MultiGzDecoder::new(data).take(DECOMPRESSED_BYTES_MAX as u64 + 1);
        decoder.read_to_end(&mut document).map_err(DecompressionError::Gzip)?;
        if document.len() > DECOMPRESSED_BYTES_MAX {
            return Err(DecompressionError::TooLarge);
        }
        match self {
            Self::Document => Ok(Some(document)),
            Self::Messages => messages(&document),
        }
    }
}

fn messages(document: &[u8]) -> Result<Option<Vec<u8>>, DecompressionError> {
    let document: Document = serde_json::from_slice(document).map_err(DecompressionError::NoLogEvents)?;
    if document.message_type == "CONTROL_MESSAGE" {
        return Ok(None);
    }
    let mut out = Vec::new();
    for event in document.log_events {
        out.extend_from_slice(event.message.as_bytes());
        out.push(b'\n');
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The sample of "Subscription filters with Amazon Data Firehose" in the guide of CloudWatch Logs, shortened.
    const DOCUMENT: &str = r#"{"owner":"111111111111","logGroup":"CloudTrail/logs","logStream":"111111111111_CloudTrail_us-east-1",
        "subscriptionFilters":["Destination"],"messageType":"DATA_MESSAGE","logEvents":[
        {"id":"31953106606966983378809025079804211143289615424298221568","timestamp":1432826855000,"message":"{\"eventVersion\":\"1.03\"}"},
        {"id":"31953106606966983378809025079804211143289615424298221569","timestamp":1432826855000,"message":"two"}]}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn refused(data: &[u8], says: &str) {
        let error = Decompression::Messages.decompress(data).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }

    #[test]
    fn the_document_is_decompressed() {
        let found = Decompression::Document.decompress(&gzip(DOCUMENT.as_bytes())).unwrap();
        assert_eq!(found.unwrap(), DOCUMENT.as_bytes());
    }

    #[test]
    fn messages_are_extracted() {
        let found = Decompression::Messages.decompress(&gzip(DOCUMENT.as_bytes())).unwrap();
        assert_eq!(found.unwrap(), b"{\"eventVersion\":\"1.03\"}\ntwo\n");
    }

    #[test]
    fn a_control_message_has_no_messages() {
        let control = br#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
        assert!(Decompression::Messages.decompress(&gzip(control)).unwrap().is_none());
    }

    #[test]
    fn what_is_no_compressed_document_is_refused() {
        refused(b"{}", "compressed with gzip");
        refused(&gzip(b"{}"), "`logEvents`");
        refused(&gzip(&vec![b' '; DECOMPRESSED_BYTES_MAX + 1]), "at most");
    }
}
