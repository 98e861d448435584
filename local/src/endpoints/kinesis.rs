//! The Kinesis endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::store::{Store, StoreOptions};
use ferrokinesis::types::StreamStatus;
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::template::Stream;

/// Most bytes of records that wait to be taken. An invocation publishes a small part of it, and where nobody takes
/// records, as behind `tapeline endpoints`, it ends in a refusal before it ends the machine's memory.
const RETAINED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How often a stream is looked at until it is there. The store makes it in a task of its own, at once.
const LOOKS_MAX: u32 = 1000;

/// The endpoint does not do what it should.
#[derive(Debug, Error)]
pub(crate) enum KinesisError {
    /// It does not listen.
    #[error("the Kinesis endpoint must have an address")]
    Address(#[source] std::io::Error),
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

/// The open endpoint. Dropping it closes it.
pub(super) struct Kinesis {
    address: SocketAddr,
    store: Store,
    server: JoinHandle<()>,
}

impl Kinesis {
    /// Serves these streams.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub(super) async fn open(listener: TcpListener, streams: &[Stream]) -> Result<Self, KinesisError> {
        let address = listener.local_addr().map_err(KinesisError::Address)?;
        let (app, store) = ferrokinesis::create_app(StoreOptions {
            create_stream_ms: 0,
            shard_limit: streams.iter().map(|stream| stream.shard_count).sum(),
            max_retained_bytes: Some(RETAINED_BYTES_MAX),
            ..StoreOptions::default()
        });
        for stream in streams {
            create(&store, stream).await?;
        }
        let server = tokio::spawn(async move {
            // It goes on after errors of single connections, and ends with this process.
            let _ = ferrokinesis::serve_plain_http(listener, app, std::future::pending()).await;
        });
        Ok(Self { address, store, server })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
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

impl Drop for Kinesis {
    fn drop(&mut self) {
        self.server.abort();
    }
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
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(KinesisError::Create { stream: stream.name.clone(), answer: "that it is not ready".to_owned() })
}
