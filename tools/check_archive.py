"""Compares the Parquet of a replay with the frames that were replayed, through an outside reader (DuckDB).

usage: check_archive.py [--market spot|usdm|coinm] DIR RECORDING...

DIR is what `tapeline replay --out DIR` wrote. Checked are: as many rows of each kind as summary.json counts, and for
trade, agg_trade, kline, book_ticker and depth_update every field of every row: prices and quantities digit for digit,
exchange ids, times, taker sides. Frames and rows are paired by what names them at the exchange, so a lost, invented
or repeated row is found too, and a record id must stand for one such name. Ends with 1 and the first differences if
there are any.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb

DIFFERENCES_SHOWN = 5
# A double keeps any decimal of so many digits; beyond that only the nearest double can be asked for.
DOUBLE_DIGITS = 15
PLAIN_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")


class BadFrame(Exception):
    """The frame is not a message that the archive must hold."""


# --- Frames: what the archive should say of each ---


def decimal(message, key):
    text = message[key]
    if not isinstance(text, str) or not PLAIN_DECIMAL.fullmatch(text):
        raise BadFrame(f"{key} is no decimal: {text!r}")
    return Decimal(text)


def micros(milliseconds_or_microseconds):
    """Times are milliseconds, or microseconds when they are that large."""
    time = milliseconds_or_microseconds
    return time if time >= 10**14 else time * 1000


def levels(pairs):
    return [(decimal(pair, 0), decimal(pair, 1)) for pair in pairs]


def execution(message):
    price, quantity = decimal(message, "p"), decimal(message, "q")
    return {
        "price": price,
        "quantity": quantity,
        "quote_quantity": price * quantity,
        "trade_time": micros(message["T"]),
        "taker_side": "sell" if message["m"] else "buy",
    }


def trade(message):
    return {"trade_id": message["t"], **execution(message)}


def agg_trade(message):
    if message["f"] == -1 and message["l"] == -1:
        raise BadFrame("invalidated")
    ids = {"agg_trade_id": message["a"], "first_trade_id": message["f"], "last_trade_id": message["l"]}
    return {**ids, **execution(message)}


def kline(message):
    k = message["k"]
    decimals = {
        "open": "o",
        "high": "h",
        "low": "l",
        "close": "c",
        "base_volume": "v",
        "quote_volume": "q",
        "taker_buy_base_volume": "V",
        "taker_buy_quote_volume": "Q",
    }
    fields = {
        "interval": k["i"],
        "open_time": micros(k["t"]),
        "close_time": micros(k["T"]),
        "trade_count": k["n"],
        "is_closed": k["x"],
        **{name: decimal(k, key) for name, key in decimals.items()},
    }
    if k["f"] != -1:
        fields |= {"first_trade_id": k["f"], "last_trade_id": k["L"]}
    return fields


def book_ticker(message):
    decimals = {"bid_price": "b", "bid_quantity": "B", "ask_price": "a", "ask_quantity": "A"}
    fields = {name: decimal(message, key) for name, key in decimals.items()}
    return {"update_id": message["u"], **fields}


def depth_update(message):
    fields = {
        "first_update_id": message["U"],
        "last_update_id": message["u"],
        "bids": levels(message["b"]),
        "asks": levels(message["a"]),
    }
    if "pu" in message:
        fields["previous_update_id"] = message["pu"]
    return fields


MESSAGES = {
    "trade": ("trade", trade),
    "aggTrade": ("agg_trade", agg_trade),
    "kline": ("kline", kline),
    "bookTicker": ("book_ticker", book_ticker),
    "depthUpdate": ("depth_update", depth_update),
}
# What names a message at the exchange, and so its record id, beside market and symbol.
NAMED_BY = {
    "trade": ("trade_id",),
    "agg_trade": ("agg_trade_id",),
    "kline": ("interval", "open_time"),
    "book_ticker": ("update_id",),
    "depth_update": ("last_update_id",),
}


def expected_of(line, market):
    """What the archive should hold for one frame: its kind and fields."""
    frame = json.loads(line)
    message = frame["data"] if isinstance(frame, dict) and "data" in frame else frame
    if not isinstance(message, dict):
        raise BadFrame("not one message")
    # Spot book tickers name no event type; their update id does not occur in other messages without one.
    event = message.get("e") or ("bookTicker" if "u" in message and "A" in message else None)
    if event not in MESSAGES:
        raise BadFrame(f"not compared: {event}")
    kind, fields_of = MESSAGES[event]
    fields = fields_of(message)
    fields["symbol"], fields["market"] = message["s"], market
    fields["event_time"] = micros(message["E"]) if "E" in message else None
    return kind, fields


def read_frames(paths, market):
    """All frames that the archive must hold, by kind."""
    expected = defaultdict(list)
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            try:
                kind, fields = expected_of(line, market)
            except (BadFrame, KeyError, ValueError):
                continue
            expected[kind].append(fields)
    return expected


def more_than_one(paths):
    """How many messages the frames hold beyond one each: an array frame (`!miniTicker@arr`) is one record of many rows."""
    more = 0
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            try:
                frame = json.loads(line)
            except ValueError:
                continue
            message = frame.get("data", frame) if isinstance(frame, dict) else frame
            more += len(message) - 1 if isinstance(message, list) else 0
    return more


# --- Rows: what the archive says ---


def open_archive(folder):
    files = sorted(str(path) for path in Path(folder).glob("**/kind=*/date=*/*.parquet"))
    if not files:
        sys.exit(f"no Parquet below {folder}: expected **/kind=*/date=*/*.parquet")
    connection = duckdb.connect()
    connection.read_parquet(files, hive_partitioning=True, union_by_name=True).create_view("archive")
    return connection


def read_rows(connection, kind):
    """The rows of one kind, their times as microseconds since the epoch."""
    columns = connection.execute("DESCRIBE archive").fetchall()
    select = ", ".join(as_plain_value(name, type_) for name, type_, *_ in columns)
    cursor = connection.execute(f"SELECT {select} FROM archive WHERE kind = ?", [kind])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def as_plain_value(name, type_):
    if not name.endswith("_time"):
        return f'"{name}"'
    value = f'"{name}"' if type_.startswith("TIMESTAMP") else f'CAST("{name}" AS TIMESTAMP)'
    return f'epoch_us({value}) AS "{name}"'


def summary_of(folder):
    """The two counts of the archive in summary.json that are used here: Ok documents in all, and rows by kind."""
    summary = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))
    archive = summary["delivery_streams"]["tapeline-archive"]
    return archive["records"]["ok"], archive["rows"]


# --- Comparison ---


def same_number(expected, found):
    if isinstance(found, Decimal):
        return expected == found
    if not isinstance(found, (int, float)) or isinstance(found, bool) or float(expected) != found:
        return False
    digits = len(expected.normalize().as_tuple().digits)
    return digits > DOUBLE_DIGITS or expected == Decimal(repr(found))


def same(expected, found):
    if isinstance(expected, Decimal):
        return same_number(expected, found)
    if isinstance(expected, list):
        found = found or []
        return len(expected) == len(found) and all(
            same_number(price, level["price"]) and same_number(quantity, level["quantity"])
            for (price, quantity), level in zip(expected, found)
        )
    return expected == found


def name_of(kind, fields):
    return (kind, *(fields[column] for column in ("market", "symbol", *NAMED_BY[kind])))


def paired(kind, items):
    """Frames or rows by name and event time: open klines of one minute share a name."""
    pairs = defaultdict(list)
    for item in items:
        pairs[(*name_of(kind, item), item["event_time"])].append(item)
    return pairs


def differences_of_row(key, expected, row):
    for column, value in expected.items():
        if not same(value, row.get(column)):
            yield f"{key}: `{column}` should be {value}, is {row.get(column)}"


def differences_of_kind(kind, expected, rows):
    expected, rows = paired(kind, expected), paired(kind, rows)
    for key in sorted(set(expected) | set(rows), key=str):
        frames, found = expected.get(key, []), rows.get(key, [])
        if len(frames) != len(found):
            yield f"{key}: should have {len(frames)} rows, has {len(found)}"
            continue
        for row in found:
            # Repeats of one message say the same; where they do not, one of them must fit.
            candidates = [list(differences_of_row(key, frame, row)) for frame in frames]
            yield from min(candidates, key=len)


def differences_of_ids(rows_by_kind):
    """A record id must stand for one message, whatever its kind, and a message must have one id."""
    names, ids = defaultdict(set), defaultdict(set)
    for kind, rows in rows_by_kind.items():
        for row in rows:
            names[row["id"]].add(name_of(kind, row))
            ids[name_of(kind, row)].add(row["id"])
    for id_, named in names.items():
        if id_ is None or len(named) > 1:
            yield f"id {id_} stands for {len(named)} messages: {sorted(named, key=str)[:2]}"
    for name, of_name in ids.items():
        if len(of_name) > 1:
            yield f"{name}: has {len(of_name)} ids: {sorted(of_name, key=str)[:2]}"


def differences_of_counts(connection, folder, recordings):
    ok, rows_by_kind = summary_of(folder)
    expected = ok + more_than_one(recordings)
    found = Counter(dict(connection.execute("SELECT kind, count(*) FROM archive GROUP BY kind").fetchall()))
    for kind in sorted(set(found) | set(rows_by_kind)):
        if found[kind] != rows_by_kind.get(kind, 0):
            yield f"{kind}: summary.json counts {rows_by_kind.get(kind, 0)} rows, Parquet holds {found[kind]}"
    if found.total() != expected:
        yield f"{ok} Ok records hold {expected} messages, Parquet holds {found.total()} rows"


def without_open(klines):
    return [fields for fields in klines if fields["is_closed"]]


def check(folder, recordings, market):
    """All differences, one line each; prints what was compared."""
    connection = open_archive(folder)
    yield from differences_of_counts(connection, folder, recordings)
    expected = read_frames(recordings, market)
    rows_by_kind = {kind: read_rows(connection, kind) for kind in NAMED_BY}
    for kind, rows in rows_by_kind.items():
        frames = expected[kind]
        if kind == "kline" and not any(not row["is_closed"] for row in rows):
            frames = without_open(frames)
        if frames or rows:
            print(f"{kind}: {len(frames)} frames, {len(rows)} rows")
        yield from differences_of_kind(kind, frames, rows)
    yield from differences_of_ids(rows_by_kind)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--market", default="spot", choices=["spot", "usdm", "coinm"])
    arguments.add_argument("folder", metavar="DIR")
    arguments.add_argument("recordings", metavar="RECORDING", nargs="+")
    options = arguments.parse_args()
    differences = list(check(options.folder, options.recordings, options.market))
    for difference in differences[:DIFFERENCES_SHOWN]:
        print(f"difference: {difference}", file=sys.stderr)
    if differences:
        sys.exit(f"{len(differences)} differences between the frames and the archive")
    print("every row equals its frame")


if __name__ == "__main__":
    main()
