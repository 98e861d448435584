"""Compares the bars of a replay with the exchange's own, through an outside reader (DuckDB).

usage: check_bars.py --interval 1m DIR FILE

DIR is what `tapeline replay --out DIR` wrote. FILE holds the exchange's bars: a CSV with the header
`open_ms,open,high,low,close,volume`, or recorded frames, of which every closed kline of the interval is one. Each bar of
FILE must be in the archive with the same open, high, low, close and volume, and of a CSV the archive must have no other
bar. Of frames it may: a recording's first bars are partial, and a kline may never come. Ends with 1 and the first
differences if there are any.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import duckdb

DIFFERENCES_SHOWN = 5
PRICES = ("open", "high", "low", "close")


def bars_of_csv(path):
    """(symbol, open time in ms) to prices and volume; the symbol is empty, as the file has one only."""
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {("", int(row["open_ms"])): tuple(float(row[key]) for key in (*PRICES, "volume")) for row in rows}


def bars_of_frames(path, interval):
    bars = {}
    for line in path.open():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        message = message.get("data", message) if isinstance(message, dict) else {}
        k = message.get("k") if isinstance(message, dict) and message.get("e") == "kline" else None
        # The sample session has broken frames on purpose; what the transformer refuses has no bar.
        if isinstance(k, dict) and k.get("x") is True and k.get("i") == interval:
            milliseconds = k["t"] if k["t"] < 10**14 else k["t"] // 1000
            bars[(message["s"], milliseconds)] = tuple(float(k[key]) for key in ("o", "h", "l", "c", "v"))
    return bars


def bars_of_archive(folder, interval, has_symbols):
    symbol = "symbol" if has_symbols else "''"
    rows = duckdb.execute(
        f"""select distinct {symbol}, epoch_ms(open_time), open, high, low, close, base_volume, partial
            from read_parquet(?) where interval = ?""",
        [str(folder / "*" / "indicators" / "*" / "*.parquet"), interval],
    ).fetchall()
    bars = {(symbol, open_ms): (values, partial) for symbol, open_ms, *values, partial in rows}
    if len(bars) != len(rows):
        sys.exit("a bar was published with different values")
    return bars


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--interval", default="1m")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("file", type=Path)
    options = arguments.parse_args()
    is_csv = options.file.suffix == ".csv"
    theirs = bars_of_csv(options.file) if is_csv else bars_of_frames(options.file, options.interval)
    ours = bars_of_archive(options.folder, options.interval, has_symbols=not is_csv)
    differences = [f"{key}: only the archive has it" for key in ours.keys() - theirs.keys() if is_csv]
    compared = 0
    for key, expected in sorted(theirs.items()):
        values, is_partial = ours.get(key, ([], False))
        if not values and expected[-1] == 0:
            # Nothing was traded: without FILL=flat there is no bar.
            continue
        compared += 1
        # What was traded before the recording began is in the exchange's first bar only.
        compared -= is_partial and not is_csv
        if tuple(values) != expected and not (is_partial and not is_csv):
            differences.append(f"{key}: expected {expected}, was {tuple(values)}")
    for difference in differences[:DIFFERENCES_SHOWN]:
        print(difference)
    print(f"{compared} bars of {options.interval} compared, {len(differences)} differences")
    return 1 if differences or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
