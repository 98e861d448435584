"""Writes the sample invocations in events/. The same bytes every time; events/README.md says what each shows.

usage: tools/make_events.py

The frames stand here in the clear, as the exchange sends them; in the events they are base64.
"""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

EVENTS = Path(__file__).parent.parent / "events"
ACCOUNT = "123456789012"
DELIVERY = f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/tapeline-archive"
SOURCE = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/tapeline-frames"
FIRST_SEQUENCE = 49546986683135544286507457936321625675700192471156785154
# Arrival of a record that tells no time; the documented examples are about as old.
ARRIVAL = 1672515782250
# From the exchange to the stream.
DELAY_MS = 114

# --- Frames of the spot market: "WebSocket Streams", the documented example of each ---

TRADE = '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}'
# A second trade for records of two: digits with zeros behind, the other side.
TRADE_2 = (
    '{"e":"trade","E":1672515782140,"s":"BNBBTC","t":12346,"p":"0.00100100","q":"23.00000000",'
    '"T":1672515782139,"m":false,"M":true}'
)
AGG_TRADE = (
    '{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,'
    '"T":1672515782136,"m":true,"M":true}'
)
BLOCK_TRADE = (
    '{"e":"blockTrade","E":1672515782136,"s":"BNBBTC","t":77,"p":"0.001","q":"100","T":1672515782136,"m":true}'
)
OPEN_KLINE = (
    '{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m",'
    '"f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000",'
    '"V":"500","Q":"0.500","B":"123456"}}'
)
KLINE = OPEN_KLINE.replace('"x":false', '"x":true')
MINI_TICKER = (
    '{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010",'
    '"v":"10000","q":"18"}'
)
TICKER = (
    '{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009",'
    '"c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010",'
    '"v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}'
)
ROLLING_TICKER = (
    '{"e":"1hTicker","E":1672515782136,"s":"BNBBTC","p":"-0.0015","P":"-250.00","o":"0.0010","h":"0.0025",'
    '"l":"0.0010","c":"0.0025","w":"0.0018","v":"10000","q":"18","O":0,"C":1675216573749,"F":0,"L":18150,"n":18151}'
)
BOOK_TICKER = (
    '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
)
AVG_PRICE = (
    '{"e":"avgPrice","E":1693907033000,"s":"BTCUSDT","i":"5m","w":"25776.86000000","T":1693907032213}'
)
DEPTH_SNAPSHOT = '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}'
DEPTH_UPDATE = (
    '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}'
)
REFERENCE_PRICE = '{"e":"referencePrice","s":"BAZUSD","r":"1.00000000","t":1770313152960}'

# --- Frames of USD-margined futures: "Websocket Market Streams" ---

USDM_AGG_TRADE = (
    '{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,"l":105,'
    '"T":1672515782130,"m":true}'
)
# Undocumented, and seen: a row without price and quantity.
USDM_EMPTY_TRADE = (
    '{"e":"trade","E":1672515782136,"T":1672515782130,"s":"BTCUSDT","t":900,"p":"0","q":"0","X":"NA","m":true}'
)
USDM_KLINE = KLINE.replace("BNBBTC", "BTCUSDT")
USDM_MARK_PRICE = (
    '{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091",'
    '"P":"11784.25641265","r":"0.00038167","T":1562306400000}'
)
# A contract with a delivery date has no funding.
USDM_DELIVERY_MARK_PRICE = (
    '{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT_190927","p":"11794.15000000","i":"11784.62659091",'
    '"P":"11784.25641265","r":"","T":0}'
)
USDM_LIQUIDATION = (
    '{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910",'
    '"ap":"9910","X":"FILLED","l":"0.014","z":"0.014","T":1568014460893}}'
)
USDM_BOOK_TICKER = (
    '{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000",'
    '"B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
)
USDM_DEPTH_SNAPSHOT = (
    '{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","U":390497796,"u":390497878,"pu":390497794,'
    '"b":[["7403.89","0.002"],["7403.90","3.906"]],"a":[["7405.96","3.340"],["7406.63","4.525"]]}'
)
USDM_DEPTH_UPDATE = (
    '{"e":"depthUpdate","E":1672515782136,"T":1672515782130,"s":"BTCUSDT","U":157,"u":160,"pu":149,'
    '"b":[["0.0024","10"]],"a":[["0.0026","0"]]}'
)
USDM_TICKER = (
    '{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"0.0015","P":"250.00","w":"0.0018","c":"0.0025","Q":"10",'
    '"o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}'
)

# --- Frames of coin-margined futures: volumes count contracts ---

COINM_AGG_TRADE = (
    '{"e":"aggTrade","E":1591261134288,"a":424951,"s":"BTCUSD_200626","p":"9643.5","q":"2","f":606073,"l":606073,'
    '"T":1591261134199,"m":false}'
)
COINM_KLINE = (
    '{"e":"kline","E":1591261542539,"s":"BTCUSD_200626","k":{"t":1591261500000,"T":1591261559999,'
    '"s":"BTCUSD_200626","i":"1m","f":606400,"L":606430,"o":"9638.9","c":"9639.0","h":"9639.0","l":"9638.9",'
    '"v":"156","n":31,"x":true,"q":"1.61836886","V":"73","Q":"0.75731156","B":"0"}}'
)
COINM_MARK_PRICE = (
    '{"e":"markPriceUpdate","E":1596095725000,"s":"BTCUSD_201225","p":"10934.62615417","P":"10962.17178236","r":"",'
    '"T":0}'
)
COINM_TICKER = (
    '{"e":"24hrTicker","E":1591268262453,"s":"BTCUSD_200626","ps":"BTCUSD","p":"-43.4","P":"-0.452","w":"0.00147974",'
    '"c":"9548.5","Q":"2","o":"9591.9","h":"10000.0","l":"7000.0","v":"487850","q":"32968676323.46222700",'
    '"O":1591181820000,"C":1591268262442,"F":512014,"L":615289,"n":103272}'
)
COINM_INDEX_PRICE = '{"e":"indexPriceUpdate","E":1591261236000,"i":"BTCUSD","p":"9636.57860000"}'

# --- How frames become records ---


def combined(stream, payload):
    """A frame as a combined connection sends it."""
    return f'{{"stream":"{stream}","data":{payload}}}'


def text_of(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def lines(*frames):
    return "".join(frame + "\n" for frame in frames)


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def aggregated(*frames, key_index=0):
    return aggregated_by(["spot|BNBBTC"], [(key_index, frame) for frame in frames])


def aggregated_by(keys, parts):
    """The format of the Kinesis Producer Library: magic, protobuf, MD5. A part is the index of its key, and its data."""
    records = (field(3, b"\x08" + varint(index) + field(3, data.encode())) for index, data in parts)
    message = b"".join(field(1, key.encode()) for key in keys) + b"".join(records)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


# `zstd -19` of both trades as lines, and of a megabyte of spaces: the standard library does not write zstd.
ZSTD_TRADES = base64.b64decode(
    "KLUv/QRolQMAYsYUGIBtDqon70LoCCdDOT0JjdAnkuxmDhZTGFKjMIQuxk4DoDqecIpi30meV933oedXden7z7MFjLcfny+S95D3vvR0bHkQ2jYW"
    "3PaN5+GiRPF9eCoLAALDBO0FDA24oDwk6BqA+IKC6cAwa0BHmIMZcJdd3g=="
)
ZSTD_SPACES = base64.b64decode("KLUv/QRoTAAACCABAPz/ORACAgAQIAIAECACABAgAgAQIAIAECACABAgAxIKIGkCa9w=")


def gzipped(data):
    return gzip.compress(data.encode(), 9, mtime=0)


# --- How records become events ---


def arrival_of(data):
    time = None if isinstance(data, bytes) else re.search(r'"[Et]":(\d{13})', data)
    return int(time[1]) + DELAY_MS if time else ARRIVAL


def records_of(parts, arrivals=None):
    """Records as a delivery stream without a data stream in front of it delivers them."""
    arrivals = arrivals or [arrival_of(data) for data in parts]
    return [
        {
            "recordId": f"{FIRST_SEQUENCE + at}000000",
            "approximateArrivalTimestamp": arrival,
            "data": text_of(data),
        }
        for at, (data, arrival) in enumerate(zip(parts, arrivals, strict=True))
    ]


def kinesis_metadata(record, key, subsequence=0):
    return {
        "shardId": "shardId-000000000000",
        "partitionKey": key,
        "approximateArrivalTimestamp": record["approximateArrivalTimestamp"],
        "sequenceNumber": record["recordId"][:-6],
        "subsequenceNumber": subsequence,
    }


def direct_put(records):
    return {
        "invocationId": "b6b5b9a3-8d8c-4a37-93ab-1f6f9d9ad1f3",
        "deliveryStreamArn": DELIVERY,
        "region": "eu-west-1",
        "records": records,
    }


def from_kinesis(records, key="spot|BNBBTC"):
    for record in records:
        record["kinesisRecordMetadata"] = kinesis_metadata(record, key)
    event = direct_put(records)
    return {
        "invocationId": event.pop("invocationId"),
        "sourceKinesisStreamArn": SOURCE,
        **event,
    }


def from_msk(values):
    records = records_of(values)
    for at, record in enumerate(records):
        record["mskRecordMetadata"] = {
            "offset": str(at),
            "partitionId": "1",
            "approximateArrivalTimestamp": record["approximateArrivalTimestamp"],
        }
        record["kafkaRecordValue"] = record.pop("data")
    # A Kafka record without a value, which deletes a key.
    records[-1]["kafkaRecordValue"] = None
    event = direct_put(records)
    event["sourceMSKArn"] = f"arn:aws:kafka:eu-west-1:{ACCOUNT}:cluster/tapeline/6d9a2a1b-5d5c-4c5f-8f5f-0e6a0f1d2c3b-1"
    return event


def batch(parts, first=0, arrival=None):
    """A batch of a Kinesis event source; a part is the partition key and the data of a record."""
    records = []
    for at, (key, data) in enumerate(parts, first):
        sequence = str(FIRST_SEQUENCE + at)
        records.append(
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": key,
                    "sequenceNumber": sequence,
                    "data": text_of(data),
                    "approximateArrivalTimestamp": (arrival or last_time_of(data) + DELAY_MS) / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/tapeline",
                "awsRegion": "eu-west-1",
                "eventSourceARN": SOURCE,
            }
        )
    return {"Records": records}


def last_time_of(data):
    """Event time of the last frame of a record."""
    text = gzip.decompress(data).decode() if data[:2] == b"\x1f\x8b" else data
    text = text if isinstance(text, str) else text.decode(errors="ignore")
    return max(int(time) for time in re.findall(r'"E":(\d{13})', text))


# --- The events ---


def streams():
    """One frame of each stream of each market."""
    return {
        "good": from_kinesis(
            records_of(
                [
                    combined("bnbbtc@trade", TRADE),
                    combined("bnbbtc@aggTrade", AGG_TRADE),
                    combined("bnbbtc@blockTrade", BLOCK_TRADE),
                    combined("bnbbtc@kline_1m", KLINE),
                    combined("bnbbtc@miniTicker", MINI_TICKER),
                    combined("bnbbtc@ticker", TICKER),
                    combined("bnbbtc@ticker_1h", ROLLING_TICKER),
                    combined("bnbusdt@bookTicker", BOOK_TICKER),
                    combined("btcusdt@avgPrice", AVG_PRICE),
                    combined("bnbbtc@depth5@100ms", DEPTH_SNAPSHOT),
                    combined("bnbbtc@depth@100ms", DEPTH_UPDATE),
                    combined("bazusd@referencePrice", REFERENCE_PRICE),
                    combined("bazusd@referencePrice", REFERENCE_PRICE.replace('"1.00000000"', "null")),
                ]
            )
        ),
        "futures": from_kinesis(
            records_of(
                [
                    combined("btcusdt@aggTrade", USDM_AGG_TRADE),
                    combined("btcusdt@trade", USDM_EMPTY_TRADE),
                    combined("btcusdt@kline_1m", USDM_KLINE),
                    combined("btcusdt@markPrice@1s", USDM_MARK_PRICE),
                    combined("btcusdt_190927@markPrice", USDM_DELIVERY_MARK_PRICE),
                    combined("btcusdt@forceOrder", USDM_LIQUIDATION),
                    combined("bnbusdt@bookTicker", USDM_BOOK_TICKER),
                    combined("btcusdt@depth10@100ms", USDM_DEPTH_SNAPSHOT),
                    combined("btcusdt@depth@100ms", USDM_DEPTH_UPDATE),
                    combined("btcusdt@ticker", USDM_TICKER),
                ]
            ),
            "usdm|BTCUSDT",
        ),
        "coinm": from_kinesis(
            records_of(
                [
                    combined("btcusd_200626@aggTrade", COINM_AGG_TRADE),
                    combined("btcusd_200626@kline_1m", COINM_KLINE),
                    combined("btcusd_201225@markPrice", COINM_MARK_PRICE),
                    combined("btcusd_200626@ticker", COINM_TICKER),
                    combined("btcusd@indexPrice", COINM_INDEX_PRICE),
                ]
            ),
            "coinm|BTCUSD_200626",
        ),
    }


def outcomes():
    """Records of every outcome, and the settings that decide on them."""
    return {
        "mixed": from_kinesis(
            records_of(
                [
                    combined("bnbbtc@trade", TRADE),
                    '{"result":null,"id":1}',
                    combined("!serverShutdown", '{"e":"serverShutdown","E":1672515782136}'),
                    combined("bnbbtc@kline_1m", OPEN_KLINE),
                    combined("bnbbtc@trade", TRADE.replace('"0.001"', '"1e-3"')),
                    combined("bnbbtc@continuousKline_1m", '{"e":"continuous_kline","E":1672515782136}'),
                    combined("bnbbtc@trade", TRADE)[:100],
                    DEPTH_SNAPSHOT,
                    combined("bnbbtc@trade", TRADE.replace('"t":12345,', "")),
                    combined("bnbbtc@trade", TRADE.replace("12345", '"12345"')),
                    combined("bnbbtc@trade", TRADE.replace('"T":1672515782136', '"T":253402300800000000')),
                    combined("bnbbtc@trade", TRADE_2),
                ]
            )
        ),
        "klines": from_kinesis(
            records_of(
                [
                    combined("bnbbtc@kline_1m", OPEN_KLINE),
                    combined("bnbbtc@kline_1m", KLINE),
                    combined("bnbbtc@kline_1m@+08:00", KLINE.replace('"f":100,"L":200', '"f":-1,"L":-1')),
                ]
            )
        ),
        "filtered": from_kinesis(
            records_of(
                [
                    combined("bnbbtc@trade", TRADE),
                    combined("ethbtc@trade", TRADE.replace("BNBBTC", "ETHBTC")),
                    combined("bnbbtc@aggTrade", AGG_TRADE),
                    lines(TRADE, TRADE_2.replace("BNBBTC", "ETHBTC")),
                ]
            )
        ),
        "invalidated": from_kinesis(
            records_of(
                [
                    AGG_TRADE.replace('"0.001"', '"0"').replace('"100"', '"0"').replace("100", "-1").replace("105", "-1"),
                    AGG_TRADE,
                ]
            )
        ),
        "documents": from_kinesis(
            records_of(
                [
                    combined("bnbbtc@trade", TRADE),
                    lines(TRADE, TRADE_2),
                    lines('{"result":null,"id":1}', TRADE),
                    f"[{TRADE}]",
                ]
            )
        ),
        "csv": from_kinesis(
            records_of(
                [lines(TRADE, TRADE_2), combined("bnbbtc@depth5", DEPTH_SNAPSHOT), combined("bnbbtc@kline_1m", KLINE)]
            )
        ),
    }


def framings():
    """Every way in which frames are packed into records."""
    both = lines(TRADE, TRADE_2)
    aggregate = aggregated(TRADE, TRADE_2)
    return {
        "json-lines": from_kinesis(records_of([both, TRADE + TRADE_2, f"\n{TRADE}\r\n\r\n{TRADE_2}"])),
        "json-array": from_kinesis(records_of([f"[{TRADE},{TRADE_2}]", f"[{TRADE}]\n[{TRADE_2}]", f"[{TRADE},]"])),
        "array-ticker": from_kinesis(
            records_of(
                [
                    combined("!miniTicker@arr", f"[{MINI_TICKER},{MINI_TICKER.replace('BNBBTC', 'ETHBTC')}]"),
                    f"[{MINI_TICKER},{MINI_TICKER.replace('BNBBTC', 'ETHBTC')}]",
                ]
            )
        ),
        "gzip": from_kinesis(
            records_of([gzipped(both), gzipped(TRADE) + gzipped(TRADE_2), gzipped(both)[:-4], gzipped(" " * 1_000_000)])
        ),
        "zstd": from_kinesis(records_of([ZSTD_TRADES, ZSTD_TRADES[:-4], ZSTD_SPACES])),
        "kpl": from_kinesis(
            records_of(
                [
                    text_of(aggregate),
                    aggregate,
                    aggregate[:-1] + bytes([aggregate[-1] ^ 1]),
                    aggregated(TRADE, key_index=1),
                ]
            )
        ),
        "sbe": from_kinesis(
            # Block length 18, template 10000 (trades), schema 1, version 0; then times in microseconds and exponents.
            records_of([bytes.fromhex("12001027010000004041e6d60bf1050040e2e5d60bf10500f8f8"), TRADE])
        ),
    }


def sources():
    """The shapes in which Firehose, its samples and an emulator deliver records."""
    subsequences = from_kinesis(records_of([TRADE, TRADE_2, TRADE, TRADE_2]))
    for record, subsequence in zip(subsequences["records"], [7, "123456", "", None], strict=True):
        record["kinesisRecordMetadata"]["subsequenceNumber"] = subsequence
    del subsequences["records"][-1]["kinesisRecordMetadata"]["subsequenceNumber"]
    emulated = records_of([TRADE, BOOK_TICKER])
    return {
        "direct-put": direct_put(records_of([TRADE, KLINE])),
        "kinesis-sourced": from_kinesis(records_of([combined("bnbbtc@trade", TRADE), combined("bnbbtc@trade", TRADE_2)])),
        "kafka": from_msk([TRADE, '{"result":null,"id":1}', TRADE[:20], ""]),
        "subsequence": subsequences,
        "emulator": {"records": emulated},
        # Samples of AWS to the letter.
        "published-sample": {
            "invocationId": "invoked123",
            "deliveryStreamArn": "aws:lambda:events",
            "region": "us-west-2",
            "records": [
                {
                    "data": "SGVsbG8gV29ybGQ=",
                    "recordId": "record1",
                    "approximateArrivalTimestamp": 1510772160000,
                    "kinesisRecordMetadata": {
                        "shardId": "shardId-000000000000",
                        "partitionKey": "4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
                        "approximateArrivalTimestamp": "2012-04-23T18:25:43.511Z",
                        "sequenceNumber": "49546986683135544286507457936321625675700192471156785154",
                        "subsequenceNumber": "",
                    },
                },
                {
                    "data": "SGVsbG8gV29ybGQ=",
                    "recordId": "record2",
                    "approximateArrivalTimestamp": 151077216000,
                    "kinesisRecordMetadata": {
                        "shardId": "shardId-000000000001",
                        "partitionKey": "4d1ad2b9-24f8-4b9d-a088-76e9947c318a",
                        "approximateArrivalTimestamp": "2012-04-23T19:25:43.511Z",
                        "sequenceNumber": "49546986683135544286507457936321625675700192471156785155",
                        "subsequenceNumber": "",
                    },
                },
            ],
        },
        "misspelt": {
            "invocationId": "invocationIdExample",
            "deliverySteamArn": "arn:aws:kinesis:EXAMPLE",
            "region": "us-east-1",
            "records": [
                {
                    "recordId": "49546986683135544286507457936321625675700192471156785154",
                    "approximateArrivalTimestamp": 1495072949453,
                    "kinesisRecordMetadata": {
                        "sequenceNumber": "49545115243490985018280067714973144582180062593244200961",
                        "subsequenceNumber": "123456",
                        "partitionKey": "partitionKey-03",
                        "shardId": "shardId-000000000000",
                        "approximateArrivalTimestamp": 1495072949453,
                    },
                    "data": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0IDEyMy4=",
                }
            ],
        },
    }


def oddities():
    """What a careful reader must be ready for."""
    not_base64 = direct_put(records_of([TRADE] * 4))
    for record, data in zip(not_base64["records"], [TRADE, "%%%", 42, text_of(TRADE)], strict=True):
        record["data"] = data
    absent = direct_put(records_of([TRADE] * 3))
    del absent["records"][0]["data"]
    absent["records"][1]["data"] = None
    unpadded = direct_put(records_of([TRADE, AGG_TRADE]))
    for record in unpadded["records"]:
        assert record["data"].endswith("=")
        record["data"] = record["data"].rstrip("=")
    times = ["2022-12-31T19:43:02.250Z", 1672515782250.0, 1672515782, 1672515782.25, "1672515782250", "soon", None]
    odd_times = direct_put(records_of([TRADE] * 7 + [BOOK_TICKER], [*times, None]))
    return {
        "empty-data": direct_put(records_of(["", "\n", "[]", TRADE])),
        "not-base64": not_base64,
        "absent-data": absent,
        "unpadded": unpadded,
        "odd-timestamps": odd_times,
        "duplicate-keys": from_kinesis(records_of([TRADE.replace('"q"', '"p"'), TRADE])),
        "microseconds": from_kinesis(
            records_of(
                [
                    TRADE.replace("1672515782136", "1672515782136789"),
                    KLINE.replace("782136", "782136789").replace("780000", "780000000").replace("839999", "839999999"),
                ]
            )
        ),
        "utf8-symbol": from_kinesis(
            records_of(
                [
                    TRADE.replace("BNBBTC", "币安人生USDT"),
                    TRADE.replace("BNBBTC", r"\u5e01\u5b89\u4eba\u751fUSDT"),
                    combined("币安人生usdt@depth5", DEPTH_SNAPSHOT),
                ]
            ),
            "spot|币安人生USDT",
        ),
    }


def partitions():
    """Where records go."""
    midnight = 1672531200000
    late = TRADE.replace("1672515782136", str(midnight - 1))
    early = TRADE_2.replace("1672515782140", str(midnight)).replace("1672515782139", str(midnight))
    return {
        "two-days": from_kinesis(records_of([lines(late, early), late, early], [midnight + 100] * 3)),
        "mixed-partition": from_kinesis(
            records_of([lines(TRADE, AGG_TRADE), lines(TRADE, TRADE_2.replace("BNBBTC", "ETHBTC")), lines(TRADE, TRADE_2)])
        ),
        "symbol-keys": from_kinesis(
            records_of(
                [
                    lines(TRADE, TRADE_2),
                    lines(TRADE, TRADE_2.replace("BNBBTC", "ETHBTC")),
                    TRADE.replace("BNBBTC", "币安人生USDT"),
                    TRADE.replace("BNBBTC", "BNB=BTC"),
                ]
            )
        ),
    }


def invalid():
    """Events that cannot be answered: the whole invocation must fail."""
    nameless = direct_put(records_of([TRADE, TRADE_2]))
    del nameless["records"][1]["recordId"]
    return {"invalid-no-record-id": nameless, "invalid-kinesis-event": batch([("spot|BNBBTC", TRADE)], arrival=ARRIVAL)}


# --- Batches of the calculator: a session of the exchange's frames, twelve o'clock and on ---

NOON = 1767614400000  # 2026-01-05T12:00:00Z


def at(clock):
    """Milliseconds of a time of that hour: minutes:seconds.milliseconds."""
    minutes, seconds = clock.split(":")
    return NOON + int(minutes) * 60_000 + round(float(seconds) * 1000)


def trade(symbol, trade_id, clock, price, quantity, taker_side):
    """A trade as the exchange's documentation has it, a millisecond before it was sent."""
    payload = (
        f'{{"e":"trade","E":{at(clock) + 1},"s":"{symbol}","t":{trade_id},"p":"{price}","q":"{quantity}",'
        f'"T":{at(clock)},"m":{"true" if taker_side == "sell" else "false"},"M":true}}'
    )
    return f"spot|{symbol}", combined(f"{symbol.lower()}@trade", payload)


def usdm_agg_trade(aggregate_id, ids, clock, price, quantity, taker_side):
    first, last = ids
    payload = (
        f'{{"e":"aggTrade","E":{at(clock) + 1},"s":"BTCUSDT","a":{aggregate_id},"p":"{price}","q":"{quantity}",'
        f'"f":{first},"l":{last},"T":{at(clock)},"m":{"true" if taker_side == "sell" else "false"}}}'
    )
    return "usdm|BTCUSDT", combined("btcusdt@aggTrade", payload)


def mini_ticker(symbol, clock):
    payload = MINI_TICKER.replace("BNBBTC", symbol).replace("1672515782136", str(at(clock)))
    return f"spot|{symbol}", combined(f"{symbol.lower()}@miniTicker", payload)


def kline(minute, clock, is_closed, ids, prices, volumes):
    """A kline of BNBBTC; prices are open, high, low and close, volumes base, quote, and what takers bought of both."""
    (first, last), (o, h, l, c), (v, q, taker_v, taker_q) = ids, prices, volumes
    count = last - first + 1 if first >= 0 else 0
    payload = (
        f'{{"e":"kline","E":{at(clock)},"s":"BNBBTC","k":{{"t":{at(f"{minute}:0")},"T":{at(f"{minute + 1}:0") - 1},'
        f'"s":"BNBBTC","i":"1m","f":{first},"L":{last},"o":"{o}","c":"{c}","h":"{h}","l":"{l}","v":"{v}","n":{count},'
        f'"x":{"true" if is_closed else "false"},"q":"{q}","V":"{taker_v}","Q":"{taker_q}","B":"0"}}}}'
    )
    return "spot|BNBBTC", combined("bnbbtc@kline_1m", payload)


BTC = [
    trade("BTCUSDT", 5000000001, "0:10", "65000.10000000", "0.50000000", "buy"),
    trade("BTCUSDT", 5000000002, "0:40", "65010.00000000", "0.25000000", "sell"),
    trade("BTCUSDT", 5000000003, "0:59.999", "65005.50000000", "0.10000000", "buy"),
    trade("BTCUSDT", 5000000004, "1:00", "65006.00000000", "1.00000000", "buy"),
    trade("BTCUSDT", 5000000005, "1:30", "64990.00000000", "2.00000000", "sell"),
    trade("BTCUSDT", 5000000006, "2:05", "65001.00000000", "0.40000000", "buy"),
    trade("BTCUSDT", 5000000007, "5:00.250", "65020.00000000", "0.30000000", "buy"),
]
ETH = [
    trade("ETHUSDT", 900001, "0:20", "3200.00000000", "1.00000000", "buy"),
    trade("ETHUSDT", 900002, "0:50", "3204.00000000", "2.00000000", "sell"),
    mini_ticker("ETHUSDT", "1:02"),
    trade("ETHUSDT", 900003, "1:10", "3203.50000000", "0.50000000", "buy"),
    trade("ETHUSDT", 900004, "5:30", "3210.00000000", "1.00000000", "buy"),
]
SESSION = sorted(BTC + ETH, key=lambda part: last_time_of(part[1]))


def batches():
    """Batches of one shard."""
    return {"one-shard": batch(SESSION), **redelivered(), **framed(), **of_other_sources()}


def redelivered():
    # Behind what comes again: a producer's second try of a record, which gets a new sequence number, and new trades.
    news = [
        BTC[-1],
        trade("BTCUSDT", 5000000008, "5:45", "65015.00000000", "0.20000000", "sell"),
        BTC[3],
        trade("BTCUSDT", 5000000009, "6:01", "65030.00000000", "0.10000000", "buy"),
    ]
    again = batch(SESSION)["Records"][-5:]
    behind = batch(news, first=len(SESSION), arrival=at("6:01.115"))["Records"]
    return {"duplicates": {"Records": again + behind}}


def framed():
    """The same session, in other packing and among poison."""
    (btc_key, btc_first), (eth_key, eth_first) = BTC[0], ETH[0]
    both = aggregated_by([btc_key, eth_key], [(0, btc_first), (1, eth_first)])
    frames_of = {key: [frame for other, frame in SESSION[2:] if other == key] for key in (btc_key, eth_key)}
    aggregate = batch(
        [
            (btc_key, both),
            (btc_key, gzipped(lines(*frames_of[btc_key][:3]))),
            (eth_key, f"[{','.join(frames_of[eth_key][:2])}]"),
            (btc_key, lines(*frames_of[btc_key][3:])),
            (eth_key, lines(*frames_of[eth_key][2:])),
        ]
    )
    poison = [
        (btc_key, "%%%"),
        (eth_key, eth_first[:100]),
        (eth_key, eth_first.replace("trade", "trades")),
        (btc_key, gzipped(btc_first)[:-4]),
        (btc_key, lines(btc_first.replace('"65000.10000000"', '"6.5e4"'), '{"result":null,"id":1}')),
        # Ten years ahead of its arrival: no clock of an exchange goes so wrong, and every bar would be closed by it.
        (btc_key, btc_first.replace("17676144", "20831472")),
    ]
    middle = len(SESSION) // 2
    poisoned = batch([*SESSION[:middle], *poison, *SESSION[middle:]], arrival=at("5:30.115"))
    poisoned["Records"][middle]["kinesis"]["data"] = "%%%"
    return {"aggregated": aggregate, "poison-in-the-middle": poisoned}


def of_other_sources():
    """A kline that closes a bar of trades, bars of klines, bars of futures, and three lanes."""
    trades = [
        trade("BNBBTC", 100, "0:05", "0.00100000", "10.00000000", "buy"),
        trade("BNBBTC", 101, "0:30", "0.00250000", "20.00000000", "sell"),
        trade("BNBBTC", 102, "0:58", "0.00090000", "5.00000000", "sell"),
        trade("BNBBTC", 103, "0:59.990", "0.00200000", "8.00000000", "buy"),
    ]
    prices = ("0.00100000", "0.00250000", "0.00090000", "0.00200000")
    volumes = ("43.00000000", "0.08050000", "18.00000000", "0.02600000")
    open_kline = kline(0, "0:58.500", False, (100, 102), (*prices[:3], "0.00090000"), ("35", "0.0645", "10", "0.01"))
    closed_kline = kline(0, "1:00.040", True, (100, 103), prices, volumes)
    bnb = [*trades[:3], open_kline, closed_kline, trades[3]]
    minutes = [
        closed_kline,
        kline(1, "1:30", False, (104, 104), ["0.00210000"] * 4, ("1", "0.0021", "1", "0.0021")),
        kline(1, "2:00.030", True, (104, 105), ["0.00210000"] * 4, ("3", "0.0063", "1", "0.0021")),
        # Nothing of 12:02 was received.
        kline(3, "4:00.050", True, (-1, -1), ["0.00210000"] * 4, ("0", "0", "0", "0")),
    ]
    futures = [
        usdm_agg_trade(5933014, (100, 105), "0:10", "65000.10", "0.500", "buy"),
        # Ids of single trades have holes there, those of aggregates have none.
        usdm_agg_trade(5933015, (108, 108), "0:40", "65010.00", "0.250", "sell"),
        usdm_agg_trade(5933018, (120, 121), "1:05", "65005.50", "0.100", "buy"),
        usdm_agg_trade(5933019, (122, 122), "2:01", "65006.00", "1.000", "buy"),
    ]
    lanes = [
        [BTC[0], trade("BTCUSDT", 5000000002, "1:05", "65010.00000000", "0.25000000", "sell")],
        [ETH[0], trade("ETHUSDT", 900002, "1:10", "3204.00000000", "2.00000000", "sell")],
        [trades[0], trade("BNBBTC", 101, "1:20", "0.00250000", "20.00000000", "sell")],
    ]
    return {
        "open-kline": batch(bnb),
        "klines": batch(minutes),
        "futures": batch(futures),
        "partial-failure": batch([part for parts in zip(*lanes, strict=True) for part in parts]),
    }


def write(folder, events):
    folder.mkdir(parents=True, exist_ok=True)
    for name, event in events.items():
        text = json.dumps(event, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main():
    for group in (streams, outcomes, framings, sources, oddities, partitions, invalid):
        write(EVENTS / "firehose", group())
    write(EVENTS / "kinesis", batches())


if __name__ == "__main__":
    main()
