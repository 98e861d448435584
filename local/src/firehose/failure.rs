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
}

impl FailureType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing-failed",
            Self::Partitioning => "partitioning-failed",
            Self::FormatConversion => "format-conversion-failed",
        }
    }
}

/// Why a record is not delivered.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What failed.
    pub(crate) what: FailureType,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// The service's name of the error.
    pub(crate) code: String,
    /// Its text.
    pub(crate) message: String,
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
        };
        let mut line = document.to_string().into_bytes();
        line.push(b'\n');
        line
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
