"""Uses a running `tapeline up` as its users do: with version 2 of the AWS CLI, and with boto3.

Every step says what it expects of what the client gives back; the first one that does not hold ends the run. Needs the
variable AWS, the path of the CLI, and boto3.
"""

import argparse
import base64
import contextlib
import gzip
import json
import os
import subprocess
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from steps import expect, until

FRAME = '{"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"43210.50","q":"0.25","T":%d,"m":false,"M":true}}'
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
}


class Cli:
    """Version 2 of the AWS CLI against the endpoint."""

    def __init__(self, url):
        self.url = url

    def __call__(self, *words):
        command = [os.environ["AWS"], "--endpoint-url", self.url, *words]
        done = subprocess.run(command, env={**os.environ, **CREDENTIALS}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"FAILED  aws {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout


def kinesis_by_cli(aws):
    """The steps of the service's own tutorial: a stream, a record put, an iterator, the record read."""
    aws("kinesis", "create-stream", "--stream-name", "Foo", "--shard-count", "1")
    aws("kinesis", "wait", "stream-exists", "--stream-name", "Foo")
    summary = aws("kinesis", "describe-stream-summary", "--stream-name", "Foo")["StreamDescriptionSummary"]
    expect("aws kinesis describe-stream-summary", (summary["StreamStatus"], summary["OpenShardCount"]) == ("ACTIVE", 1), summary)
    put = aws(
        "kinesis", "put-record", "--stream-name", "Foo", "--partition-key", "123",
        "--data", "testdata", "--cli-binary-format", "raw-in-base64-out",
    )
    expect("aws kinesis put-record", put["ShardId"] == "shardId-000000000000", put)
    iterator = aws(
        "kinesis", "get-shard-iterator", "--shard-id", put["ShardId"],
        "--shard-iterator-type", "TRIM_HORIZON", "--stream-name", "Foo",
    )["ShardIterator"]
    records = aws("kinesis", "get-records", "--shard-iterator", iterator)["Records"]
    expect(
        "aws kinesis get-records",
        [(base64.b64decode(record["Data"]), record["PartitionKey"]) for record in records] == [(b"testdata", "123")],
        records,
    )
    expect("sequence numbers are those of the put", records[0]["SequenceNumber"] == put["SequenceNumber"], records)


def delivery_stream_by_boto3(firehose, buckets):
    """A delivery stream with the usual settings; the record is found in the folder where S3 would have it."""
    firehose.create_delivery_stream(
        DeliveryStreamName="by-hand",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BucketARN": "arn:aws:s3:::by-hand",
            "Prefix": "raw/!{timestamp:yyyy}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
            "CompressionFormat": "UNCOMPRESSED",
        },
    )
    described = firehose.describe_delivery_stream(DeliveryStreamName="by-hand")["DeliveryStreamDescription"]
    hints = described["Destinations"][0]["ExtendedS3DestinationDescription"]["BufferingHints"]
    expect("boto3 describe_delivery_stream", (described["DeliveryStreamStatus"], hints["SizeInMBs"]) == ("ACTIVE", 5), described)
    expect("boto3 list_delivery_streams", "by-hand" in firehose.list_delivery_streams()["DeliveryStreamNames"], None)
    put = firehose.put_record(DeliveryStreamName="by-hand", Record={"Data": b"one record\n"})
    expect("boto3 put_record", len(put["RecordId"]) > 0, put)
    # The buffer is 5 MiB or 300 s: the size is reached, so that nobody waits five minutes.
    for _ in range(8):
        batch = [{"Data": b"x" * 99_999 + b"\n"} for _ in range(8)]
        answer = firehose.put_record_batch(DeliveryStreamName="by-hand", Records=batch)
        expect("boto3 put_record_batch", answer["FailedPutCount"] == 0, answer)
    objects = until("an object in the folder", lambda: sorted((buckets / "by-hand").glob("raw/*/by-hand-1-*")))
    year = time.strftime("%Y", time.gmtime())
    expect("the prefix is that of S3", objects[0].parent.name == year, objects)
    text = objects[0].read_bytes()
    expect("the record is in the object", text.startswith(b"one record\nx") and len(text) >= 5 * 1024 * 1024, text[:20])
    firehose.delete_delivery_stream(DeliveryStreamName="by-hand")
    with contextlib.suppress(firehose.exceptions.ResourceNotFoundException):
        firehose.describe_delivery_stream(DeliveryStreamName="by-hand")
        raise SystemExit("FAILED  boto3 delete_delivery_stream: it is still there")


def updated_delivery_stream(firehose, buckets):
    """UpdateDestination: another prefix and GZIP from then on, under version 2 of the configuration."""
    configuration = {
        "RoleARN": "arn:aws:iam::000000000000:role/firehose",
        "BucketARN": "arn:aws:s3:::by-hand",
        "Prefix": "before/!{timestamp:yyyy}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
    }
    firehose.create_delivery_stream(DeliveryStreamName="updated", ExtendedS3DestinationConfiguration=configuration)
    firehose.update_destination(
        DeliveryStreamName="updated",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "after/!{timestamp:yyyy}/", "CompressionFormat": "GZIP"},
    )
    firehose.put_record(DeliveryStreamName="updated", Record={"Data": b"after the update"})
    objects = until("an object under the new prefix", lambda: sorted((buckets / "by-hand").glob("after/*/updated-2-*.gz")))
    expect("UpdateDestination changes what comes after", gzip.decompress(objects[0].read_bytes()) == b"after the update", objects)


def bucket_by_boto3(s3):
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="by-hand", Prefix="raw/")["Contents"]]
    # The rest was delivered when the delivery stream was deleted.
    expect("boto3 s3 list_objects_v2", len(keys) == 2 and all(key.startswith("raw/") for key in keys), keys)
    bodies = [s3.get_object(Bucket="by-hand", Key=key)["Body"].read() for key in keys]
    whole = b"one record\n" + (b"x" * 99_999 + b"\n") * 64
    found = [b"".join(bodies), b"".join(reversed(bodies))]
    expect("boto3 s3 get_object: every byte that was put, once", whole in found, [len(body) for body in bodies])


def function_by_boto3(functions, name):
    """The transformer, invoked through the Lambda API with an event of Firehose."""
    now_ms = int(time.time() * 1000)
    record = {
        "recordId": "1",
        "approximateArrivalTimestamp": now_ms,
        "data": base64.b64encode((FRAME % (now_ms, 1, now_ms)).encode()).decode(),
    }
    event = {"invocationId": "1", "deliveryStreamArn": "arn", "region": "us-east-1", "records": [record]}
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    result = json.loads(answer["Payload"].read())
    expect("boto3 lambda invoke", (answer["StatusCode"], result["records"][0]["result"]) == (200, "Ok"), result)
    try:
        functions.invoke(FunctionName="nobody")
    except ClientError as error:
        expect("a function that is not there", error.response["Error"]["Code"] == "ResourceNotFoundException", error.response)


def pipeline(kinesis, dynamodb, stack):
    """Trades of two minutes through the deployed template: the first minute's bar is in the stream of indicators."""
    minute_ms = int(time.time() * 1000) // 60_000 * 60_000 - 120_000
    frames = [FRAME % (minute_ms + 1_000 * second, 1 + second, minute_ms + 1_000 * second) for second in range(70)]
    entries = [{"Data": frame.encode(), "PartitionKey": "spot|BTCUSDT"} for frame in frames]
    answer = kinesis.put_records(StreamName=f"{stack}-frames", Records=entries)
    expect("boto3 put_records into the stream of frames", answer["FailedRecordCount"] == 0, answer)
    shards = kinesis.list_shards(StreamName=f"{stack}-indicators")["Shards"]

    def rows():
        found = []
        for shard in shards:
            iterator = kinesis.get_shard_iterator(
                StreamName=f"{stack}-indicators", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found += kinesis.get_records(ShardIterator=iterator)["Records"]
        return [json.loads(line) for record in found for line in record["Data"].splitlines()]

    bars = until("a bar in the stream of indicators", rows)
    first = bars[0]
    # 60 trades of 0.25 each at one price.
    expect("the bar is that of the trades", (first["trade_count"], first["base_volume"], first["close"]) == (60, 15.0, 43210.5), first)
    tables = [name for name in dynamodb.list_tables()["TableNames"] if name.startswith(f"{stack}-")]
    expect("boto3 dynamodb list_tables", len(tables) == 1, tables)
    items = dynamodb.scan(TableName=tables[0])["Items"]
    expect("the state is in the table", len(items) > 0, items)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--stack", default="tapeline")
    arguments = parser.parse_args()
    os.environ.update(CREDENTIALS)
    # One port for all services: boto3 speaks to buckets by path there, as it does to every address without a name.
    config = Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"})

    def client(service):
        return boto3.client(service, endpoint_url=arguments.endpoint_url, config=config)

    kinesis_by_cli(Cli(arguments.endpoint_url))
    buckets = arguments.data / "s3"
    delivery_stream_by_boto3(client("firehose"), buckets)
    updated_delivery_stream(client("firehose"), buckets)
    bucket_by_boto3(client("s3"))
    function_by_boto3(client("lambda"), f"{arguments.stack}-record-transformer")
    pipeline(client("kinesis"), client("dynamodb"), arguments.stack)
    print("all held")


if __name__ == "__main__":
    main()
