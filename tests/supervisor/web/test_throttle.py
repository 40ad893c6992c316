"""How often somebody may do what costs something."""

from __future__ import annotations

import pytest

from supervisor.core.access import OWNER, SESSION, Action, Principal, Route
from supervisor.web.throttle import INPUT, SPAWNING, Throttle
from workers.errors import Refused

DEVICE = Principal("owner", device="device_a")
COMMANDS = Route(SESSION + "/commands", Action.OPERATE, "session_a")
RESUME = Route(SESSION + "/resume", Action.END, "session_a")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_says_when_to_come_again() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(int(SPAWNING.burst)):
        throttle.check_route("POST", RESUME, DEVICE, None)
    with pytest.raises(Refused) as caught:
        throttle.check_route("POST", RESUME, DEVICE, None)
    assert caught.value.code == "rate_limited"
    assert caught.value.fields["retry_after"] == 1
    clock.now += 1.0
    throttle.check_route("POST", RESUME, DEVICE, None)


def test_requests_and_streams_of_a_device_draw_on_the_same() -> None:
    throttle = Throttle(Clock())
    count = throttle.input_of(DEVICE)
    assert count is not None
    assert count(INPUT.burst - 1) == 0.0
    throttle.check_route("POST", COMMANDS, DEVICE, "192.0.2.7")
    with pytest.raises(Refused):
        throttle.check_route("POST", COMMANDS, DEVICE, "192.0.2.7")
    assert count(1) == 1 / INPUT.per_second


def test_what_a_worker_tells_is_counted_by_its_session() -> None:
    throttle = Throttle(Clock())
    one, other = (Principal("worker", id, let_in_by="device_a") for id in ("session_a", "session_b"))
    told = Route(SESSION + "/worker/events", Action.WORK, "session_a")
    for _ in range(int(INPUT.burst)):
        throttle.check_route("POST", told, one, "192.0.2.7")
    with pytest.raises(Refused):
        throttle.check_route("POST", told, one, "192.0.2.8")
    throttle.check_route("POST", told, other, "192.0.2.7")
    throttle.check_route("POST", COMMANDS, DEVICE, "192.0.2.7")


def test_on_the_box_itself_nothing_is_counted() -> None:
    assert Throttle(Clock()).input_of(OWNER) is None


def test_looking_is_not_counted() -> None:
    throttle = Throttle(Clock())
    for _ in range(int(INPUT.burst) + 1):
        throttle.check_route("GET", Route(SESSION, Action.LOOK, "session_a"), DEVICE, None)
