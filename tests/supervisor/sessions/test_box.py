"""What needs several parts of a box: making a session in its mode and place, being ready, ending everything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.box import Box
from supervisor.sessions.creation import Wish
from supervisor.sessions.watch import BOX
from tests.gitrepos import repository
from tests.supervisor.sessions.livebox import is_running
from tests.supervisor.sessions.wholebox import whole_box
from workers.errors import Refused

SLEEP = Wish(command=("sleep", "600"))


async def refusal(box: Box, wish: Wish) -> str:
    with pytest.raises(Refused) as refused:
        await box.create(wish, OWNER)
    return refused.value.code


async def test_a_session_is_made_in_the_mode_of_the_box_unless_it_wishes_another(tmp_path: Path) -> None:
    repository(tmp_path / "app")
    async with whole_box(tmp_path, ServeOptions(spawn="worktree")) as parts:
        tree = await parts.box.create(SLEEP, OWNER)
        here = await parts.box.create(Wish(command=("sleep", "600"), spawn_mode="same-dir"), OWNER)
        assert (tree.spec.spawn_mode, here.spec.spawn_mode) == ("worktree", "same-dir")


async def test_a_box_in_session_mode_has_one_session_and_one_mode(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(spawn="session")) as parts:
        box = parts.box
        assert await refusal(box, Wish(spawn_mode="worktree")) == "mode_fixed"
        session = await box.create(Wish(command=("sleep", "600"), spawn_mode="same-dir"), OWNER)
        assert session.spec.spawn_mode == "session"
        assert await refusal(box, SLEEP) == "single_session_busy"
        await box.verbs.stop(session, OWNER)
        assert box.stopping.is_set()


async def test_one_that_never_began_does_not_end_a_box_in_session_mode(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(spawn="session")) as parts:
        assert await refusal(parts.box, Wish(command=("no-such-program",))) == "launch_failed"
        assert not parts.box.stopping.is_set() and parts.box.slots.used == 0


async def test_a_session_is_made_to_its_end_when_who_asked_goes_away(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        box = parts.box
        with box.watch() as watch:
            async with trio.open_nursery() as asking:
                asking.start_soon(box.create, SLEEP, OWNER)
                await watch.next()  # the place is taken
                asking.cancel_scope.cancel()
            while not list(box.registry):
                await watch.next()
        (session,) = box.registry
        await session.wait_until(lambda: is_running(session))
        assert box.slots.used == 1


async def test_who_comes_when_all_places_are_taken_is_refused_though_nothing_runs_yet(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(capacity=1)) as parts:
        box = parts.box
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.create, SLEEP, OWNER)
            while not box.slots.used:
                await trio.lowlevel.checkpoint()
            assert list(box.registry) == []
            assert await refusal(box, SLEEP) == "at_capacity"


async def test_it_is_ready_exactly_when_a_session_could_start(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(capacity=1)) as parts:
        box = parts.box

        async def why_not() -> str:
            with pytest.raises(Refused) as refused:
                await box.check_ready()
            assert refused.value.code == "not_ready"
            return refused.value.detail

        await box.check_ready()
        os.rmdir(tmp_path / "app")
        assert await why_not() == "no project of this box is there"
        os.mkdir(tmp_path / "app")
        session = await box.create(SLEEP, OWNER)
        assert await why_not() == "all slots are taken"
        await box.verbs.stop(session, OWNER)
        await box.check_ready()
        box.shut_down(end_sessions=False)
        assert await why_not() == "the box is stopping"


async def test_ending_everything_ends_all_sessions_before_the_box(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        box = parts.box
        sessions = [await box.create(SLEEP, OWNER) for _ in range(3)]
        box.shut_down(end_sessions=True)
        await box.stopping.wait()
        assert all(session.ended for session in sessions) and box.slots.used == 0


async def test_everybody_sees_what_is_theirs(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(name="workshop", capacity=5)) as parts:
        box = parts.box
        own, other = [await box.create(SLEEP, OWNER) for _ in range(2)]
        shown = box.describe(OWNER)
        assert (shown["name"], shown["capacity"], shown["used"]) == ("workshop", 5, 2)
        assert shown["projects"] == [{"id": "app", "path": str(tmp_path / "app"), "git": False, "branch": None}]
        assert shown["settings"] and shown["you"]["person"] == "owner"
        agent = Principal("agent", own.id)
        assert box.describe(agent)["settings"] == []
        assert (box.sessions(OWNER), box.sessions(agent), box.sessions(ANONYMOUS)) == ([own, other], [own], [])
        assert box.show(own)["url"] is None
        box.urls.append("http://box")
        assert box.show(own)["url"] == f"http://box/code/{own.id}"


async def test_the_next_box_finds_what_this_one_left(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        session = await parts.box.create(SLEEP, OWNER)
        epoch = parts.box.epoch
        await parts.box.verbs.stop(session, OWNER)
        await parts.index.save_facts({session.id: session.facts, "session_gone": session.facts}, [])
    async with whole_box(tmp_path, ServeOptions()) as parts:
        (found,) = parts.box.registry
        assert (found.id, found.facts.state, parts.box.epoch) == (session.id, session.facts.state, epoch + 1)
        assert set(await parts.index.facts()) == {session.id}, "what has no bundle is forgotten"


async def test_whoever_watches_learns_of_the_box_and_of_sessions(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        with parts.box.watch() as watch:
            session = await parts.box.create(SLEEP, OWNER)
            assert await watch.next() == {BOX, session.id}
