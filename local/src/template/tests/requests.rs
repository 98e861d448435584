//! Tests of delivery streams that requests make.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// The small template.
fn stack() -> Stack {
    parse(SMALL).unwrap()
}

/// Reads a request for the delivery stream `made`.
fn create(request: &Value) -> Result<DeliveryStream, String> {
    delivery_stream_of_request("made", request, &stack()).map_err(|error| error.to_string())
}

/// A request with these settings of a bucket.
fn bucket(settings: Value) -> Value {
    let mut request = json!({ "ExtendedS3DestinationConfiguration": { "BucketARN": "arn:aws:s3:::made" } });
    let Value::Object(settings) = settings else { panic!("no settings") };
    request["ExtendedS3DestinationConfiguration"].as_object_mut().unwrap().extend(settings);
    request
}

#[test]
fn requests_are_read_as_templates_are() {
    let settings = json!({
        "RoleARN": "arn:aws:iam::1:role/r",
        "BufferingHints": { "SizeInMBs": 2, "IntervalInSeconds": 10 },
        "CompressionFormat": "GZIP",
        "ProcessingConfiguration": { "Enabled": true, "Processors": [ { "Type": "Lambda", "Parameters": [
            { "ParameterName": "LambdaArn", "ParameterValue": "arn:aws:lambda:us-east-1:000000000000:function:tapeline-Fn:$LATEST" },
        ] } ] },
    });
    let stream = create(&bucket(settings.clone())).unwrap();
    assert_eq!((stream.logical_id.as_str(), stream.name.as_str()), ("made", "made"));
    assert_eq!(stream.arn, "arn:aws:firehose:us-east-1:000000000000:deliverystream/made");
    assert_eq!(stream.source, Source::DirectPut);
    assert_eq!(stream.processing.lambda.as_ref().unwrap().function, "Fn");
    let s3 = stream.s3().unwrap();
    assert_eq!((s3.buffer_bytes, s3.buffer_interval), (2_097_152, Duration::from_secs(10)));
    assert_eq!(stream.configuration, bucket(settings)["ExtendedS3DestinationConfiguration"]);
}

#[test]
fn requests_may_take_from_streams_that_no_template_has() {
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/other";
    let mut request = bucket(json!({}));
    request["DeliveryStreamType"] = json!("KinesisStreamAsSource");
    request["KinesisStreamSourceConfiguration"] = json!({ "KinesisStreamARN": arn, "RoleARN": "r" });
    let source = Source::Kinesis { stream_arn: arn.to_owned(), logical_id: None };
    assert_eq!(create(&request).unwrap().source, source);
}

#[test]
fn faults_of_requests_name_the_place_without_a_line() {
    for (request, message) in [
        (
            bucket(json!({ "Prefix": "!{firehose:colour}/" })),
            "`ExtendedS3DestinationConfiguration.Prefix` must be free of !{firehose:colour}, which Firehose does not know, was \"!{firehose:colour}/\"",
        ),
        (json!({}), "`ExtendedS3DestinationConfiguration` must be a map, was absent"),
        (Value::Null, "`DeliveryStreamName` must be a text, was absent"),
        (
            bucket(
                json!({ "DataFormatConversionConfiguration": { "OutputFormatConfiguration": { "Serializer": { "OrcSerDe": {} } } } }),
            ),
            "`ExtendedS3DestinationConfiguration.DataFormatConversionConfiguration.OutputFormatConfiguration.Serializer.OrcSerDe`: ORC (ParquetSerDe is) is not supported by the local run",
        ),
        (
            json!({ "SplunkDestinationConfiguration": {} }),
            "`SplunkDestinationConfiguration`: this destination (HttpEndpointDestination is) is not supported by the local run",
        ),
    ] {
        assert_eq!(create(&request).unwrap_err(), message);
    }
}

#[test]
fn names_of_delivery_streams_are_those_that_aws_takes() {
    for name in ["", "a/b", "..", &"a".repeat(65)] {
        let error = delivery_stream_of_request(name, &bucket(json!({})), &stack()).unwrap_err().to_string();
        let expected =
            "`DeliveryStreamName` must be 1 to 64 letters, digits, underscores, points and hyphens";
        assert_eq!(error, format!("{expected}, was {name:?}"));
    }
}
