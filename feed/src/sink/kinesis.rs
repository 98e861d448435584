//! Records into a Kinesis data stream: the only file with types of the AWS SDK.
//!
//! Region and credentials are found where the SDKs look for them (environment, profile, the role of the task or of the
//! machine). The SDK's own attempts are off: whether and when a record goes again, and what must not overtake it, the
//! producer decides.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use aws_smithy_http_client::tls;
use thiserror::Error;

use super::{Entry, EntryError, PutError, SequenceNumber, Stream};

/// The service answers within some ten milliseconds: what takes a hundred times as long has failed.
const CONNECT_MAX: Duration = Duration::from_secs(2);
const CALL_MAX: Duration = Duration::from_secs(5);

/// Nobody says where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected an AWS region: --region, AWS_REGION, a profile or the machine tells none")]
pub struct NoRegionError;

/// A Kinesis data stream.
#[derive(Debug, Clone)]
pub struct KinesisStream {
    client: Client,
    stream: String,
}

impl KinesisStream {
    /// Leads to a stream, which must exist; without region and endpoint they are found where the SDKs look for them.
    ///
    /// # Errors
    /// When no region is found.
    pub async fn open(
        stream: String,
        region: Option<String>,
        endpoint_url: Option<String>,
    ) -> Result<Self, NoRegionError> {
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(provider).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_timeout(CALL_MAX).build(),
            );
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
        let config = Box::pin(loader.load()).await;
        config.region().ok_or(NoRegionError)?;
        Ok(Self { client: Client::new(&config), stream })
    }
}

impl Stream for KinesisStream {
    async fn put(&self, entries: Vec<Entry>) -> Result<Vec<Result<SequenceNumber, EntryError>>, PutError> {
        let entries: Result<Vec<_>, _> = entries.into_iter().map(entry).collect();
        let entries = entries.map_err(|error| PutError(error.into()))?;
        let call = self.client.put_records().stream_name(&self.stream).set_records(Some(entries));
        let answer = Box::pin(call.send()).await.map_err(|error| PutError(error.into()))?;
        Ok(answer.records.into_iter().map(result).collect())
    }
}

fn entry(entry: Entry) -> Result<PutRecordsRequestEntry, aws_sdk_kinesis::error::BuildError> {
    let builder = PutRecordsRequestEntry::builder().partition_key(&*entry.partition_key);
    builder.data(Blob::new(Vec::from(entry.data))).build()
}

fn result(entry: PutRecordsResultEntry) -> Result<SequenceNumber, EntryError> {
    match (entry.error_code, entry.sequence_number) {
        (None, Some(number)) => Ok(SequenceNumber(number)),
        (code, _) => {
            let code = code.unwrap_or_else(|| "no sequence number".to_owned());
            Err(EntryError { code, message: entry.error_message.unwrap_or_default() })
        }
    }
}

#[cfg(test)]
mod tests;
