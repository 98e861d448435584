"""Answers one event as often as a line comes in, without HTTP; writes the nanoseconds that each answer took.

usage: rounds.py EVENT
"""

import json
import sys
import time
from pathlib import Path

from handler import handler

payload = Path(sys.argv[1]).read_bytes()
for _ in sys.stdin:
    start = time.perf_counter_ns()
    answer = json.dumps(handler(json.loads(payload), None)).encode()
    print(time.perf_counter_ns() - start, flush=True)
    del answer
