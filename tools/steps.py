"""The steps of a check over running services: each says what it expects, and the first that does not hold ends the run."""

import time

# How long a thing may take: the longest is a session, a record at a time through the transformer into objects of their own.
PATIENCE_S = 300


def expect(what, holds, found):
    if not holds:
        raise SystemExit(f"FAILED  {what}: {found!r}")
    print(f"ok      {what}", flush=True)


def until(what, look):
    """Looks until there is something, and gives it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"FAILED  {what}: nothing within {PATIENCE_S} s")
