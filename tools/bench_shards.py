"""Replays one session through the calculator with 1 to 16 shards, then with several batch windows; prints two tables.

usage: bench_shards.py    writes target/bench-shards/bench.json

The session has 1,300 symbols and some 10,000 frames a second, a fourth of which are trades. The table's traffic is what
the function counted, and write units follow from it: one for the item of a symbol (at most 1 KiB), two for the series of
an interval whose bar closed (at most 2 KiB; `make bench` prints how long one is).
"""

import json
import os
import subprocess
from pathlib import Path

TAPELINE = "target/release/tapeline"
FOLDER = Path("target/bench-shards")
SYMBOLS = 1300
MINUTES = 2
# How many times as busy as usual takers are: 10,000 frames a second for so many symbols.
PACE = 11
SHARDS = (1, 2, 4, 8, 16)
WINDOWS_S = (1, 2, 5, 10)
# The windows are compared where batches have room to grow: 16 shards take 16 seconds to fill Lambda's largest.
WINDOW_SHARDS = 16
HOT_UNITS, SERIES_UNITS = 1, 2


def session():
    """The recording, made once."""
    recording = FOLDER / f"frames-{SYMBOLS}-{MINUTES}-{PACE}.ndjson"
    if not recording.exists():
        symbols = ",".join(f"S{at:04}USDT" for at in range(SYMBOLS))
        unfinished = recording.with_suffix(".part")
        options = ["--symbols", symbols, "--minutes", str(MINUTES), "--pace", str(PACE), "--out", str(unfinished)]
        subprocess.run([TAPELINE, "sample", *options], check=True, stderr=subprocess.DEVNULL)
        unfinished.rename(recording)
    return recording


def template(window_s):
    """The template with another batch window."""
    text, line = Path("template.yaml").read_text(), "MaximumBatchingWindowInSeconds: 1\n"
    if text.count(line) != 1:
        raise SystemExit(f"expected one line `{line.strip()}` in template.yaml")
    path = FOLDER / f"template-{window_s}s.yaml"
    path.write_text(text.replace(line, f"MaximumBatchingWindowInSeconds: {window_s}\n"))
    return path


def replay(recording, shards, window_s):
    """One run: what the mapping and the function counted, and the processor seconds of all of it."""
    out = FOLDER / "out"
    command = [TAPELINE, "replay", str(recording), "--template", str(template(window_s)), "--out", str(out)]
    command += ["--only", "IndicatorCalculatorFrames", "--shards", str(shards)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    (mapping,) = json.loads((out / "summary.json").read_text())["mappings"].values()
    metrics, bars = mapping["metrics"], sum(mapping["bars_closed"].values())
    units = (metrics["ItemsWritten"] - bars) * HOT_UNITS + bars * SERIES_UNITS
    return {
        "shards": shards,
        "window_s": window_s,
        "frames": mapping["records"],
        "trades": metrics["TradesFolded"],
        "bars": bars,
        "batches": mapping["invocations"],
        "frames_a_batch": mapping["records"] / mapping["invocations"],
        "read_a_second": metrics["ItemsRead"] / MINUTES / 60,
        "written_a_second": metrics["ItemsWritten"] / MINUTES / 60,
        "units_a_symbol_minute": units / SYMBOLS / MINUTES,
        "cpu_us_a_frame": (usage.ru_utime + usage.ru_stime) * 1e6 / mapping["records"],
    }


COLUMNS = {
    "shards": "shards",
    "window_s": "window s",
    "batches": "batches",
    "frames_a_batch": "frames/batch",
    "read_a_second": "reads/s",
    "written_a_second": "writes/s",
    "written_a_shard": "writes/s/sh.",
    "units_a_symbol_minute": "units/sym-min",
    "cpu_us_a_frame": "CPU us/frame",
}


def tell(title, runs):
    """Prints runs, each as soon as it has come to its end."""
    print(f"\n{title}")
    print("".join(f"{name:>14}" for name in COLUMNS.values()))
    told = []
    for run in runs:
        run["written_a_shard"] = run["written_a_second"] / run["shards"]
        cells = (run[name] for name in COLUMNS)
        print("".join(f"{cell:>14,.1f}" if isinstance(cell, float) else f"{cell:>14,}" for cell in cells), flush=True)
        told.append(run)
    return told


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    recording = session()
    with recording.open("rb") as lines:
        frames = sum(1 for _ in lines)
    print(f"{SYMBOLS:,} symbols, {frames / MINUTES / 60:,.0f} frames a second, {MINUTES} minutes")
    shards = tell("by shards", (replay(recording, shards, WINDOWS_S[0]) for shards in SHARDS))
    windows = tell("by batch window", (replay(recording, WINDOW_SHARDS, window_s) for window_s in WINDOWS_S))
    (FOLDER / "bench.json").write_text(json.dumps({"shards": shards, "windows": windows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
