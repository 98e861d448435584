//! The documents that Firehose keeps of records it could not deliver: one JSON line each, under the error prefix.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::settings::{LambdaSettings, Settings, Table};
use crate::stream::StreamRecord;

/// What failed: the value of `!{firehose:error-output-type}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FailureType {
    /// The transformation.
    Processing,
    /// Finding the record's partition. How the service names this type is documented nowhere.
    Partitioning,
    /// The conversion to Parquet.
    FormatConversion,
    /// The request to an HTTP endpoint.
    HttpEndpoint,
    /// The indexing in OpenSearch.
    OpenSearch,
}

impl FailureType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing-failed",
            Self::Partitioning => "partitioning-failed",
            Self::FormatConversion => "format-conversion-failed",
            Self::HttpEndpoint => "http-endpoint-failed",
            Self::OpenSearch => "AmazonOpenSearchService-failed",
        }
    }
}

/// Why a record is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed.
    pub(crate) what: FailureType,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// The service's name of the error.
    pub(crate) code: String,
    /// Its text.
    pub(crate) message: String,
    /// The request that failed; `None` where a failure needs none.
    pub(crate) request: Option<Request>,
}

/// A request to a destination that is no bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// When it was last tried.
    pub(crate) ended: Timestamp,
    /// What was to be indexed; `None` at an HTTP endpoint.
    pub(crate) index: Option<IndexRequest>,
}

/// What OpenSearch was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexRequest {
    /// The id that the document was to get; `None` when OpenSearch was to choose it.
    pub(crate) document_id: Option<String>,
    /// The index, rotation included.
    pub(crate) index: String,
    /// The type, for domains that still have types.
    pub(crate) type_name: Option<String>,
}

impl Failure {
    /// The document of one record, with a line feed behind it. Data that was transformed is kept as it was before.
    pub(crate) fn document(&self, record: &StreamRecord, now: Timestamp, settings: &Settings) -> Vec<u8> {
        let raw_data = STANDARD.encode(&record.data);
        let document = match self.what {
            FailureType::Processing | FailureType::Partitioning => json!({
                "attemptsMade": self.attempts,
                "arrivalTimestamp": record.arrival.as_millisecond(),
                "errorCode": self.code,
                "errorMessage": self.message,
                "attemptEndingTimestamp": now.as_millisecond(),
                "rawData": raw_data,
                "lambdaArn": settings.lambda.as_ref().map(lambda_arn),
            }),
            FailureType::FormatConversion => json!({
                "attemptsMade": self.attempts,
                "arrivalTimestamp": record.arrival.as_millisecond(),
                "lastErrorCode": self.code,
                "lastErrorMessage": self.message,
                "attemptEndingTimestamp": now.as_millisecond(),
                "rawData": raw_data,
                "sequenceNumber": record.sequence_number,
                "subSequenceNumber": null,
                "dataCatalogTable": settings.conversion.as_ref().map(|conversion| table(&conversion.table, settings)),
            }),
            FailureType::HttpEndpoint => self.http_endpoint(record, &raw_data, now),
            FailureType::OpenSearch => self.open_search(record, &raw_data, now),
        };
        let mut line = document.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    /// The error record of an HTTP endpoint destination, as "Handle data delivery failures" of Firehose's guide shows it.
    fn http_endpoint(&self, record: &StreamRecord, raw_data: &str, now: Timestamp) -> Value {
        json!({
            "attemptsMade": self.attempts,
            "arrivalTimestamp": record.arrival.as_millisecond(),
            "errorCode": self.code,
            "errorMessage": self.message,
            "attemptEndingTimestamp": self.ended(now).as_millisecond(),
            "rawData": raw_data,
            "subsequenceNumber": 0,
            "dataId": format!("{}.0", record.sequence_number),
        })
    }

    /// A skipped document, as the same page lists its fields.
    fn open_search(&self, record: &StreamRecord, raw_data: &str, now: Timestamp) -> Value {
        let index = self.request.as_ref().and_then(|request| request.index.as_ref());
        json!({
            "attemptsMade": self.attempts,
            "arrivalTimestamp": record.arrival.as_millisecond(),
            "errorCode": self.code,
            "errorMessage": self.message,
            "attemptEndingTimestamp": self.ended(now).as_millisecond(),
            "esDocumentId": index.and_then(|index| index.document_id.as_deref()),
            "esIndexName": index.map(|index| &index.index),
            "esTypeName": index.and_then(|index| index.type_name.as_deref()),
            "rawData": raw_data,
        })
    }

    /// Tries that wait take time in which the delivery stream's own clock stands still.
    fn ended(&self, now: Timestamp) -> Timestamp {
        self.request.as_ref().map_or(now, |request| request.ended)
    }
}

fn lambda_arn(lambda: &LambdaSettings) -> &str {
    &lambda.function_arn
}

fn table(table: &Table, settings: &Settings) -> Value {
    json!({
        "catalogId": null,
        "databaseName": table.database,
        "tableName": table.name,
        "region": settings.region,
        "versionId": "LATEST",
        "catalogArn": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firehose::loopback::{at, document};

    fn failure(what: FailureType, request: Request) -> Failure {
        let (code, message) = ("429".to_owned(), "later".to_owned());
        Failure { what, attempts: 5, code, message, request: Some(request) }
    }

    #[test]
    fn a_record_that_an_endpoint_refused_is_kept_with_its_data_id() {
        let failure = failure(FailureType::HttpEndpoint, Request { ended: at(10), index: None });
        // The fields of the guide's example.
        let expected = json!({
            "attemptsMade": 5,
            "arrivalTimestamp": at(0).as_millisecond(),
            "errorCode": "429",
            "errorMessage": "later",
            "attemptEndingTimestamp": at(10).as_millisecond(),
            "rawData": "c2FtcGxlIHJhdyBkYXRh",
            "subsequenceNumber": 0,
            "dataId": "49607357361271740811418664280693044274821622880012337186.0",
        });
        assert_eq!(failure.http_endpoint(&document("").source, "c2FtcGxlIHJhdyBkYXRh", at(0)), expected);
    }

    #[test]
    fn a_document_that_was_skipped_is_kept_with_its_index() {
        let index = IndexRequest {
            document_id: Some("1".to_owned()),
            index: "myindex-2016-02-25".to_owned(),
            type_name: None,
        };
        let failure = failure(FailureType::OpenSearch, Request { ended: at(10), index: Some(index) });
        let document = failure.open_search(&document("").source, "e30=", at(0));
        // The fields of the guide's list.
        let expected = json!({
            "attemptsMade": 5,
            "arrivalTimestamp": at(0).as_millisecond(),
            "errorCode": "429",
            "errorMessage": "later",
            "attemptEndingTimestamp": at(10).as_millisecond(),
            "esDocumentId": "1",
            "esIndexName": "myindex-2016-02-25",
            "esTypeName": null,
            "rawData": "e30=",
        });
        assert_eq!(document, expected);
    }
}
