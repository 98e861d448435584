"""The handler as Powertools for AWS Lambda documents it: the data classes of Firehose, JSON as dictionaries."""

import json
from datetime import datetime, timezone

from aws_lambda_powertools.utilities.data_classes import (
    KinesisFirehoseDataTransformationRecordMetadata,
    KinesisFirehoseDataTransformationResponse,
    KinesisFirehoseEvent,
    event_source,
)
from aws_lambda_powertools.utilities.serialization import base64_from_str


@event_source(data_class=KinesisFirehoseEvent)
def handler(event: KinesisFirehoseEvent, context):
    response = KinesisFirehoseDataTransformationResponse()
    for record in event.records:
        response.add_record(answer(record))
    return response.asdict()


def answer(record):
    """The outcome of one record."""
    try:
        row = transform(record.data_as_json["data"], iso(record.approximate_arrival_timestamp))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return record.build_data_transformation_response(result="ProcessingFailed", data=record.data)
    if row is None:
        return record.build_data_transformation_response(result="Dropped")
    date = row.get("event_time", row["arrival_time"])[:10]
    metadata = KinesisFirehoseDataTransformationRecordMetadata({"kind": row["kind"], "date": date})
    data = base64_from_str(json.dumps(row) + "\n")
    return record.build_data_transformation_response(result="Ok", data=data, metadata=metadata)


def transform(data, arrival):
    """The row of a frame; None for what is left out on purpose."""
    event = data.get("e")
    if event == "kline" and not data["k"]["x"]:
        return None
    kind, read, identity = STREAMS[event]
    symbol = data["s"]
    row = {"kind": kind, "market": "spot", "symbol": symbol, "id": f"spot|{symbol}|{identity(data)}"}
    if "E" in data:
        row["event_time"] = iso(data["E"])
    row["arrival_time"] = arrival
    row.update(read(data))
    return row


def iso(millis):
    """A time in milliseconds as it stands in a row."""
    return datetime.fromtimestamp(millis / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def execution(data):
    price, quantity = float(data["p"]), float(data["q"])
    return {
        "price": price,
        "quantity": quantity,
        "quote_quantity": price * quantity,
        "trade_time": iso(data["T"]),
        "taker_side": "sell" if data["m"] else "buy",
    }


def trade(data):
    return {"trade_id": data["t"], **execution(data)}


def agg_trade(data):
    ids = {"agg_trade_id": data["a"], "first_trade_id": data["f"], "last_trade_id": data["l"]}
    return {**ids, **execution(data)}


def kline(data):
    k = data["k"]
    return {
        "interval": k["i"],
        "open_time": iso(k["t"]),
        "close_time": iso(k["T"]),
        "open": float(k["o"]),
        "high": float(k["h"]),
        "low": float(k["l"]),
        "close": float(k["c"]),
        "base_volume": float(k["v"]),
        "quote_volume": float(k["q"]),
        "trade_count": k["n"],
        "taker_buy_base_volume": float(k["V"]),
        "taker_buy_quote_volume": float(k["Q"]),
        "first_trade_id": k["f"],
        "last_trade_id": k["L"],
        "is_closed": k["x"],
    }


def levels(pairs):
    return [{"price": float(price), "quantity": float(quantity)} for price, quantity in pairs]


def depth_update(data):
    return {
        "first_update_id": data["U"],
        "last_update_id": data["u"],
        "bids": levels(data["b"]),
        "asks": levels(data["a"]),
    }


def book_ticker(data):
    return {
        "update_id": data["u"],
        "bid_price": float(data["b"]),
        "bid_quantity": float(data["B"]),
        "ask_price": float(data["a"]),
        "ask_quantity": float(data["A"]),
    }


# By event type: the kind, how its columns are read, and what makes its id unique. Best bid and ask have no type.
STREAMS = {
    "trade": ("trade", trade, lambda data: f"t|{data['t']}"),
    "aggTrade": ("agg_trade", agg_trade, lambda data: f"a|{data['a']}"),
    "kline": ("kline", kline, lambda data: f"k|{data['k']['i']}|{data['k']['t']}000"),
    "depthUpdate": ("depth_update", depth_update, lambda data: f"d|{data['u']}"),
    None: ("book_ticker", book_ticker, lambda data: f"b|{data['u']}"),
}
