"""Asks a full box for one more session, again and again, until its standard input ends; prints what each took.

A process of its own, so that the one that waits for the others does not slow it.
"""

from __future__ import annotations

import json
import select
import sys
import time

from tests.bench.rcbox import UnixConnection, exchange

PAUSE = 0.005  # seconds between two: a person, or a script, that tries again; not a flood


def main(path: str, capacity: int) -> None:
    connection = UnixConnection(path)
    while exchange(connection, "GET", "/v1/box")[1]["used"] < capacity:
        time.sleep(PAUSE)
    times = []
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        begun = time.perf_counter()
        status, answer = exchange(connection, "POST", "/v1/code/sessions", {"command": ["/bin/cat"]})
        times.append(time.perf_counter() - begun)
        assert (status, answer["code"]) == (409, "at_capacity"), answer
    sys.stdout.write(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
