"""Runs an exchange, the feed and `tapeline up` together, and shows bars as they close.

usage: live.py FOLDER [--real] [--speed TIMES] [--symbols LIST] [--bars COUNT]    built binaries in FOLDER

The exchange is the test exchange, as fast as --speed says, unless --real. Ends with Ctrl-C, or after --bars bars. What
the three processes say, and what was delivered, is kept in target/live.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

WORK = Path("target/live")
PATIENCE_S = 60
# What is shown of a bar, and the width of its column.
COLUMNS = [("open", 12), ("high", 12), ("low", 12), ("close", 12), ("base_volume", 16), ("trade_count", 11),
           ("rsi_14", 9), ("ema_20", 14)]


class Process:
    """A command whose words go to a file, but for what is read from it here."""

    def __init__(self, name, command, environment=None, stdout=None):
        self.name = name
        self.said = WORK / f"{name}.log"
        out = open(self.said, "w", encoding="utf-8")
        # Ctrl-C is for this program, which then ends the others in order.
        self.child = subprocess.Popen([str(word) for word in command], stdout=stdout or out, stderr=out,
                                      env={**os.environ, **(environment or {})}, start_new_session=True)

    def line_with(self, start):
        """The line with this start, once it is there."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for line in self.said.read_text(encoding="utf-8").splitlines():
                if line.startswith(start):
                    return line
            if self.child.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"error: {self.name} did not start; see {self.said}")

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.child.kill()


def exported(line):
    """The variables of a line that a shell exports."""
    return dict(word.split("=", 1) for word in line.removeprefix("export ").split())


def show(tail, bars):
    """Prints bars until there are enough; how many were."""
    print(f"{'bar':17} {'symbol':10} {'':4}" + "".join(f" {name:>{width}}" for name, width in COLUMNS), flush=True)
    count = 0
    for line in tail.child.stdout:
        # A record is a row.
        bar = json.loads(json.loads(line)["data"])
        cells = "".join(f" {cell(bar.get(name)):>{width}}" for name, width in COLUMNS)
        print(f"{bar['open_time'][:16]:17} {bar['symbol']:10} {bar['interval']:4}{cells}", flush=True)
        count += 1
        if bars and count >= bars:
            break
    return count


def cell(value):
    if isinstance(value, float):
        return f"{value:.8g}"
    return "" if value is None else str(value)


def run(options, processes):
    built = Path(options.folder)
    up = Process("up", [built / "tapeline", "up", "--data", WORK / "data", "--port", "0"])
    processes.append(up)
    aws = exported(up.line_with("export "))
    tail = Process("tail", [built / "tapeline", "tail", "tapeline-indicators", "--json", "--endpoint-url",
                            aws["AWS_ENDPOINT_URL"]], stdout=subprocess.PIPE)
    processes.append(tail)
    feed = [built / "tapeline-feed", "--symbols", options.symbols, "--stream", "tapeline-frames", "--state", WORK / "state",
            "--endpoint-url", aws["AWS_ENDPOINT_URL"]]
    if not options.real:
        exchange = Process("exchange", [built / "tapeline", "exchange", "--port", "0", "--symbols", options.symbols,
                                        "--speed", options.speed, "--await-streams", "1"])
        processes.append(exchange)
        urls = exported(exchange.line_with("export "))
        feed += ["--socket-url", urls["EXCHANGE_SOCKET_URL"], "--rest-url", urls["EXCHANGE_REST_URL"]]
    processes.append(Process("feed", feed, aws))
    count = show(tail, options.bars)
    if options.bars and count < options.bars:
        raise SystemExit(f"error: expected {options.bars} bars, had {count}; see {WORK}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--speed", default="20")
    parser.add_argument("--symbols", default="BTCUSDT,ETHUSDT,SOLUSDT,DOGEUSDT")
    parser.add_argument("--bars", type=int, default=0)
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    processes = []
    # The system asks a process to end as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(options, processes)
    except KeyboardInterrupt:
        pass
    finally:
        # The feed first: it has something to put until it is gone.
        for process in reversed(processes):
            process.end()


if __name__ == "__main__":
    main()
