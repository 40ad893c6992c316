"""Verbs that meet at one session, with real workers and bundles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.core.claims import Deed
from supervisor.sessions.claims import Claims
from supervisor.sessions.endings import first_facts
from supervisor.sessions.registry import Registry
from tests.supervisor.sessions.livebox import end_all, is_running, live_box, spec_of
from workers.errors import Refused

Work = Callable[[], Awaitable[object]]


async def together(*deeds: Work) -> list[str | None]:
    """Begin them in this order, in one step of the box: the code with which each was refused."""
    codes: list[str | None] = [None] * len(deeds)

    async def attempt(number: int, deed: Work) -> None:
        try:
            await deed()
        except Refused as refused:
            codes[number] = refused.code

    async with trio.open_nursery() as nursery:
        for number, deed in enumerate(deeds):
            nursery.start_soon(attempt, number, deed)
            await trio.testing.wait_all_tasks_blocked()
    return codes


async def test_a_session_is_not_resumed_while_it_is_being_deleted(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        await box.verbs.stop(session, OWNER)
        verbs = box.verbs
        refused = await together(partial(verbs.delete, session, OWNER), partial(verbs.resume, session, OWNER))
        assert refused == [None, "invalid_state"]
        assert session.gone and box.slots.used == 0
        assert (tmp_path / "trash" / session.id / "bundle").is_dir()


async def test_a_session_is_not_deleted_while_it_is_being_resumed(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        await box.verbs.stop(session, OWNER)
        verbs = box.verbs
        refused = await together(partial(verbs.resume, session, OWNER), partial(verbs.delete, session, OWNER))
        assert refused == [None, "invalid_state"]
        assert is_running(session) and box.slots.used == 1
        await end_all(box)


async def test_of_many_that_delete_one_session_one_does(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        await box.verbs.stop(session, OWNER)
        assert await together(*[partial(box.verbs.delete, session, OWNER)] * 3) == [
            None,
            "invalid_state",
            "invalid_state",
        ]
        with pytest.raises(Refused) as refused:
            await box.verbs.delete(session, OWNER)
        assert refused.value.code == "unknown_session"


async def test_two_that_stop_one_session_both_return_when_it_has_ended(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        ended: list[bool] = []

        async def stop() -> None:
            await box.verbs.stop(session, OWNER)
            ended.append(session.ended and not session.kept and box.slots.used == 0)

        assert await together(stop, stop) == [None, None]
        assert ended == [True, True]


async def test_what_follows_a_stop_waits_for_it(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        verbs = box.verbs
        refused = await together(partial(verbs.stop, session, OWNER), partial(verbs.resume, session, OWNER))
        assert refused == [None, None]
        assert is_running(session) and box.slots.used == 1
        refused = await together(partial(verbs.stop, session, OWNER), partial(verbs.delete, session, OWNER))
        assert refused == [None, None]
        assert session.gone


async def test_a_stop_during_a_resume_stops_what_was_resumed(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        verbs = box.verbs
        await verbs.suspend(session, OWNER)
        refused = await together(partial(verbs.resume, session, OWNER), partial(verbs.stop, session, OWNER))
        assert refused == [None, None]
        assert session.ended and box.slots.used == 0


async def test_of_two_that_restore_one_session_the_second_finds_it_restored(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        await box.verbs.stop(session, OWNER)
        await box.verbs.delete(session, OWNER)
        assert await together(*[partial(box.verbs.restore, session.id, OWNER)] * 2) == [None, "invalid_state"]
        back = box.registry.get(session.id)
        assert back is not session and back.facts.name == session.facts.name


async def test_two_sessions_do_not_get_one_name_at_the_same_time(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        one, two = [await box.start("sleep", "600") for _ in range(2)]
        refused = await together(
            partial(box.verbs.rename, one, "fix", OWNER), partial(box.verbs.rename, two, "fix", OWNER)
        )
        assert refused.count("name_taken") == 1
        assert [one.facts.name, two.facts.name].count("fix") == 1
        await end_all(box)


async def test_what_waited_for_a_session_that_is_deleted_then_finds_none(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), lambda id: None)
    claims, spec = Claims(registry), spec_of(tmp_path, "true")
    session = registry.add(spec, first_facts(spec))

    async def stop() -> None:
        async with claims.on(session, Deed.STOP):
            raise AssertionError("it is gone")

    async def delete() -> None:
        async with claims.on(session, Deed.DELETE):
            await trio.testing.wait_all_tasks_blocked()
            registry.remove(session)

    assert await together(delete, stop) == [None, "unknown_session"]
    assert not claims.holds(session.id)


async def test_what_fails_or_is_cancelled_gives_its_claim_back(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), lambda id: None)
    claims, spec = Claims(registry), spec_of(tmp_path, "true")
    session = registry.add(spec, first_facts(spec))
    with pytest.raises(ZeroDivisionError):
        async with claims.on(session, Deed.DELETE):
            raise ZeroDivisionError
    with trio.CancelScope() as scope:
        async with claims.on(session, Deed.DELETE):
            assert claims.holds(session.id)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert not claims.holds(session.id)
