"""Shutting devices out: from asking for it until the line that the device has open is closed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tests.bench.rcbox import Box
from tests.bench.recovery_stage import RATE
from tests.bench.stage import Place, Round, Values, quantile
from tests.bench.typing_stages import box_of
from tests.flows.paired import PairedDevice
from tests.flows.rawstream import RawStream

REVOKED = 4401


@contextlib.contextmanager
def revocation(place: Place) -> Iterator[Round]:
    """Milliseconds for each of many devices, half of which follow the box and half a session that prints, while the
    others are still there."""
    with box_of(place, place.new_folder("project")) as box:
        session = box.start()["id"]
        with contextlib.closing(box.open_ready(session)) as keys:
            keys.type(RATE)

            def round_(number: int) -> Values:
                with contextlib.ExitStack() as held:
                    lines = [(id, held.enter_context(line)) for id, line in _devices(box, session, place.scale.devices)]
                    times = [_shut_out(box, id, line) * 1000 for id, line in lines]
                return {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99), "most": max(times)}

            yield round_


def _devices(box: Box, session: str, count: int) -> Iterator[tuple[str, RawStream]]:
    url = box.request("GET", "/v1/box")[1]["urls"][0]
    nonce = None
    for number in range(count):
        device = PairedDevice.machine(url, box.request)
        device.nonce = nonce  # or each would be turned away once, and a box counts how often an address tries
        line = device.stream(session if number % 2 else None)
        line.hear("hello")
        nonce = device.nonce
        yield device.id, line


def _shut_out(box: Box, id: str, line: RawStream) -> float:
    began = time.perf_counter()
    status, answer = box.request("DELETE", f"/v1/devices/{id}")
    assert status == 200, answer
    with contextlib.suppress(ConnectionError):
        line.until(lambda: False)
    assert line.closed == REVOKED, line.closed
    return time.perf_counter() - began
