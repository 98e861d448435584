"""Runs the feed at a constant rate of frames, with each packing, and prints what it takes and what it gives.

usage: bench_feed.py FOLDER    built binaries in FOLDER; writes target/bench-feed/bench.json

The test exchange tells frames of 96 symbols on eight sockets; the Kinesis endpoint is that of `tapeline endpoints`.
Both run beside the feed, on the same processors. What the feed puts is read back and counted: no frame may be missing.
"""

import base64
import json
import math
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

WORK = Path("target/bench-feed")
# A few of the session's frames are of streams about all symbols, which nobody here reads: some more are told.
RATE = 15_000
WARM_UP_S, MEASURED_S = 4, 20
PATIENCE_S = 60
# Processor time within a second of a process that has nothing to do.
IDLE_S = 0.05
# A symbol has one record under way at a time, or its order would be lost: many symbols are what a feed is for.
SYMBOLS = ",".join(["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT", "PEPEUSDT"]
                   + [f"S{number:02}USDT" for number in range(1, 90)])
# Ten streams of 96 symbols, 120 on each socket.
STREAMS = "trade,aggTrade,bookTicker,depth@100ms,depth5,kline_1m,miniTicker,ticker,ticker_1h,avgPrice"
STREAMS_COUNT, SOCKETS = 960, 8
PACKINGS = ["single", "lines", "kpl"]
MEMORY_MIB_MAX = 100
# Kinesis bills on-demand streams by the kilobyte, each record rounded up.
BILLED_STEP = 1024
STREAM = "tapeline-frames"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def start(name, command, environment=None):
    said = open(WORK / f"{name}.log", "w", encoding="utf-8")
    return subprocess.Popen([str(word) for word in command], stdout=said, stderr=said,
                            env={**os.environ, **(environment or {})})


def exported(name):
    """The variables that a process exports in its first lines."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = (WORK / f"{name}.log").read_text(encoding="utf-8").splitlines()
        words = [word for line in lines if line.startswith("export ") for word in line.removeprefix("export ").split()]
        if words:
            return {key: value.strip("'") for key, value in (word.split("=", 1) for word in words)}
        time.sleep(0.05)
    raise SystemExit(f"error: {name} did not start; see {WORK}/{name}.log")


def status(urls):
    with urllib.request.urlopen(f"{urls['EXCHANGE_REST_URL']}/_exchange/status") as answer:
        return json.load(answer)


def cpu_s(process):
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mib(process):
    """The most memory that a process has held."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def until_idle(process):
    """Waits until a process has read and put what it was told: what it leaves on its sockets when it ends is not in the stream."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        before = cpu_s(process)
        time.sleep(1)
        if cpu_s(process) - before < IDLE_S:
            return
    raise SystemExit("error: the feed had something to do for a minute after the session")


def asked(url, operation, request):
    headers = {"x-amz-target": f"Kinesis_20131202.{operation}", "content-type": "application/x-amz-json-1.1",
               "x-amz-date": "20261121T093000Z",
               "authorization": "AWS4-HMAC-SHA256 Credential=local/20261121/us-east-1/kinesis/aws4_request, "
                                "SignedHeaders=host, Signature=0"}
    body = json.dumps(request).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return json.load(answer)


def record_sizes(url):
    """The bytes of each record of the stream, its key included: both are billed."""
    shards = asked(url, "ListShards", {"StreamName": STREAM})["Shards"]
    for shard in shards:
        of = {"StreamName": STREAM, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = asked(url, "GetShardIterator", of)["ShardIterator"]
        while True:
            found = asked(url, "GetRecords", {"ShardIterator": iterator, "Limit": 10_000})
            for record in found["Records"]:
                data = base64.b64decode(record["Data"])
                yield len(data) + len(record["PartitionKey"]), data
            if not found["Records"] or not (iterator := found.get("NextShardIterator")):
                break


def dropped():
    """Frames that the feed had had before: the session repeats one a minute."""
    lines = (WORK / "feed.log").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line).get("FramesEqual", 0) for line in lines if '"_aws":{' in line)


def frames_of(data):
    """Frames are told by what they all begin with."""
    return data.count(b'{"stream":"')


def measure(built, packing):
    state = WORK / "state"
    shutil.rmtree(state, ignore_errors=True)
    processes = []
    try:
        kinesis = start("kinesis", [built / "tapeline", "endpoints"])
        processes.append(kinesis)
        aws = exported("kinesis")
        exchange = start("exchange", [built / "tapeline", "exchange", "--port", 0, "--symbols", SYMBOLS, "--pace", 10,
                                      "--frames-per-second", RATE + RATE // 50,
                                      "--await-streams", STREAMS_COUNT])
        processes.append(exchange)
        urls = exported("exchange")
        feed = start("feed", [built / "tapeline-feed", "--symbols", SYMBOLS, "--streams", STREAMS, "--stream", STREAM,
                              "--packing", packing, "--streams-per-connection", STREAMS_COUNT // SOCKETS,
                              "--socket-url", urls["EXCHANGE_SOCKET_URL"], "--rest-url", urls["EXCHANGE_REST_URL"],
                              "--endpoint-url", aws["AWS_ENDPOINT_URL"], "--state", state], aws)
        processes.append(feed)
        deadline = time.monotonic() + PATIENCE_S
        while status(urls)["session"] == "waiting":
            if time.monotonic() > deadline:
                raise SystemExit(f"error: the feed opened no sockets; see {WORK}/feed.log")
            time.sleep(0.05)
        time.sleep(WARM_UP_S)
        sent, used, began = status(urls)["sent"], cpu_s(feed), time.monotonic()
        time.sleep(MEASURED_S)
        after, used, elapsed = status(urls), cpu_s(feed) - used, time.monotonic() - began
        rate, memory = (after["sent"] - sent) / elapsed, memory_mib(feed)
        urllib.request.urlopen(f"{urls['EXCHANGE_REST_URL']}/_exchange/end", data=b"").close()
        while status(urls)["session"] != "over":
            time.sleep(0.05)
        until_idle(feed)
        over = status(urls)
        ended = time.monotonic()
        feed.terminate()
        code = feed.wait(PATIENCE_S)
        flushed_s = time.monotonic() - ended
        sizes, put = [], 0
        for size, data in record_sizes(aws["AWS_ENDPOINT_URL"]):
            sizes.append(size)
            put += frames_of(data)
        if code != 0 or after["too_slow"]:
            raise SystemExit(f"error: the feed ended with {code}, {after['too_slow']} sockets were too slow for the exchange")
        billed = sum(math.ceil(size / BILLED_STEP) * BILLED_STEP for size in sizes)
        return {"packing": packing, "sockets": after["connections"], "frames_per_second": rate,
                "cpu_us_per_frame": 1e6 * used / (after["sent"] - sent), "memory_mib": memory, "sent": over["sent"],
                "put": put, "dropped": dropped(), "records": len(sizes), "billed_bytes_per_million": 1e6 * billed / put,
                "bytes_per_million": 1e6 * sum(sizes) / put, "flushed_s": flushed_s}
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


def main():
    built = Path(sys.argv[1])
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"{'packing':8} {'sockets':>7} {'frames/s':>9} {'CPU/frame':>10} {'memory':>8} {'records':>9} "
          f"{'MB/million':>11} {'billed':>8}  the feed, {MEASURED_S} s at {RATE:,} frames/s")
    results = []
    for packing in PACKINGS:
        result = measure(built, packing)
        results.append(result)
        print(f"{packing:8} {result['sockets']:>7} {result['frames_per_second']:>9,.0f} {result['cpu_us_per_frame']:>7.1f} us "
              f"{result['memory_mib']:>4.0f} MiB {result['records']:>9,} {result['bytes_per_million'] / 1e6:>11,.0f} "
              f"{result['billed_bytes_per_million'] / 1e6:>8,.0f}", flush=True)
        missing = result["sent"] - result["dropped"] - result["put"]
        if missing:
            raise SystemExit(f"error: {missing} of {result['sent']} frames are not in the stream")
        if result["memory_mib"] >= MEMORY_MIB_MAX:
            raise SystemExit(f"error: expected less than {MEMORY_MIB_MAX} MiB, had {result['memory_mib']:.0f}")
        if result["frames_per_second"] < RATE:
            raise SystemExit(f"error: expected {RATE} frames a second, had {result['frames_per_second']:.0f}")
    (WORK / "bench.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
