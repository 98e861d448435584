//! The delivery streams of a live run, by name: those of the template, and those that clients make through the API.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tapeline_telemetry::chain;
use thiserror::Error;
use tokio::sync::{broadcast, mpsc};

use super::data::Data;
use super::functions::{Functions, Processor};
use super::live_delivery::{LiveDelivery, Refusal, Source};
use super::plan::DeliveryPlan;
use super::settings;
use super::status::DeliveryStatus;
use super::streams::{Reader, Streams};
use crate::arn;
use crate::firehose::DestinationError;
use crate::firehose_api::{ApiError, DeliveryStreams, Description, DestinationType, StreamType};
use crate::stream::StreamRecord;
use crate::streams::{Position, ShardConsumer};
use crate::template::{self, DeliveryStream, Destination, Stack};

/// How often Firehose looks for records in a shard that had nothing new.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Records that a reader hands over at once.
const FORWARDED_MAX: usize = 64;

/// Nothing can be sent to the destination of a delivery stream.
#[derive(Debug, Error)]
#[error("the delivery stream {stream} must have a destination that can be sent to")]
pub(crate) struct StartError {
    /// Name of the delivery stream.
    stream: String,
    /// What is wrong with it.
    #[source]
    source: DestinationError,
}

/// Delivery streams by name. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Deliveries(Arc<Shared>);

struct Shared {
    stack: Stack,
    functions: Functions,
    data: Data,
    streams: Streams,
    running: Mutex<BTreeMap<String, Running>>,
    /// Records put so far: what their ids are made of.
    records: AtomicU64,
}

/// A delivery stream under way.
struct Running {
    stream: DeliveryStream,
    version: u64,
    created: SystemTime,
    updated: Option<SystemTime>,
    delivery: Arc<LiveDelivery>,
    /// Reads the stream in front of it, if it has one; ends with this.
    reader: Option<Reader>,
}

impl Deliveries {
    /// Nothing runs yet.
    pub(crate) fn new(stack: Stack, functions: Functions, data: Data, streams: Streams) -> Self {
        let (running, records) = Default::default();
        Self(Arc::new(Shared { stack, functions, data, streams, running, records }))
    }

    /// Starts a delivery stream. One with a stream in front of it reads that from a position on.
    ///
    /// # Errors
    /// When nothing can be sent to its destination.
    pub(crate) fn start(&self, plan: DeliveryPlan<'_>, from: Position) -> Result<(), StartError> {
        let name = plan.stream.name.clone();
        let running = self.0.begin(plan, from)?;
        self.0.running().insert(name, running);
        Ok(())
    }

    /// What each has done so far.
    pub(crate) fn status(&self) -> BTreeMap<String, DeliveryStatus> {
        let running = self.0.running();
        running.iter().map(|(name, running)| (name.clone(), running.delivery.status())).collect()
    }

    /// What a delivery stream delivers from now on; `None` when there is none of that name.
    pub(crate) fn watch(&self, name: &str) -> Option<broadcast::Receiver<Bytes>> {
        self.0.running().get(name).map(|running| running.delivery.watch())
    }

    /// Delivers everything that is buffered, and ends all of them.
    pub(crate) async fn finish(&self) {
        let running = std::mem::take(&mut *self.0.running());
        for (_, Running { delivery, reader, .. }) in running {
            if let Some(mut reader) = reader {
                reader.stop().await;
            }
            delivery.finish().await;
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery stream that begins now.
    fn begin(&self, plan: DeliveryPlan<'_>, from: Position) -> Result<Running, StartError> {
        let DeliveryPlan { stream, source, function, settings } = plan;
        let processor = Processor(function.and_then(|function| self.functions.get(&function.logical_id)));
        let delivery = LiveDelivery::start(settings, processor, self.data.buckets().to_owned())
            .map_err(|source| StartError { stream: stream.name.clone(), source })?;
        let delivery = Arc::new(delivery);
        let reader = source
            .map(|arn| self.streams.read(arn::name(arn), (from, POLL_INTERVAL), Forward(delivery.source())));
        let (stream, created) = (stream.clone(), SystemTime::now());
        Ok(Running { stream, version: 1, created, updated: None, delivery, reader })
    }

    /// What a request asks for.
    fn requested(&self, request: &Value) -> Result<DeliveryStream, ApiError> {
        let name = request.get("DeliveryStreamName").and_then(Value::as_str).unwrap_or_default();
        template::delivery_stream_of_request(name, request, &self.stack)
            .map_err(|error| ApiError::InvalidArgument(chain(&error)))
    }

    /// A record that a producer puts. Nothing numbers such records on AWS but the service itself.
    fn record(&self, data: &Bytes) -> StreamRecord {
        let number = self.records.fetch_add(1, Ordering::Relaxed) + 1;
        StreamRecord {
            arrival: Timestamp::now(),
            shard_id: String::new(),
            sequence_number: format!("49{number:054}"),
            partition_key: String::new(),
            data: data.to_vec(),
        }
    }
}

impl DeliveryStreams for Deliveries {
    async fn create(&self, request: &Value) -> Result<String, ApiError> {
        let stream = self.0.requested(request)?;
        let (name, arn) = (stream.name.clone(), stream.arn.clone());
        let mut running = self.0.running();
        if running.contains_key(&name) {
            return Err(ApiError::InUse { name });
        }
        let plan = DeliveryPlan::of(&self.0.stack, &stream).map_err(|error| refused(&error))?;
        // As Firehose does: what is in the stream already is not delivered.
        let begun = self.0.begin(plan, Position::Latest).map_err(|error| refused(&error))?;
        running.insert(name, begun);
        Ok(arn)
    }

    async fn update(&self, request: &Value) -> Result<(), ApiError> {
        let stream = self.0.requested(request)?;
        let name = stream.name.clone();
        let version = self.0.running().get(&name).map(|found| (found.version + 1, partitions(&found.stream)));
        let (version, partitioned) = version.ok_or_else(|| ApiError::NotFound { name: name.clone() })?;
        if partitions(&stream) != partitioned {
            let text =
                "dynamic partitioning can be neither enabled nor disabled on an existing delivery stream";
            return Err(ApiError::InvalidArgument(text.to_owned()));
        }
        // There are far fewer changes in a run.
        let number = u32::try_from(version).unwrap_or(u32::MAX);
        let function = self.0.stack.transformer(&stream);
        let settings = settings::delivery(&stream, function, number).map_err(|error| refused(&error))?;
        let delivery = self.0.running().get(&name).map(|running| Arc::clone(&running.delivery));
        let delivery = delivery.ok_or_else(|| ApiError::NotFound { name: name.clone() })?;
        delivery.replace(settings).await.map_err(|error| refused(&error))?;
        if let Some(found) = self.0.running().get_mut(&name) {
            (found.stream, found.version, found.updated) = (stream, version, Some(SystemTime::now()));
        }
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), ApiError> {
        let removed = self.0.running().remove(name);
        let Running { delivery, reader, .. } =
            removed.ok_or_else(|| ApiError::NotFound { name: name.to_owned() })?;
        drop(reader);
        delivery.finish().await;
        Ok(())
    }

    fn describe(&self, name: &str) -> Option<Description> {
        let running = self.0.running();
        let Running { stream, version, created, updated, .. } = running.get(name)?;
        let (version, created, updated) = (*version, *created, *updated);
        Some(Description {
            name: stream.name.clone(),
            arn: stream.arn.clone(),
            kind: kind(stream),
            version,
            created,
            updated,
            destination: match stream.destination {
                Destination::S3(_) => DestinationType::ExtendedS3,
                Destination::OpenSearch(_) => DestinationType::OpenSearch,
                Destination::Http(_) => DestinationType::HttpEndpoint,
            },
            configuration: stream.configuration.clone(),
            kinesis_source: source_arn(stream).map(|arn| json!({"KinesisStreamARN": arn})),
        })
    }

    fn list(&self) -> Vec<(String, StreamType)> {
        self.0.running().iter().map(|(name, running)| (name.clone(), kind(&running.stream))).collect()
    }

    async fn put(&self, name: &str, records: Vec<Bytes>) -> Result<Vec<String>, ApiError> {
        let delivery = self.0.running().get(name).map(|running| Arc::clone(&running.delivery));
        let delivery = delivery.ok_or_else(|| ApiError::NotFound { name: name.to_owned() })?;
        let records: Vec<_> = records.iter().map(|data| self.0.record(data)).collect();
        let ids = records.iter().map(|record| record.sequence_number.clone()).collect();
        match delivery.put(records).await {
            Ok(()) => Ok(ids),
            Err(Refusal::Full | Refusal::Stopped) => Ok(Vec::new()),
        }
    }
}

fn partitions(stream: &DeliveryStream) -> bool {
    stream.s3().is_some_and(|s3| s3.dynamic_partitioning)
}

fn kind(stream: &DeliveryStream) -> StreamType {
    match stream.source {
        template::Source::DirectPut => StreamType::DirectPut,
        template::Source::Kinesis { .. } => StreamType::KinesisStreamAsSource,
    }
}

/// The stream in front of a delivery stream, if there is one.
fn source_arn(stream: &DeliveryStream) -> Option<&str> {
    match &stream.source {
        template::Source::DirectPut => None,
        template::Source::Kinesis { stream_arn, .. } => Some(stream_arn),
    }
}

fn refused(error: &(dyn std::error::Error + 'static)) -> ApiError {
    ApiError::InvalidArgument(chain(error))
}

/// Hands what is read of a stream over to a delivery stream.
#[derive(Debug, Clone)]
struct Forward(Source);

impl ShardConsumer for Forward {
    async fn consume(&self, _shard_id: String, mut records: mpsc::Receiver<StreamRecord>) {
        let mut batch = Vec::with_capacity(FORWARDED_MAX);
        while records.recv_many(&mut batch, FORWARDED_MAX).await > 0 {
            // A delivery stream that stopped leaves the records in the stream.
            if self.0.deliver(std::mem::take(&mut batch)).await.is_err() {
                return;
            }
        }
    }
}
