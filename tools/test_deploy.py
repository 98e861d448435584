"""Deploys the stack to a local AWS by the commands of the README, uses it, changes a knob, and deletes it.

Run by tools/test-deploy.sh, which starts the local AWS and says how it differs from the real one. Frames and rows are compared
by check_archive.py and check_bars.py, answers of the functions by check_events.py. The first step that does not hold ends the run.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import boto3
import check_archive
import check_bars
import check_events
from botocore.config import Config
from botocore.exceptions import ClientError
from steps import PATIENCE_S, expect, until

STACK = "tapeline"
# Records in one request. The local AWS delivers them before it answers anybody, and the calculator gives its table five seconds.
REQUEST_RECORDS = 2
SYMBOLS = ("SOLUSDT", "DOGEUSDT")
# Frames that are packed before the next ones are.
RUN_FRAMES = 200
# What the local AWS puts behind the partitions of a prefix, and AWS does not.
HOUR = re.compile(r"(/date=[^/]+)/\d{4}/\d{2}/\d{2}/\d{2}/")
# Retries would put frames twice.
CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S, s3={"addressing_style": "path"})


def client(service):
    return boto3.client(service, config=CONFIG)


# --- The commands of the README ---


def make(log, *words, answers=""):
    """A target of the Makefile, its prompts answered; gives what it printed."""
    started = time.monotonic()
    done = subprocess.run(
        ["make", *words], input=answers, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    log.write_text(done.stdout, encoding="utf-8")
    expect(f"make {' '.join(words)} ({time.monotonic() - started:.0f} s)", done.returncode == 0, done.stdout[-4000:])
    return done.stdout


def answers_of(template, **answers):
    """What is typed when `make deploy` asks: Enter takes what is proposed, and the changes are confirmed at the end."""
    section = re.search(r"^Parameters:\n(.*?)^\w", template.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]
    parameters = re.findall(r"^  (\w+):$", section, re.MULTILINE)
    # The stack's name and the region before the parameters; what to confirm, to allow and to keep, and where, behind.
    return "\n".join(["", "", *(answers.get(name, "") for name in parameters), *[""] * 6, "y", ""])


def tailed_logs(log, config, awaited):
    """`make logs` until the texts that are awaited have come; it would go on until Ctrl-C."""
    with open(log, "wb") as output:
        tail = subprocess.Popen(
            ["make", "logs", f"CONFIG={config}"], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until("make logs", lambda: all(text in log.read_text(encoding="utf-8") for text in awaited))
    finally:
        # Make, the script and SAM: a group of their own.
        os.killpg(tail.pid, signal.SIGTERM)
        tail.wait()
    expect("make logs shows the batches of both functions", True, None)


def change(config, before, after):
    """Changes an answer that `make deploy` kept, as the README says."""
    text = config.read_text(encoding="utf-8")
    expect(f"{before} is among the answers", text.count(before) == 1, text)
    config.write_text(text.replace(before, after), encoding="utf-8")


# --- The stack ---


def outputs(name=STACK):
    stack = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def records(lines):
    """Frames as a producer may pack them, each record with its key: a symbol's of one kind, a frame a line.

    Only frames that check_archive.py knows are packed: a broken one among them would take the others along. Within a run the
    trades go first, so that no frame of a later time overtakes them and closes their bar.
    """
    for start in range(0, len(lines), RUN_FRAMES):
        trades, others = defaultdict(list), defaultdict(list)
        for line in lines[start : start + RUN_FRAMES]:
            try:
                kind, fields = check_archive.expected_of(line, "spot")
                name = (f"spot|{fields['symbol']}", kind)
            except (check_archive.BadFrame, KeyError, ValueError):
                # Which key the others have does not matter: no bar is made of them.
                name = (f"spot|{SYMBOLS[0]}", line)
            (trades if name[1] == "trade" else others)[name].append(line)
        yield from ((key, frames) for (key, _), frames in [*trades.items(), *others.items()])


def put(stream, lines):
    """Puts frames into the stream, in order."""
    kinesis = client("kinesis")
    entries = [{"Data": "\n".join(frames).encode(), "PartitionKey": key} for key, frames in records(lines)]
    for start in range(0, len(entries), REQUEST_RECORDS):
        answer = kinesis.put_records(StreamName=stream, Records=entries[start : start + REQUEST_RECORDS])
        if answer["FailedRecordCount"]:
            raise SystemExit(f"FAILED  put_records: {answer}")
    expect(f"{len(lines)} frames put in {len(entries)} records", True, None)


def keys_in(bucket, prefix):
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def download(bucket, prefix, folder):
    """Copies the objects under a prefix that are not there yet; gives how many there are."""
    s3, keys = client("s3"), keys_in(bucket, prefix)
    for key in keys:
        file = folder / bucket / HOUR.sub(r"\1/", key)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(file))
    return len(keys)


def rows_in(stream):
    return check_events.rows_in(stream, client("kinesis"))


# --- What the stack does ---


def archive_holds(session, bucket, folder):
    """Every frame of the kinds that check_archive.py reads is in the archive, digit for digit."""
    expected = check_archive.read_frames([session], "spot")
    expected["kline"] = check_archive.without_open(expected["kline"])

    def rows():
        if not download(bucket, "market/", folder):
            return None
        archive = check_archive.open_archive(folder)
        by_kind = {kind: check_archive.read_rows(archive, kind) for kind in check_archive.NAMED_BY}
        return by_kind if all(len(by_kind[kind]) >= len(expected[kind]) for kind in by_kind) else None

    by_kind = until("the rows of all frames", rows)
    differences = [
        difference for kind, rows in by_kind.items() for difference in check_archive.differences_of_kind(kind, expected[kind], rows)
    ]
    differences += check_archive.differences_of_ids(by_kind)
    counts = ", ".join(f"{len(rows)} {kind}" for kind, rows in by_kind.items())
    expect(f"DuckDB reads the archive's Parquet, every row equals its frame: {counts}", not differences, differences[:5])
    expect("format conversion refused nothing", not keys_in(bucket, "errors/"), keys_in(bucket, "errors/")[:5])


def indicators_arrive(session, stream, bucket, folder):
    """The bars are the exchange's own, in the stream and in the archive."""
    # Nothing was traded in a minute without volume: there is no bar.
    klines = {key: bar for key, bar in check_bars.bars_of_frames(session, "1m").items() if bar[-1]}

    def bars():
        return [row["id"] for row in rows_in(stream) if row["interval"] == "1m"]

    ids = until("bars in the stream", lambda: (found := bars()) and len(found) >= len(klines) and found)
    expect(f"{len(ids)} bars, one of each closed kline, in the stream of indicators", len(set(ids)) == len(ids) == len(klines), ids)
    until("bars in the archive", lambda: download(bucket, "indicators/", folder) >= len(rows_in(stream)))
    ours = check_bars.bars_of_archive(folder, "1m", has_symbols=True)
    # What was traded before the session began is in the exchange's first bars only.
    whole = {key for key, (_, is_partial) in ours.items() if not is_partial}
    wrong = [(key, ours[key], klines.get(key)) for key in whole if tuple(ours[key][0]) != klines.get(key)]
    expect(f"DuckDB reads the bars, {len(whole)} of them whole and equal to the exchange's klines", whole and not wrong, wrong)


def state_is_kept(table):
    items = client("dynamodb").scan(TableName=table)["Items"]
    parts = {(item["lane"]["S"], item["part"]["S"]) for item in items}
    # Of the symbol itself, and of each interval that has closed a bar within the session.
    expected = {(f"spot|{symbol}", part) for symbol in SYMBOLS for part in ("hot", "1m")}
    expect("the state is in the table", parts == expected, parts)


def functions_answer(found):
    """Each function through the Lambda API, with a file of events/."""
    functions = client("lambda")

    def invoke(arn, event):
        return json.loads(functions.invoke(FunctionName=arn, Payload=Path(event).read_bytes())["Payload"].read())

    check_events.check_answer("mixed", invoke(found["RecordTransformerArn"], "events/firehose/mixed.json"))
    expect("Invoke of the transformer: events/firehose/mixed.json is answered as its golden file says", True, None)
    before = len(rows_in(found["IndicatorStreamName"]))
    answer = invoke(found["IndicatorCalculatorArn"], "events/kinesis/one-shard.json")
    after = len(rows_in(found["IndicatorStreamName"]))
    expect(
        "Invoke of the calculator: events/kinesis/one-shard.json leaves its seven rows",
        (answer, after - before) == ({"batchItemFailures": []}, 7),
        (answer, after - before),
    )


def knob_is_changed(session, found, folder):
    """Another deployment keeps one symbol only: of two trades, sent after each other, the second arrives alone."""
    variables = client("lambda").get_function_configuration(FunctionName=found["RecordTransformerArn"])["Environment"]["Variables"]
    expect("the transformer has the changed knob", variables["SYMBOLS"] == SYMBOLS[0], variables)
    trades = [line for line in session.read_text(encoding="utf-8").splitlines() if '"e":"trade"' in line]
    later = [next(line for line in reversed(trades) if symbol in line) for symbol in reversed(SYMBOLS)]
    # New trades: the last of each, under an id of its own.
    lines = [re.sub(r'"t":\d+', '"t":999999999', line) for line in later]
    put(found["FrameStreamName"], lines)

    def arrived():
        download(found["ArchiveBucketName"], "market/kind=trade/", folder)
        rows = check_archive.read_rows(check_archive.open_archive(folder), "trade")
        return [row["symbol"] for row in rows if row["trade_id"] == 999999999]

    symbols = until("a trade after the update", arrived)
    expect(f"only {SYMBOLS[0]} is archived after the update", symbols == [SYMBOLS[0]], symbols)


def stack_is_gone(found):
    def is_missing(call, **arguments):
        try:
            call(**arguments)
        except ClientError:
            return True
        return False

    def stack():
        stacks = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE"

    def gone():
        return is_missing(stack) or stack()

    until("the stack is gone", gone)
    functions = [function["FunctionArn"] for function in client("lambda").list_functions()["Functions"]]
    streams = client("kinesis").list_streams()["StreamNames"]
    deliveries = client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    expect("functions, streams and delivery streams are gone", not functions and not streams and not deliveries, (functions, streams, deliveries))
    kept = keys_in(found["ArchiveBucketName"], "market/")
    tables = client("dynamodb").list_tables()["TableNames"]
    expect("the archive and the state are kept", bool(kept) and found["StateTableName"] in tables, (len(kept), tables))


# --- The transformer alone, on a delivery stream that is there ---


def attaches(work, architecture):
    """`attach.yaml`: its command puts the function on a delivery stream, and from then on rows are delivered."""
    role = "arn:aws:iam::000000000000:role/theirs"
    client("s3").create_bucket(Bucket="theirs")
    destination = {"RoleARN": role, "BucketARN": "arn:aws:s3:::theirs", "Prefix": "", "CompressionFormat": "UNCOMPRESSED"}
    firehose = client("firehose")
    firehose.create_delivery_stream(DeliveryStreamName="theirs", ExtendedS3DestinationConfiguration=destination)
    config = f"CONFIG={work / 'attach.toml'}"
    answers = answers_of(Path("attach.yaml"), DeliveryStreamName="theirs", DeliveryRoleArn=role)
    make(work / "attach.log", "deploy", "TEMPLATE=attach.yaml", f"ARCH={architecture}", config, answers=answers)
    command = outputs(f"{STACK}-attached")["AttachCommand"]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    expect("the command that attaches the transformer", done.returncode == 0, (command, done.stderr))
    frame = '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}'
    firehose.put_record(DeliveryStreamName="theirs", Record={"Data": frame.encode()})
    key = until("an object of the attached delivery stream", lambda: keys_in("theirs", ""))[0]
    row = json.loads(client("s3").get_object(Bucket="theirs", Key=key)["Body"].read())
    expect("the delivery stream delivers rows", (row["id"], row["price"]) == ("spot|BNBBTC|t|12345", 0.001), row)
    firehose.delete_delivery_stream(DeliveryStreamName="theirs")
    make(work / "detach.log", "delete", config, answers="y\ny\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--template", required=True, type=Path)
    arguments = parser.parse_args()
    work, session, folder = arguments.work, arguments.work / "session.ndjson", arguments.work / "archive"
    config = work / "samconfig.toml"
    deploy = ["deploy", f"TEMPLATE={arguments.template}", f"ARCH={arguments.architecture}", f"CONFIG={config}"]

    attaches(work, arguments.architecture)
    make(work / "deploy.log", *deploy, answers=answers_of(arguments.template))
    found = outputs()
    put(found["FrameStreamName"], session.read_text(encoding="utf-8").splitlines())
    archive_holds(session, found["ArchiveBucketName"], folder)
    indicators_arrive(session, found["IndicatorStreamName"], found["ArchiveBucketName"], folder)
    state_is_kept(found["StateTableName"])
    functions_answer(found)
    tailed_logs(work / "logs.log", config, [f"{STACK}-record-transformer", f"{STACK}-indicator-calculator"])
    change(config, 'Symbols=\\"all\\"', f'Symbols=\\"{SYMBOLS[0]}\\"')
    make(work / "update.log", *deploy, answers="y\n")
    knob_is_changed(session, found, folder)
    make(work / "delete.log", "delete", f"CONFIG={config}", answers="y\ny\ny\n")
    stack_is_gone(found)
    print("all held")


if __name__ == "__main__":
    sys.exit(main())
