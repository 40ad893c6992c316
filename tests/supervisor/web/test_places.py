"""Places for connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from supervisor.core.access import OWNER, Principal
from supervisor.web.places import ELSEWHERE, PATIENCE, PER_SITE, STRANGERS, Place, Places
from workers.errors import Refused

AGENT = Principal("agent", "session_a")
DEVICE = Principal("owner", device="device_a")


def taken(place: Place) -> bool:
    return place.scope.cancel_called


@contextlib.contextmanager
def crowd(places: Places, *sites: str) -> Iterator[list[Place]]:
    with contextlib.ExitStack() as held:
        yield [held.enter_context(places.take(None, site)) for site in sites]


async def test_of_one_address_the_oldest_that_does_nothing_makes_room() -> None:
    places = Places()
    with crowd(places, *["192.0.2.7"] * PER_SITE) as held:
        held[0].may_go = False
        with places.take(None, "192.0.2.8"):
            assert not any(map(taken, held))
        with places.take(None, "192.0.2.7"):
            assert [taken(place) for place in held[:3]] == [False, True, False]


async def test_a_household_has_the_places_of_one_address() -> None:
    places = Places()
    with crowd(places, *[f"2001:db8::{number}" for number in range(PER_SITE)]) as held:
        with places.take(None, "2001:db8::ffff"):
            assert taken(held[0])
        with places.take(None, "2001:db8:0:1::1"):
            assert not taken(held[2])


async def test_when_all_of_an_address_are_at_work_its_next_one_is_refused() -> None:
    places = Places()
    with crowd(places, *["192.0.2.7"] * PER_SITE) as held:
        for place in held:
            place.may_go = False
        with pytest.raises(Refused) as caught, places.take(None, "192.0.2.7"):
            pass
        assert caught.value.code == "rate_limited"
        with places.take(None, "192.0.2.8"):
            pass


async def test_a_few_addresses_cannot_keep_everybody_else_out() -> None:
    places = Places()
    sites = [f"192.0.2.{number // PER_SITE}" for number in range(STRANGERS - 1)]
    with crowd(places, *sites) as held, places.take(None, "198.51.100.1") as alone:
        for place in (*held, alone):
            place.may_go = False
        with places.take(None, "198.51.100.2"):
            assert taken(held[0])
        assert not taken(alone)


async def test_who_has_signed_in_counts_no_more_among_strangers() -> None:
    places = Places()
    with contextlib.ExitStack() as held:
        for _ in range(STRANGERS):
            place = held.enter_context(places.take(None, "192.0.2.7"))
            place.may_go = False
            await place.asks("192.0.2.7")
            place.signed_in(DEVICE)
            place.signed_in(DEVICE)
            await place.asks("192.0.2.7")
        with places.take(None, "192.0.2.7"), places.take(OWNER), places.take(AGENT):
            pass


async def test_a_device_has_its_own_bound() -> None:
    places = Places()
    with contextlib.ExitStack() as held:
        first = held.enter_context(places.take(DEVICE))
        for _ in range(ELSEWHERE - 1):
            held.enter_context(places.take(DEVICE)).may_go = False
        newcomer = held.enter_context(places.take(None, "192.0.2.7"))
        newcomer.signed_in(DEVICE)
        assert taken(first)
        newcomer.may_go = False
        with pytest.raises(Refused), places.take(DEVICE):
            pass
        with places.take(Principal("owner", device="device_b")):
            pass


async def test_behind_a_proxy_each_request_counts_while_it_is_served(autojump_clock: MockClock) -> None:
    places = Places()
    with contextlib.ExitStack() as held:
        lines = [held.enter_context(places.take(None)) for _ in range(2 * PER_SITE)]
        with contextlib.ExitStack() as served:
            for line in lines[:PER_SITE]:
                served.enter_context(line.at_work())
                await line.asks("192.0.2.7")
            with pytest.raises(Refused):
                await lines[PER_SITE].asks("192.0.2.7")
            await lines[PER_SITE].asks("192.0.2.8")
        for line in lines[PER_SITE:]:
            with line.at_work():
                await line.asks("192.0.2.7")
        assert not any(map(taken, lines))


async def test_one_more_waits_for_those_that_are_soon_done(autojump_clock: MockClock) -> None:
    places = Places()
    with contextlib.ExitStack() as held:
        lines = [held.enter_context(places.take(None)) for _ in range(20)]

        async def load(line: Place) -> None:
            with line.at_work():
                await line.asks("192.0.2.7")
                await trio.sleep(PATIENCE / 4)

        async with trio.open_nursery() as loading:
            for line in lines:
                loading.start_soon(load, line)
        assert not any(map(taken, lines))


async def test_only_so_many_wait(autojump_clock: MockClock) -> None:
    places = Places()
    with crowd(places, *["192.0.2.7"] * PER_SITE) as held:
        for place in held:
            place.may_go = False
        async with trio.open_nursery() as waiting:
            for _ in range(STRANGERS):
                waiting.start_soon(places.wait_room, "192.0.2.7")
            await trio.testing.wait_all_tasks_blocked()
            began = trio.current_time()
            await places.wait_room("192.0.2.7")
            await places.wait_room("192.0.2.8")
            assert trio.current_time() == began


async def test_over_the_line_of_who_signed_in_another_one_is_a_stranger() -> None:
    places = Places()
    with places.take(None) as line:
        await line.asks("192.0.2.7")
        line.signed_in(DEVICE)
        await line.asks("192.0.2.7")
        with places.take(DEVICE) as other:
            other.may_go = False
            await line.asks("192.0.2.8")
            with contextlib.ExitStack() as held:
                for _ in range(ELSEWHERE - 1):
                    held.enter_context(places.take(DEVICE)).may_go = False
            assert not taken(line)


async def test_a_place_is_free_again_when_its_connection_ends() -> None:
    places = Places()
    for _ in range(2 * STRANGERS):
        with places.take(None, "192.0.2.7") as place:
            place.may_go = False
        with places.take(AGENT) as place:
            place.may_go = False


async def test_a_place_that_was_taken_away_ends_its_connection() -> None:
    places, held = Places(), list[Place]()

    async def hold() -> None:
        with places.take(None, "192.0.2.7") as place:
            held.append(place)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(PER_SITE + 1):
            nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        assert sum(place.scope.cancelled_caught for place in held) == 1
        nursery.cancel_scope.cancel()
