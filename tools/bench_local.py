"""Replays two recordings several times and prints medians: frames a second, and the memory of the largest process.

usage: bench_local.py FOLDER    with frames.ndjson and trades.ndjson in it; writes bench.json there
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 3
TAPELINE = "target/release/tapeline"
# What is run, and the part of the template that it is run through.
RUNS = [
    ("frames through a delivery stream to Parquet", "frames.ndjson", "Archive"),
    ("trades through the calculator", "trades.ndjson", "IndicatorCalculatorFrames"),
]


def replay(folder, recording, part):
    """One run: frames, milliseconds, and the most kilobytes that a process of it held."""
    out = folder / "out"
    command = [TAPELINE, "replay", str(folder / recording), "--only", part, "--out", str(out)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # Its own memory and that of the functions it waited for, whichever is larger.
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    summary = json.loads((out / "summary.json").read_text())
    return summary["frames"], summary["elapsed_ms"], usage.ru_maxrss


def main():
    folder = Path(sys.argv[1])
    print(f"{'':44} {'records':>10} {'median':>9} {'min':>9} {'max':>9}  records/s, {ROUNDS} rounds; memory")
    results = []
    for name, recording, part in RUNS:
        rounds = [replay(folder, recording, part) for _ in range(ROUNDS)]
        rates = [1000 * frames / elapsed_ms for frames, elapsed_ms, _ in rounds]
        memory_mib = max(kilobytes for _, _, kilobytes in rounds) / 1024
        frames = rounds[0][0]
        middle = statistics.median(rates)
        print(f"{name:44} {frames:>10,} {middle:>9,.0f} {min(rates):>9,.0f} {max(rates):>9,.0f}  {memory_mib:.0f} MiB")
        results.append({"name": name, "records": frames, "records_per_second": rates, "memory_mib": memory_mib})
    (folder / "bench.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
