//! The Data Firehose API, version 2015-08-04, over delivery streams that run on this machine.
//!
//! Names, limits, defaults and refusals are those of the service's API reference; texts of refusals are the service's
//! where they are known. What a delivery stream does with its records is not its business: that is behind the port
//! [`DeliveryStreams`].

mod change;
mod check;
mod describe;
mod error;
mod put;
mod tags;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use error::ApiError;

use check::Check;
use tags::Tags;

/// Target of the API's operations, with the point behind it.
const TARGET: &str = "Firehose_20150804.";
/// Most bytes of a request: the 4 MiB of a `PutRecordBatch` take 5.4 MiB as base64, and names and braces less than the
/// rest.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many names `ListDeliveryStreams` gives when it is not told.
const LISTED_DEFAULT: usize = 10;
/// How many names it gives at most.
const LISTED_MAX: usize = 10_000;
/// The destination of every delivery stream: there is one each.
const DESTINATION_ID: &str = "destinationId-000000000001";

/// The delivery streams that run.
pub(crate) trait DeliveryStreams: Clone + Send + Sync + 'static {
    /// Creates the delivery stream of a `CreateDeliveryStream` request and gives its ARN. The request names one
    /// destination, and a source if its type wants one.
    ///
    /// # Errors
    /// [`ApiError::InUse`] when there is one of the name, [`ApiError::InvalidArgument`] for what cannot run here.
    fn create(&self, request: &Value) -> impl Future<Output = Result<String, ApiError>> + Send;

    /// Changes a delivery stream to what this `CreateDeliveryStream` request would create; its version goes up by one.
    ///
    /// # Errors
    /// As [`DeliveryStreams::create`].
    fn update(&self, request: &Value) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Deletes a delivery stream.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    fn delete(&self, name: &str) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Describes a delivery stream. `None`: there is none of that name.
    fn describe(&self, name: &str) -> Option<Description>;

    /// Names and types of all delivery streams, by name.
    fn list(&self) -> Vec<(String, StreamType)>;

    /// Puts records and gives their ids. Where there is no room for all, the first ones are taken, and there are fewer
    /// ids than records.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    fn put(
        &self,
        name: &str,
        records: Vec<Bytes>,
    ) -> impl Future<Output = Result<Vec<String>, ApiError>> + Send;
}

/// `DeliveryStreamType`: where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamType {
    /// Producers put them.
    DirectPut,
    /// They are read from a Kinesis stream.
    KinesisStreamAsSource,
}

impl StreamType {
    /// The name on the wire.
    const fn name(self) -> &'static str {
        match self {
            Self::DirectPut => "DirectPut",
            Self::KinesisStreamAsSource => "KinesisStreamAsSource",
        }
    }
}

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DestinationType {
    /// S3.
    ExtendedS3,
    /// An HTTP endpoint.
    HttpEndpoint,
    /// OpenSearch.
    OpenSearch,
}

impl DestinationType {
    /// The name on the wire, to which `DestinationConfiguration`, `DestinationUpdate` or `DestinationDescription` is
    /// appended.
    const fn name(self) -> &'static str {
        match self {
            Self::ExtendedS3 => "ExtendedS3",
            Self::HttpEndpoint => "HttpEndpoint",
            Self::OpenSearch => "Amazonopensearchservice",
        }
    }
}

/// What is known of a delivery stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Description {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// Where its records come from.
    pub(crate) kind: StreamType,
    /// 1 when it is new, one more with each update.
    pub(crate) version: u64,
    /// When it was created.
    pub(crate) created: SystemTime,
    /// When it was updated last. `None`: never.
    pub(crate) updated: Option<SystemTime>,
    /// Where its records go.
    pub(crate) destination: DestinationType,
    /// Its destination configuration, evaluated, as `CreateDeliveryStream` takes it.
    pub(crate) configuration: Value,
    /// `KinesisStreamSourceConfiguration`, if it has one.
    pub(crate) kinesis_source: Option<Value>,
}

/// The API over these delivery streams.
pub(crate) fn router<D: DeliveryStreams>(streams: D) -> Router {
    let api = Api { streams, tags: Arc::default(), requests: Arc::default() };
    Router::new().fallback(answer::<D>).with_state(api)
}

/// What the operations share.
#[derive(Debug, Clone)]
struct Api<D> {
    streams: D,
    tags: Arc<Mutex<Tags>>,
    requests: Arc<AtomicU64>,
}

async fn answer<D: DeliveryStreams>(State(api): State<Api<D>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(TARGET)).unwrap_or_default();
    let answer = match to_bytes(body, REQUEST_BYTES_MAX).await {
        Ok(body) => api.perform(operation, &body).await,
        Err(_) => Err(ApiError::RequestTooLarge),
    };
    let mut answer = match answer {
        Ok(answer) => ([("content-type", error::CONTENT_TYPE)], answer.to_string()).into_response(),
        Err(error) => error.into_response(),
    };
    let id = uuid::Uuid::from_u64_pair(0, api.requests.fetch_add(1, Ordering::Relaxed)).to_string();
    if let Ok(id) = id.try_into() {
        answer.headers_mut().insert("x-amzn-requestid", id);
    }
    answer
}

impl<D: DeliveryStreams> Api<D> {
    /// Performs an operation and gives its answer.
    async fn perform(&self, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
        match operation {
            "PutRecord" => put::put_record(&self.streams, body).await,
            "PutRecordBatch" => put::put_record_batch(&self.streams, body).await,
            "CreateDeliveryStream" => self.create(body).await,
            "DescribeDeliveryStream" => self.describe(body),
            "ListDeliveryStreams" => self.list(body),
            "UpdateDestination" => change::update(&self.streams, body).await,
            "DeleteDeliveryStream" => self.delete(body).await,
            "TagDeliveryStream" => self.tag(body),
            "UntagDeliveryStream" => self.untag(body),
            "ListTagsForDeliveryStream" => self.list_tags(body),
            other => Err(ApiError::UnknownOperation { operation: other.to_owned() }),
        }
    }

    async fn create(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: Value = read(body)?;
        let tags = tags::of(&request)?;
        let arn = change::create(&self.streams, &request).await?;
        if let Some(name) = request.get("DeliveryStreamName").and_then(Value::as_str) {
            self.tags().add(name, tags)?;
        }
        Ok(json!({"DeliveryStreamARN": arn}))
    }

    fn describe(&self, body: &[u8]) -> Result<Value, ApiError> {
        let stream = self.named(&read::<Named>(body)?)?;
        Ok(json!({"DeliveryStreamDescription": describe::description(&stream)}))
    }

    fn list(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: ListRequest = read(body)?;
        let mut check = Check::default();
        let limit = check.limit(request.limit, LISTED_MAX).unwrap_or(LISTED_DEFAULT);
        if request.exclusive_start_delivery_stream_name.is_some() {
            check.name(
                "exclusiveStartDeliveryStreamName",
                request.exclusive_start_delivery_stream_name.as_deref(),
            );
        }
        check.one_of("deliveryStreamType", request.delivery_stream_type.as_deref(), &change::TYPES);
        check.finish()?;
        let is_asked_for = |(name, kind): &(String, StreamType)| {
            let start = request.exclusive_start_delivery_stream_name.as_ref();
            start.is_none_or(|start| name > start)
                && request.delivery_stream_type.as_deref().is_none_or(|asked| asked == kind.name())
        };
        let mut names: Vec<_> =
            self.streams.list().into_iter().filter(is_asked_for).map(|(name, _)| name).collect();
        let has_more = names.len() > limit;
        names.truncate(limit);
        Ok(json!({"DeliveryStreamNames": names, "HasMoreDeliveryStreams": has_more}))
    }

    async fn delete(&self, body: &[u8]) -> Result<Value, ApiError> {
        let stream = self.named(&read::<Named>(body)?)?;
        self.streams.delete(&stream.name).await?;
        self.tags().forget(&stream.name);
        Ok(json!({}))
    }

    fn tag(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: Value = read(body)?;
        let stream = self.named(&read::<Named>(body)?)?;
        self.tags().add(&stream.name, tags::of(&request)?)?;
        Ok(json!({}))
    }

    fn untag(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: UntagRequest = read(body)?;
        let stream = self.named(&read::<Named>(body)?)?;
        self.tags().remove(&stream.name, &request.tag_keys);
        Ok(json!({}))
    }

    fn list_tags(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: ListTagsRequest = read(body)?;
        let stream = self.named(&read::<Named>(body)?)?;
        let mut check = Check::default();
        let limit = check.limit(request.limit, tags::TAGS_MAX).unwrap_or(tags::TAGS_MAX);
        check.finish()?;
        Ok(self.tags().list(&stream.name, request.exclusive_start_tag_key.as_deref(), limit))
    }

    /// The delivery stream that a request names.
    fn named(&self, request: &Named) -> Result<Description, ApiError> {
        let mut check = Check::default();
        check.name("deliveryStreamName", request.delivery_stream_name.as_deref());
        check.finish()?;
        found(&self.streams, request.delivery_stream_name.as_deref().unwrap_or_default())
    }

    /// The tags, whoever held them last.
    fn tags(&self) -> MutexGuard<'_, Tags> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The delivery stream of a name.
fn found<D: DeliveryStreams>(streams: &D, name: &str) -> Result<Description, ApiError> {
    streams.describe(name).ok_or_else(|| ApiError::NotFound { name: name.to_owned() })
}

/// Reads the body of a request.
fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(ApiError::Serialization)
}

/// What most operations ask for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    delivery_stream_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    limit: Option<i64>,
    delivery_stream_type: Option<String>,
    exclusive_start_delivery_stream_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagRequest {
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsRequest {
    limit: Option<i64>,
    exclusive_start_tag_key: Option<String>,
}

#[cfg(test)]
mod tests;
