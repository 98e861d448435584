"""TA-Lib's C library over whole columns: the functions of the standard preset that it has, at the same settings.

usage: batch.py BARS ROUNDS    BARS is JSON of columns; prints JSON: values a bar, and nanoseconds per value of each round
"""

import json
import sys
import time
from pathlib import Path

import numpy
import talib

columns = {name: numpy.array(values) for name, values in json.loads(Path(sys.argv[1]).read_text()).items()}
high, low, close, volume = (columns[name] for name in ("high", "low", "close", "volume"))

# By function: how many values a bar it gives, the columns it takes, its settings.
FUNCTIONS = [
    (talib.SMA, 1, (close,), (10,)),
    (talib.SMA, 1, (close,), (20,)),
    (talib.SMA, 1, (close,), (50,)),
    (talib.SMA, 1, (close,), (100,)),
    (talib.SMA, 1, (close,), (200,)),
    (talib.EMA, 1, (close,), (9,)),
    (talib.EMA, 1, (close,), (12,)),
    (talib.EMA, 1, (close,), (20,)),
    (talib.EMA, 1, (close,), (26,)),
    (talib.EMA, 1, (close,), (50,)),
    (talib.EMA, 1, (close,), (100,)),
    (talib.EMA, 1, (close,), (200,)),
    (talib.RSI, 1, (close,), (14,)),
    (talib.MACD, 3, (close,), (12, 26, 9)),
    (talib.BBANDS, 3, (close,), (20, 2.0, 2.0, 0)),
    (talib.ATR, 1, (high, low, close,), (14,)),
    (talib.NATR, 1, (high, low, close,), (14,)),
    (talib.ADX, 1, (high, low, close,), (14,)),
    (talib.PLUS_DI, 1, (high, low, close,), (14,)),
    (talib.MINUS_DI, 1, (high, low, close,), (14,)),
    (talib.STOCH, 2, (high, low, close,), (14, 3, 0, 3, 0)),
    (talib.STOCHRSI, 2, (close,), (14, 14, 3, 0)),
    (talib.CCI, 1, (high, low, close,), (20,)),
    (talib.WILLR, 1, (high, low, close,), (14,)),
    (talib.MFI, 1, (high, low, close, volume,), (14,)),
    (talib.OBV, 1, (close, volume,), ()),
    (talib.AD, 1, (high, low, close, volume,), ()),
    (talib.CMF, 1, (high, low, close, volume,), (20,)),
    (talib.VWAP, 1, (high, low, close, volume,), ()),
    (talib.VWMA, 1, (close, volume,), (20,)),
    (talib.HMA, 1, (close,), (9,)),
    (talib.SAR, 1, (high, low,), (0.02, 0.2)),
    (talib.SUPERTREND, 2, (high, low, close,), (10, 3.0)),
    (talib.DONCHIAN, 3, (high, low,), (20,)),
    (talib.AROON, 2, (high, low,), (25,)),
    (talib.AO, 1, (high, low,), (5, 34)),
    (talib.ULTOSC, 1, (high, low, close,), (7, 14, 28)),
    (talib.MOM, 1, (close,), (10,)),
    (talib.ROC, 1, (close,), (10,)),
    (talib.STDDEV, 1, (close,), (20, 1.0)),
    (talib.RVOL, 1, (volume,), (20,)),
]


def one_round():
    """Nanoseconds that all functions take over all bars."""
    start = time.perf_counter_ns()
    for function, _, inputs, settings in FUNCTIONS:
        function(*inputs, *settings)
    return time.perf_counter_ns() - start


values = sum(values for _, values, _, _ in FUNCTIONS)
one_round()
rounds = [one_round() / len(close) / values for _ in range(int(sys.argv[2]))]
print(json.dumps({"values": values, "ns_per_value": rounds}))
