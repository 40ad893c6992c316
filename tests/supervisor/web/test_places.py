"""Places for connections."""

from __future__ import annotations

import contextlib

import pytest
import trio

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.web.places import LIMITS, Place, Places
from workers.errors import Refused


async def test_the_oldest_that_may_go_makes_room() -> None:
    places = Places()
    with contextlib.ExitStack() as open_places:
        first, second, *rest = (open_places.enter_context(places.take(ANONYMOUS)) for _ in range(LIMITS["anonymous"]))
        first.may_go = False
        open_places.enter_context(places.take(ANONYMOUS))
        assert not first.scope.cancel_called
        assert second.scope.cancel_called
        assert not any(place.scope.cancel_called for place in rest)


async def test_when_all_are_at_work_the_newcomer_is_refused() -> None:
    places = Places()
    with contextlib.ExitStack() as open_places:
        for _ in range(LIMITS["agent"]):
            open_places.enter_context(places.take(Principal("agent", "session_a"))).may_go = False
        with pytest.raises(Refused) as caught:
            open_places.enter_context(places.take(Principal("agent", "session_a")))
        assert caught.value.code == "rate_limited"
        open_places.enter_context(places.take(Principal("agent", "session_b")))
        open_places.enter_context(places.take(OWNER))


async def test_a_place_is_free_again_when_its_connection_ends() -> None:
    places = Places()
    for _ in range(2 * LIMITS["anonymous"]):
        with places.take(ANONYMOUS) as place:
            place.may_go = False


async def test_a_place_that_was_taken_away_ends_its_connection() -> None:
    places = Places()
    taken: list[Place] = []

    async def hold() -> None:
        with places.take(ANONYMOUS) as place:
            taken.append(place)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(LIMITS["anonymous"] + 1):
            nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        assert sum(place.scope.cancelled_caught for place in taken) == 1
        nursery.cancel_scope.cancel()
