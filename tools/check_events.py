"""Sends every file of events/ to its function with `cargo lambda invoke`, and holds what comes back against what the tests hold.

Run by `make check-events`, which builds first. A function runs behind `cargo lambda watch` with the variables that
events/README.md names beside the event; `tapeline endpoints` plays the state table and the stream of rows. Answers of the transformer must be those
of functions/record-transformer/tests/golden, record by record; of the calculator the answer and the rows that
events/README.md counts. Ends with 1 at the first event that is answered otherwise.
"""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3

EVENTS = Path("events")
GOLDEN = Path("functions/record-transformer/tests/golden")
BUILT = Path("target/debug")
LOGS = Path("target/check-events")
VARIABLE = re.compile(r"`([A-Z_]+)=([^`]*)`")
EXPORT = re.compile(r"^export ([A-Z_]+)='([^']*)'$", re.MULTILINE)
# How long a process may take until it serves, and a function until it answers, in seconds.
PATIENCE = 60

# Rows that events/README.md counts for each batch, which its tests calculate by hand. What is written behind another batch
# is sent behind it.
BATCHES = {
    ("one-shard", "duplicates"): [7, 8],
    ("aggregated",): [7],
    ("poison-in-the-middle",): [7],
    ("open-kline",): [1],
    ("klines",): [3],
    ("futures",): [2],
    ("partial-failure",): [3],
}


def variables_of_events():
    """The variables under which an event is shown, by its name as events/README.md has it."""
    rows = [line for line in (EVENTS / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {row.split("`")[1]: tuple(VARIABLE.findall(row)) for row in rows}


# --- Processes ---


@contextlib.contextmanager
def running(command, log, variables):
    """A process and what it starts in turn: a group of its own, ended as one."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def until(look, process, log):
    """Looks until there is something, and gives it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} does not serve:\n{Path(log).read_text(encoding='utf-8')}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def serving(function, variables):
    """A function behind the Invoke API, with these variables; gives what sends an event to it."""
    port, log = free_port(), LOGS / f"{function}.log"
    # The default address is every interface: stay on loopback. The function is started here, as the tests built it.
    command = ["cargo", "lambda", "watch", "-A", "127.0.0.1", "-P", str(port), "--ignore-changes", "--only-lambda-apis"]
    variables = {
        "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt/{function}",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        **variables,
    }
    with running(command, LOGS / "watch.log", {}) as watch:
        until(lambda: listens(port), watch, LOGS / "watch.log")
        with running([BUILT / function], log, variables):
            yield lambda event: invoke(function, event, port)


def invoke(function, event, port):
    """What the function answers, or the text of the error that it ends with."""
    command = ["cargo", "lambda", "invoke", function, "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    done = subprocess.run(
        [*command, "--data-file", str(event)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


# --- The transformer ---


def told(answer):
    """An answer as the golden files tell it, without the counts at their end."""
    if isinstance(answer, str):
        return answer
    return "".join(told_record(record) for record in answer["records"])


def told_record(record):
    keys = record.get("metadata", {}).get("partitionKeys", {})
    words = [record["recordId"], record["result"], *(f"{key}={keys[key]}" for key in sorted(keys))]
    field = "data" if "data" in record else "kafkaRecordValue"
    text = record[field]
    if field != "data":
        words.append(f"({field})")
    if record["result"] == "Ok":
        text = base64.b64decode(text, validate=True).decode()
    lines = text.removesuffix("\n").split("\n") if text else []
    return "\n".join([" ".join(words), *(f"    {line}" for line in lines)]) + "\n"


def check_answer(name, answer):
    golden = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    failed = golden.removeprefix("invocation failed: ")
    if failed != golden:
        # Of the chain of causes, each tool prints as much as it likes: the type is what Firehose goes by.
        kind = failed.split(": ", 1)[0]
        holds = isinstance(answer, str) and kind in answer
    else:
        holds = told(answer) == golden.rpartition("\nok ")[0]
    if not holds:
        sys.exit(f"firehose/{name} is answered otherwise than its golden file says:\n{told(answer)}")


def check_transformer(variables_by_name):
    """Every event of Firehose; gives how many they were."""
    names = sorted(path.stem for path in (EVENTS / "firehose").glob("*.json"))
    for variables in sorted({variables_by_name[name] for name in names}):
        with serving("record-transformer", dict(variables)) as send:
            for name in names:
                if variables_by_name[name] == variables:
                    check_answer(name, send(EVENTS / "firehose" / f"{name}.json"))
    return len(names)


# --- The calculator ---


@contextlib.contextmanager
def endpoints():
    """An empty state table and an empty stream; gives the variables with which a function finds them."""
    log = LOGS / "endpoints.log"
    with running([BUILT / "tapeline", "endpoints"], log, {}) as process:
        # The lines come at once.
        yield dict(until(lambda: EXPORT.findall(log.read_text(encoding="utf-8")), process, log))


def rows_in(stream, kinesis):
    """All rows of a stream."""
    rows = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator)["Records"]
        rows += [json.loads(line) for record in records for line in record["Data"].splitlines()]
    return rows


def check_batches(names, counts, variables):
    """Batches that follow each other, from an empty state."""
    with endpoints() as found, serving("indicator-calculator", {**found, **variables}) as send:
        kinesis = boto3.client(
            "kinesis",
            endpoint_url=found["AWS_ENDPOINT_URL"],
            region_name=found["AWS_REGION"],
            aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        )
        for name, count in zip(names, counts):
            answer = send(EVENTS / "kinesis" / f"{name}.json")
            ids = [row["id"] for row in rows_in(found["OUTPUT_STREAM"], kinesis)]
            if answer != {"batchItemFailures": []} or len(ids) != count or len(set(ids)) != count:
                sys.exit(f"kinesis/{name} should leave {count} rows behind, left {ids} and the answer {answer}")


def check_calculator(variables_by_name):
    """Every batch of a data stream; gives how many they were."""
    names = {path.stem for path in (EVENTS / "kinesis").glob("*.json")}
    known = {name for batch in BATCHES for name in batch}
    if names != known:
        sys.exit(f"expected the batches {sorted(known)}, were {sorted(names)}")
    for batch, counts in BATCHES.items():
        check_batches(batch, counts, dict(variables_by_name[f"kinesis/{batch[0]}"]))
    return len(names)


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    variables_by_name = variables_of_events()
    print(f"record-transformer: {check_transformer(variables_by_name)} events answered as the golden files say")
    print(f"indicator-calculator: {check_calculator(variables_by_name)} batches left the rows that are counted")


if __name__ == "__main__":
    main()
