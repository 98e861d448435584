"""Counts the instructions of fixed work with callgrind, and compares them with those in bench/instructions.json.

usage: check_instructions.py [--record]    with --record it writes the file instead

Time on a shared machine says little; instructions are the same to a thousandth on every run of one binary. Another
compiler or another processor's vector unit moves them, so the file says what they were counted with.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

BINARY = "target/release/tapeline-instructions"
RECORDED = Path("bench/instructions.json")
# What is counted, and what its unit is.
WORK = {"transform": "record", "fold": "trade", "advance": "closed bar"}
# Two runs whose difference is the work of these rounds: what a process does besides falls out.
ROUNDS = (1, 3)
MARGIN = 0.05


def count(work, rounds):
    """The instructions of a whole run, and the units in one of its rounds."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run([*valgrind, BINARY, work, str(rounds)], capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or collected is None:
        raise SystemExit(f"valgrind failed:\n{run.stderr}")
    return int(collected[1]), int(run.stdout)


def per_unit(work):
    """Instructions of one record, trade or bar."""
    (fewer, _), (more, units) = (count(work, rounds) for rounds in ROUNDS)
    return round((more - fewer) / (ROUNDS[1] - ROUNDS[0]) / units)


def verdict(work, found, recorded):
    """What is wrong with a count; None if nothing is."""
    change = found / recorded - 1
    print(f"{work:10} {found:>8,} instructions per {WORK[work]:11} recorded {recorded:>8,}  {change:+.1%}")
    if change > MARGIN:
        return f"{work} takes more instructions than recorded: make it as fast as it was, or say why it cannot be"
    if change < -MARGIN:
        return f"{work} has become faster: keep that with `make record-instructions`"
    return None


def main():
    found = {work: per_unit(work) for work in WORK}
    if sys.argv[1:] == ["--record"]:
        compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        RECORDED.write_text(json.dumps({"compiler": compiler, "instructions": found}, indent=2) + "\n")
        print(RECORDED.read_text(), end="")
        return
    recorded = json.loads(RECORDED.read_text())
    print(f"recorded with {recorded['compiler']}")
    verdicts = [verdict(work, found[work], recorded["instructions"][work]) for work in WORK]
    if any(verdicts):
        raise SystemExit("\n".join(filter(None, verdicts)))


if __name__ == "__main__":
    main()
