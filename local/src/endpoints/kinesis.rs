//! The Kinesis endpoint.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::store::{Store, StoreOptions};
use ferrokinesis::types::StreamStatus;
use serde_json::json;
use thiserror::Error;

use super::EndpointError;
use crate::streams::Retention;
use crate::template::{Stream, StreamMode};

/// Most bytes of records that wait to be taken. An invocation publishes a small part of it, and where nobody takes
/// records, as behind `tapeline endpoints`, it ends in a refusal before it ends the machine's memory.
const RETAINED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most open shards, those of the template included: the lowest quota that an account begins with on AWS. Streams that
/// are made or split by request share it.
const SHARDS_MAX: u32 = 200;
/// Most bytes of a request: the 10 MiB of a `PutRecords` take 13.4 MiB as base64, and 500 keys and braces less than the
/// rest. The endpoint itself refuses more than 5 MiB of records, and says so as Kinesis does.
const REQUEST_BYTES_MAX: usize = 14 * 1024 * 1024;
/// How often records are dropped whose retention is over, in seconds.
const RETENTION_CHECK_S: u64 = 60;
/// How often a stream is looked at until it is there. The store makes it in a task of its own, at once.
const LOOKS_MAX: u32 = 1000;

/// The endpoint does not do what it should.
#[derive(Debug, Error)]
pub(crate) enum KinesisError {
    /// A stream is not made.
    #[error("the Kinesis endpoint must make the stream {stream}, it answered {answer}")]
    Create {
        /// Name of the stream.
        stream: String,
        /// Type and text of the refusal.
        answer: String,
    },
    /// A record is not as it was put.
    #[error("the records of the stream {stream} must be base64")]
    Data {
        /// Name of the stream.
        stream: String,
        /// What is wrong with it.
        #[source]
        source: base64::DecodeError,
    },
}

/// A record that a function published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// The key under which it was put.
    pub(crate) partition_key: String,
    /// Its bytes.
    pub(crate) data: Vec<u8>,
}

/// Streams, and the API over them.
#[derive(Clone)]
pub(crate) struct Kinesis {
    router: Router,
    store: Store,
}

impl Kinesis {
    /// Makes these streams.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub(crate) async fn open(streams: &[Stream]) -> Result<Self, EndpointError> {
        let shards: u32 = streams.iter().map(|stream| stream.shard_count).sum();
        let (router, store) = ferrokinesis::create_app(StoreOptions {
            create_stream_ms: 0,
            delete_stream_ms: 0,
            update_stream_ms: 0,
            shard_limit: shards.max(SHARDS_MAX),
            max_retained_bytes: Some(RETAINED_BYTES_MAX),
            retention_check_interval_secs: RETENTION_CHECK_S,
            ..StoreOptions::default()
        });
        for stream in streams {
            create(&store, stream).await?;
        }
        Ok(Self { router: router.layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)), store })
    }

    /// The API, in JSON and CBOR.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// The streams themselves.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// What keeps the streams below what they may take.
    pub(crate) fn retention(&self) -> Retention {
        Retention::new(self.store.clone(), RETAINED_BYTES_MAX)
    }

    /// Takes the records of a stream.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) async fn take_published(&self, stream: &str) -> Result<Vec<Published>, KinesisError> {
        // By shard, then by sequence number.
        let records = self.store.get_record_store(stream).await;
        let keys: Vec<_> = records.keys().cloned().collect();
        self.store.delete_record_keys(stream, &keys).await;
        let published = records.into_values().map(|record| {
            let data = STANDARD.decode(&record.data);
            let data = data.map_err(|source| KinesisError::Data { stream: stream.to_owned(), source })?;
            Ok(Published { partition_key: record.partition_key, data })
        });
        published.collect()
    }
}

/// Gives a stream the mode and the retention that it is declared with.
async fn set_up(store: &Store, stream: &Stream, arn: &str) -> Result<(), KinesisErrorResponse> {
    if stream.mode == StreamMode::OnDemand {
        let request = json!({"StreamARN": arn, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
        dispatch(store, Operation::UpdateStreamMode, request).await?;
    }
    let hours = stream.retention.as_secs() / 3600;
    let request = json!({"StreamName": stream.name, "RetentionPeriodHours": hours});
    dispatch(store, Operation::IncreaseStreamRetentionPeriod, request).await?;
    Ok(())
}

/// Makes a stream and waits until it is there.
async fn create(store: &Store, stream: &Stream) -> Result<(), KinesisError> {
    let refused = |answer: &KinesisErrorResponse| KinesisError::Create {
        stream: stream.name.clone(),
        answer: format!("{}: {}", answer.body.error_type, answer.body.message.as_deref().unwrap_or_default()),
    };
    let request = json!({"StreamName": stream.name, "ShardCount": stream.shard_count});
    dispatch(store, Operation::CreateStream, request).await.map_err(|answer| refused(&answer))?;
    for _ in 0..LOOKS_MAX {
        let found = store.get_stream(&stream.name).await.map_err(|answer| refused(&answer))?;
        if found.stream_status == StreamStatus::Active {
            return set_up(store, stream, &found.stream_arn).await.map_err(|answer| refused(&answer));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(KinesisError::Create { stream: stream.name.clone(), answer: "that it is not ready".to_owned() })
}
