//! The API as SDKs reach it, over delivery streams in memory. Limits, shapes and texts are those of the API reference
//! and of refusals that users of the service report.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower::ServiceExt as _;

use super::*;

/// Delivery streams that keep what is put, as long as there is room.
#[derive(Debug, Clone)]
struct Memory(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    streams: BTreeMap<String, Description>,
    records: Vec<Bytes>,
    room: usize,
    updates: Vec<Value>,
}

impl DeliveryStreams for Memory {
    async fn create(&self, request: &Value) -> Result<String, ApiError> {
        let name = request["DeliveryStreamName"].as_str().unwrap().to_owned();
        let arn = format!("arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}");
        let source = request.get("KinesisStreamSourceConfiguration").cloned();
        let destination = DESTINATIONS.into_iter().find_map(|kind| {
            let key = format!("{}DestinationConfiguration", kind.name());
            Some((kind, request.get(key)?.clone()))
        });
        let (destination, configuration) = destination.unwrap();
        let description = Description {
            name: name.clone(),
            arn: arn.clone(),
            kind: if source.is_some() { StreamType::KinesisStreamAsSource } else { StreamType::DirectPut },
            version: 1,
            created: UNIX_EPOCH + Duration::from_millis(1_764_000_000_125),
            updated: None,
            destination,
            configuration,
            kinesis_source: source,
        };
        self.0.lock().unwrap().streams.insert(name, description);
        Ok(arn)
    }

    async fn update(&self, request: &Value) -> Result<(), ApiError> {
        let mut held = self.0.lock().unwrap();
        held.updates.push(request.clone());
        held.streams.get_mut(request["DeliveryStreamName"].as_str().unwrap()).unwrap().version += 1;
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), ApiError> {
        self.0.lock().unwrap().streams.remove(name);
        Ok(())
    }

    fn describe(&self, name: &str) -> Option<Description> {
        self.0.lock().unwrap().streams.get(name).cloned()
    }

    fn list(&self) -> Vec<(String, StreamType)> {
        self.0.lock().unwrap().streams.values().map(|stream| (stream.name.clone(), stream.kind)).collect()
    }

    async fn put(&self, _: &str, records: Vec<Bytes>) -> Result<Vec<String>, ApiError> {
        let mut held = self.0.lock().unwrap();
        let room = held.room - held.records.len();
        let first = held.records.len();
        held.records.extend(records.into_iter().take(room));
        Ok((first..held.records.len()).map(|number| format!("id-{number}")).collect())
    }
}

const DESTINATIONS: [DestinationType; 3] =
    [DestinationType::ExtendedS3, DestinationType::HttpEndpoint, DestinationType::OpenSearch];

/// The API, and what is behind it.
struct Service {
    router: Router,
    memory: Memory,
}

impl Service {
    /// A service with a delivery stream `direct` and one, `of-kinesis`, that reads from Kinesis.
    async fn new() -> Self {
        let held = Held { streams: BTreeMap::new(), records: Vec::new(), room: 1000, updates: Vec::new() };
        let memory = Memory(Arc::new(Mutex::new(held)));
        let service = Self { router: router(memory.clone()), memory };
        service.ok("CreateDeliveryStream", &create("direct")).await;
        let mut of_kinesis = create("of-kinesis");
        of_kinesis["DeliveryStreamType"] = "KinesisStreamAsSource".into();
        of_kinesis["KinesisStreamSourceConfiguration"] = json!({"KinesisStreamARN": STREAM, "RoleARN": ROLE});
        service.ok("CreateDeliveryStream", &of_kinesis).await;
        service
    }

    async fn call(&self, operation: &str, body: String) -> (u16, Value) {
        let request = axum::http::Request::post("/").header("x-amz-target", format!("{TARGET}{operation}"));
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/x-amz-json-1.1");
        assert!(answer.headers().contains_key("x-amzn-requestid"));
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn ok(&self, operation: &str, request: &Value) -> Value {
        let (status, answer) = self.call(operation, request.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Expects a refusal of this name, whose text has this in it.
    async fn refused(&self, operation: &str, request: &Value, (name, text): (&str, &str)) {
        let (status, answer) = self.call(operation, request.to_string()).await;
        assert_eq!(answer["__type"], name, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(text), "{answer}");
        assert_eq!(status, if name == "ServiceUnavailableException" { 500 } else { 400 });
    }
}

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/frames";
const ROLE: &str = "arn:aws:iam::000000000000:role/firehose";
const BUCKET: &str = "arn:aws:s3:::archive";

fn create(name: &str) -> Value {
    let destination = json!({"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "raw/"});
    json!({"DeliveryStreamName": name, "ExtendedS3DestinationConfiguration": destination})
}

fn put(name: &str, data: &[u8]) -> Value {
    json!({"DeliveryStreamName": name, "Record": {"Data": STANDARD.encode(data)}})
}

fn batch(records: &[Vec<u8>]) -> Value {
    let records: Vec<_> = records.iter().map(|data| json!({"Data": STANDARD.encode(data)})).collect();
    json!({"DeliveryStreamName": "direct", "Records": records})
}

#[tokio::test]
async fn a_record_is_put_and_gets_an_id() {
    let service = Service::new().await;
    let answer = service.ok("PutRecord", &put("direct", b"frame")).await;
    assert_eq!(answer, json!({"RecordId": "id-0", "Encrypted": false}));
    assert_eq!(service.memory.0.lock().unwrap().records, ["frame"]);
}

#[tokio::test]
async fn data_may_have_escaped_slashes() {
    let service = Service::new().await;
    let body = r#"{"DeliveryStreamName":"direct","Record":{"Data":"\/\/8="}}"#;
    assert_eq!(service.call("PutRecord", body.to_owned()).await.0, 200);
    assert_eq!(service.memory.0.lock().unwrap().records, [&[0xff, 0xff][..]]);
}

#[tokio::test]
async fn a_record_may_have_1000_kib_before_base64() {
    let service = Service::new().await;
    service.ok("PutRecord", &put("direct", &vec![0; 1_024_000])).await;
    let text = "1 validation error detected: Value at 'record.data' failed to satisfy constraint: Member must have \
        length less than or equal to 1024000";
    let request = put("direct", &vec![0; 1_024_001]);
    service.refused("PutRecord", &request, ("ValidationException", text)).await;
}

#[tokio::test]
async fn data_that_is_not_base64_is_refused() {
    let request = json!({"DeliveryStreamName": "direct", "Record": {"Data": "%"}});
    Service::new().await.refused("PutRecord", &request, ("SerializationException", "")).await;
}

#[tokio::test]
async fn a_record_for_a_delivery_stream_that_reads_from_kinesis_is_refused() {
    let refusal = (
        "InvalidArgumentException",
        "This operation is not permitted on KinesisStreamAsSource delivery stream type.",
    );
    let service = Service::new().await;
    service.refused("PutRecord", &put("of-kinesis", b"x"), refusal).await;
    let mut request = batch(&[vec![1]]);
    request["DeliveryStreamName"] = "of-kinesis".into();
    service.refused("PutRecordBatch", &request, refusal).await;
}

#[tokio::test]
async fn a_delivery_stream_that_is_not_there_is_not_found() {
    let service = Service::new().await;
    let refusal = ("ResourceNotFoundException", "Firehose other");
    service.refused("PutRecord", &put("other", b"x"), refusal).await;
    for operation in ["DescribeDeliveryStream", "DeleteDeliveryStream", "ListTagsForDeliveryStream"] {
        service.refused(operation, &json!({"DeliveryStreamName": "other"}), refusal).await;
    }
}

#[tokio::test]
async fn names_are_those_of_the_model() {
    let service = Service::new().await;
    let check = async |name: Value, text: &str| {
        let request = json!({"DeliveryStreamName": name});
        service.refused("DescribeDeliveryStream", &request, ("ValidationException", text)).await;
    };
    check(Value::Null, "Value null at 'deliveryStreamName'").await;
    check("".into(), "greater than or equal to 1").await;
    check("a".repeat(65).into(), "less than or equal to 64").await;
    check("a/b".into(), "regular expression pattern: [a-zA-Z0-9_.-]+").await;
    service
        .refused("DescribeDeliveryStream", &json!({"DeliveryStreamName": 1}), ("SerializationException", ""))
        .await;
}

#[tokio::test]
async fn a_batch_is_taken_in_its_order() {
    let service = Service::new().await;
    let answer = service.ok("PutRecordBatch", &batch(&[vec![b'a'], vec![b'b']])).await;
    let entries = json!([{"RecordId": "id-0"}, {"RecordId": "id-1"}]);
    assert_eq!(answer, json!({"FailedPutCount": 0, "Encrypted": false, "RequestResponses": entries}));
    assert_eq!(service.memory.0.lock().unwrap().records, ["a", "b"]);
}

#[tokio::test]
async fn a_batch_may_have_500_records() {
    let service = Service::new().await;
    service.ok("PutRecordBatch", &batch(&vec![vec![0]; 500])).await;
    let refusal = |text| ("ValidationException", text);
    let text =
        "Value at 'records' failed to satisfy constraint: Member must have length less than or equal to 500";
    service.refused("PutRecordBatch", &batch(&vec![vec![0]; 501]), refusal(text)).await;
    service.refused("PutRecordBatch", &batch(&[]), refusal("greater than or equal to 1")).await;
}

#[tokio::test]
async fn a_batch_may_have_4_mib_before_base64() {
    let service = Service::new().await;
    let mut records = vec![vec![0; 1_000_000]; 4];
    records.push(vec![0; 194_304]);
    service.ok("PutRecordBatch", &batch(&records)).await;
    records.push(vec![0]);
    let refusal = ("InvalidArgumentException", "Records size exceeds 4 MB limit");
    service.refused("PutRecordBatch", &batch(&records), refusal).await;
}

#[tokio::test]
async fn each_record_of_a_batch_that_is_too_large_is_named() {
    let request = batch(&[vec![0], vec![0; 1_024_001]]);
    let refusal = ("ValidationException", "Value at 'records.2.member.data' failed to satisfy constraint");
    Service::new().await.refused("PutRecordBatch", &request, refusal).await;
}

#[tokio::test]
async fn records_for_which_there_is_no_room_are_told_one_by_one() {
    let service = Service::new().await;
    service.memory.0.lock().unwrap().room = 1;
    let answer = service.ok("PutRecordBatch", &batch(&[vec![b'a'], vec![b'b']])).await;
    let refusal = json!({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."});
    assert_eq!(answer["RequestResponses"], json!([{"RecordId": "id-0"}, refusal]));
    assert_eq!(answer["FailedPutCount"], 1);
    let refusal = ("ServiceUnavailableException", "Slow down.");
    service.refused("PutRecord", &put("direct", b"x"), refusal).await;
}

#[tokio::test]
async fn a_description_has_the_documented_shape() {
    let answer =
        Service::new().await.ok("DescribeDeliveryStream", &json!({"DeliveryStreamName": "direct"})).await;
    let s3 = json!({
        "RoleARN": ROLE,
        "BucketARN": BUCKET,
        "Prefix": "raw/",
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": false},
    });
    let mut extended = s3.clone();
    extended["S3BackupMode"] = "Disabled".into();
    let expected = json!({
        "DeliveryStreamName": "direct",
        "DeliveryStreamARN": "arn:aws:firehose:us-east-1:000000000000:deliverystream/direct",
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "CreateTimestamp": 1_764_000_000.125,
        "Destinations": [{
            "DestinationId": "destinationId-000000000001",
            "S3DestinationDescription": s3,
            "ExtendedS3DestinationDescription": extended,
        }],
        "HasMoreDestinations": false,
    });
    assert_eq!(answer["DeliveryStreamDescription"], expected);
}

#[tokio::test]
async fn a_description_tells_the_source() {
    let request = json!({"DeliveryStreamName": "of-kinesis"});
    let answer = Service::new().await.ok("DescribeDeliveryStream", &request).await;
    let source = &answer["DeliveryStreamDescription"]["Source"]["KinesisStreamSourceDescription"];
    assert_eq!((&source["KinesisStreamARN"], &source["RoleARN"]), (&STREAM.into(), &ROLE.into()));
}

#[tokio::test]
async fn a_description_keeps_the_access_key_to_itself() {
    let service = Service::new().await;
    let endpoint = json!({"Url": "https://127.0.0.1:9", "Name": "mine", "AccessKey": "secret"});
    let destination = json!({"EndpointConfiguration": endpoint, "S3Configuration": {"BucketARN": BUCKET}});
    let request = json!({"DeliveryStreamName": "http", "HttpEndpointDestinationConfiguration": destination});
    service.ok("CreateDeliveryStream", &request).await;
    let answer = service.ok("DescribeDeliveryStream", &json!({"DeliveryStreamName": "http"})).await;
    let destination =
        &answer["DeliveryStreamDescription"]["Destinations"][0]["HttpEndpointDestinationDescription"];
    assert_eq!(destination["EndpointConfiguration"], json!({"Url": "https://127.0.0.1:9", "Name": "mine"}));
    assert_eq!(destination["S3BackupMode"], "FailedDataOnly");
    assert_eq!(destination["S3DestinationDescription"]["BucketARN"], BUCKET);
}

#[tokio::test]
async fn delivery_streams_are_listed_by_name_page_by_page() {
    let service = Service::new().await;
    let check = async |request: Value, names: &[&str], has_more: bool| {
        let expected = json!({"DeliveryStreamNames": names, "HasMoreDeliveryStreams": has_more});
        assert_eq!(service.ok("ListDeliveryStreams", &request).await, expected);
    };
    check(json!({}), &["direct", "of-kinesis"], false).await;
    check(json!({"Limit": 1}), &["direct"], true).await;
    let next = json!({"Limit": 1, "ExclusiveStartDeliveryStreamName": "direct"});
    check(next, &["of-kinesis"], false).await;
    check(json!({"DeliveryStreamType": "KinesisStreamAsSource"}), &["of-kinesis"], false).await;
    let refusal = ("ValidationException", "Value '0' at 'limit'");
    service.refused("ListDeliveryStreams", &json!({"Limit": 0}), refusal).await;
}

#[tokio::test]
async fn a_page_has_ten_names_when_the_request_does_not_say() {
    let service = Service::new().await;
    for number in 0..9 {
        service.ok("CreateDeliveryStream", &create(&format!("stream-{number}"))).await;
    }
    let answer = service.ok("ListDeliveryStreams", &json!({})).await;
    assert_eq!(answer["DeliveryStreamNames"].as_array().unwrap().len(), 10);
    assert_eq!(answer["HasMoreDeliveryStreams"], true);
}

#[tokio::test]
async fn a_name_can_be_given_once() {
    let service = Service::new().await;
    let refusal = ("ResourceInUseException", "already exists");
    service.refused("CreateDeliveryStream", &create("direct"), refusal).await;
    service.ok("DeleteDeliveryStream", &json!({"DeliveryStreamName": "direct"})).await;
    service.ok("CreateDeliveryStream", &create("direct")).await;
}

#[tokio::test]
async fn there_is_exactly_one_destination() {
    let service = Service::new().await;
    let refusal = ("InvalidArgumentException", "Exactly one destination configuration is supported");
    service.refused("CreateDeliveryStream", &json!({"DeliveryStreamName": "new"}), refusal).await;
    let mut two = create("new");
    two["HttpEndpointDestinationConfiguration"] = json!({});
    service.refused("CreateDeliveryStream", &two, refusal).await;
}

#[tokio::test]
async fn a_source_is_there_exactly_if_the_type_says_so() {
    let service = Service::new().await;
    let mut request = create("new");
    request["DeliveryStreamType"] = "KinesisStreamAsSource".into();
    let refusal = ("InvalidArgumentException", "Missing delivery stream source configuration");
    service.refused("CreateDeliveryStream", &request, refusal).await;
    request["DeliveryStreamType"] = "DirectPut".into();
    request["KinesisStreamSourceConfiguration"] = json!({"KinesisStreamARN": STREAM, "RoleARN": ROLE});
    let refusal = ("InvalidArgumentException", "only applicable for KinesisStreamAsSource");
    service.refused("CreateDeliveryStream", &request, refusal).await;
    request["DeliveryStreamType"] = "Pull".into();
    let refusal =
        ("ValidationException", "Member must satisfy enum value set: [DirectPut, KinesisStreamAsSource");
    service.refused("CreateDeliveryStream", &request, refusal).await;
}

#[tokio::test]
async fn there_are_at_most_50_delivery_streams() {
    let service = Service::new().await;
    for number in 2..50 {
        service.ok("CreateDeliveryStream", &create(&format!("stream-{number}"))).await;
    }
    let refusal = ("LimitExceededException", "quota of 50");
    service.refused("CreateDeliveryStream", &create("one-more"), refusal).await;
}

fn update(version: &str, update: &Value) -> Value {
    json!({
        "DeliveryStreamName": "direct",
        "CurrentDeliveryStreamVersionId": version,
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": update,
    })
}

#[tokio::test]
async fn an_update_leaves_what_it_does_not_name() {
    let service = Service::new().await;
    let backup = json!({"Prefix": "backup/"});
    let request = update("1", &json!({"CompressionFormat": "GZIP", "S3BackupUpdate": backup}));
    assert_eq!(service.ok("UpdateDestination", &request).await, json!({}));
    let expected = json!({
        "DeliveryStreamName": "direct",
        "DeliveryStreamType": "DirectPut",
        "ExtendedS3DestinationConfiguration": {
            "RoleARN": ROLE,
            "BucketARN": BUCKET,
            "Prefix": "raw/",
            "CompressionFormat": "GZIP",
            "S3BackupConfiguration": {"Prefix": "backup/"},
        },
    });
    assert_eq!(service.memory.0.lock().unwrap().updates, [expected]);
}

#[tokio::test]
async fn an_update_of_another_version_is_refused() {
    let service = Service::new().await;
    let refusal = ("ConcurrentModificationException", "current version id: 1 and specified version id: 2");
    service.refused("UpdateDestination", &update("2", &json!({})), refusal).await;
    service.ok("UpdateDestination", &update("1", &json!({}))).await;
    service.ok("UpdateDestination", &update("2", &json!({}))).await;
}

#[tokio::test]
async fn another_type_of_destination_is_not_merged_and_open_search_cannot_be_switched_to() {
    let service = Service::new().await;
    let mut request = update("1", &Value::Null);
    request["HttpEndpointDestinationUpdate"] =
        json!({"EndpointConfiguration": {"Url": "https://x"}, "S3Update": {"BucketARN": BUCKET}});
    service.ok("UpdateDestination", &request).await;
    let expected =
        json!({"EndpointConfiguration": {"Url": "https://x"}, "S3Configuration": {"BucketARN": BUCKET}});
    assert_eq!(service.memory.0.lock().unwrap().updates[0]["HttpEndpointDestinationConfiguration"], expected);
    let mut request = update("2", &Value::Null);
    request["AmazonopensearchserviceDestinationUpdate"] = json!({"IndexName": "trades"});
    let refusal = ("InvalidArgumentException", "Switching between Amazon OpenSearch Service");
    service.refused("UpdateDestination", &request, refusal).await;
}

#[tokio::test]
async fn tags_are_told_to_who_asks() {
    let service = Service::new().await;
    let tags = json!([{"Key": "b", "Value": "2"}, {"Key": "a"}]);
    let named = json!({"DeliveryStreamName": "direct"});
    let mut request = named.clone();
    request["Tags"] = tags;
    service.ok("TagDeliveryStream", &request).await;
    let answer = service.ok("ListTagsForDeliveryStream", &named).await;
    assert_eq!(answer, json!({"Tags": [{"Key": "a"}, {"Key": "b", "Value": "2"}], "HasMoreTags": false}));
    service.ok("UntagDeliveryStream", &json!({"DeliveryStreamName": "direct", "TagKeys": ["a"]})).await;
    let answer = service.ok("ListTagsForDeliveryStream", &named).await;
    assert_eq!(answer["Tags"], json!([{"Key": "b", "Value": "2"}]));
}

#[tokio::test]
async fn an_operation_that_is_not_served_is_unknown() {
    let refusal = ("UnknownOperationException", "StartDeliveryStreamEncryption");
    Service::new().await.refused("StartDeliveryStreamEncryption", &json!({}), refusal).await;
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let service = Service::new().await;
    let (status, answer) = service.call("PutRecord", " ".repeat(9 * 1024 * 1024)).await;
    assert_eq!((status, &answer["__type"]), (400, &"InvalidArgumentException".into()));
}
