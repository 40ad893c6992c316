"""Remote workers: how many exchanges a box makes a second, and how many events it takes and has on disk."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.rcbox import Box, UnixConnection
from tests.bench.stage import Place, Round, Values
from tests.bench.typing_stages import box_of

AT_ONCE = 8  # sessions, each with an asker of its own
RECORDS = 500  # of one request
RUN = "00000000-0000-4000-8000-%012d"
CHUNK = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "x" * 80}}


class Asker:
    """One client with one line to the box, and one session whose worker is remote."""

    def __init__(self, box: Box) -> None:
        self._line = UnixConnection(box.socket)
        made = self.post("/v1/code/sessions", {"agent": "echo", "worker": "remote"}, expected=201)
        self.path = f"/v1/code/sessions/{made['id']}"

    def post(self, path: str, body: object = None, token: str = "", expected: int = 200) -> Any:
        headers = {"content-type": "application/json"} if body is not None else {}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        self._line.request("POST", path, json.dumps(body) if body is not None else None, headers)
        answer = self._line.getresponse()
        told = json.loads(answer.read())
        assert answer.status == expected, told
        return told

    def rest(self) -> None:
        """Begin with a new line: the box ends one on which nothing is asked for 10 s."""
        self._line.close()

    def exchange(self, times: int) -> None:
        for _ in range(times):
            self.post(self.path + "/bridge")

    def tell(self, round_: int, requests: int) -> None:
        """One run and its events."""
        token = self.post(self.path + "/bridge")["worker_jwt"]
        running = {"sessionUpdate": "_rc/process", "state": "running"}
        begin = {"type": "begin", "run": RUN % round_}
        told = [begin, {"type": "event", "number": 1, "origin": "rc", "update": running}]
        self.post(self.path + "/worker/events", {"records": told}, token)
        for number in range(requests):
            first = 2 + number * RECORDS
            told = [
                {"type": "event", "number": n, "origin": "agent", "update": CHUNK}
                for n in range(first, first + RECORDS)
            ]
            self.post(self.path + "/worker/events", {"records": told}, token)

    def close(self) -> None:
        self.rest()
        self.post(self.path + "/stop")
        self.rest()


@contextlib.contextmanager
def bridge(place: Place) -> Iterator[Round]:
    """Each exchange is on disk before it is answered, and so is each request of events."""
    times = place.scale.exchanges
    with box_of(place, place.new_folder("project")) as box, contextlib.ExitStack() as held:
        askers = [held.enter_context(contextlib.closing(Asker(box))) for _ in range(AT_ONCE)]

        def round_(number: int) -> Values:
            one, requests = askers[0], max(1, times // 20)
            one.rest()
            alone = _seconds(lambda: one.exchange(times))
            for asker in askers:
                asker.rest()
            with ThreadPoolExecutor(AT_ONCE) as threads:
                together = _seconds(lambda: [*threads.map(lambda asker: asker.exchange(times), askers)])
            told = _seconds(lambda: one.tell(number, requests))
            return {
                "alone": times / alone,
                "together": AT_ONCE * times / together,
                "events": requests * RECORDS / told,
            }

        yield round_


def _seconds(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
