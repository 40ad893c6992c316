"""One session as the supervisor knows it: what it shows, what it takes from its worker, what it waits for."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.core.hold import Turn
from supervisor.sessions.endings import first_facts
from supervisor.sessions.line import Line
from supervisor.sessions.link import Link
from supervisor.sessions.session import SETTLE_SECONDS, Session
from tests.supervisor.sessions.livebox import end_all, is_running, live_box, spec_of, until_true
from workers.bundle import Bundle
from workers.core import events
from workers.core.lifecycle import State
from workers.core.wire import Frame, Kind
from workers.errors import Broken, Refused


class Told:
    """A session that nobody keeps, and how often it said that something about it has changed."""

    def __init__(self, home: Path) -> None:
        spec = spec_of(home, "true")
        (home / "sessions").mkdir()
        bundle = Bundle.create(str(home / "sessions" / spec.id), spec)
        self.changes = 0
        self.session = Session(spec, first_facts(spec), bundle, self._changed)

    def _changed(self, session: Session) -> None:
        self.changes += 1

    def hear(self, seq: int, update: dict[str, Any], origin: str = "rc") -> None:
        at = (7).to_bytes(8, "big")
        self.session.take(Frame(Kind.EVENT, seq, at + events.body_of(update, origin)))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_it_is_what_its_events_tell(told: Told) -> None:
    told.hear(1, events.process("running", pid=42))
    told.hear(2, events.renamed("fix"), "person")
    facts = told.session.facts
    assert (facts.state, facts.pid, facts.name, facts.last_seq) == (State.RUNNING, 42, "fix", 2)


def test_an_event_that_is_known_is_passed_over(told: Told) -> None:
    told.hear(1, events.renamed("fix"))
    changes = told.changes
    told.hear(1, events.renamed("other"))
    assert (told.session.facts.name, told.changes) == ("fix", changes)


def test_only_what_people_are_shown_tells_the_whole_box(told: Told) -> None:
    told.hear(1, events.process("running", pid=42))
    changes = told.changes
    told.hear(2, events.agent_text("hello"), "agent")
    assert told.changes == changes and told.session.facts.last_seq == 2
    told.hear(3, events.turn_running())
    assert told.changes == changes + 1


def test_an_agent_that_speaks_of_its_session_is_not_believed(told: Told) -> None:
    told.hear(1, events.process("running", pid=42))
    before = told.session.facts
    for seq, update in enumerate((events.renamed("mine"), events.archived(), events.process("lost")), start=2):
        told.hear(seq, update, "agent")
    assert (told.session.facts.name, told.session.facts.archived) == (before.name, False)
    assert told.session.facts.state is State.RUNNING


def test_what_no_worker_sends_breaks_the_line(told: Told) -> None:
    with pytest.raises(Broken, match="HELLO"):
        told.session.take(Frame(Kind.HELLO, 0, b"{}"))


async def test_it_waits_for_its_keeper_and_says_when_that_does_not_go(
    told: Told, autojump_clock: trio.testing.MockClock
) -> None:
    session = told.session
    session.turn(Turn.TAKEN)
    await session.wait_settled()  # it has not ended: there is nothing to wait for
    session.set_facts(state=State.EXITED)
    with pytest.raises(Refused) as refused:
        await session.wait_settled()
    assert refused.value.code == "invalid_state" and trio.current_time() >= SETTLE_SECONDS
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.wait_settled)
        await trio.testing.wait_all_tasks_blocked()
        session.turn(Turn.LET_GO)


async def test_commands_to_what_does_not_run_say_how_to_go_on(told: Told) -> None:
    for state, hint in ((State.RUNNING, "try again"), (State.EXITED, "rc resume")):
        told.session.set_facts(state=state)
        with pytest.raises(Refused) as refused:
            await told.session.command({"kind": "prompt", "text": "hello"}, OWNER.by())
        assert refused.value.code == "not_running" and hint in refused.value.hint
    told.session.type(b"lost, and nobody is told")


async def test_what_is_kept_of_much_output_is_shown_at_its_end(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        spec = spec_of(tmp_path, "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x", terminal_keep=1 << 18)
        session = box.register(spec)
        await box.keepers.launch(session)
        await until_true(session, lambda: session in box.ended)
        assert session.facts.offset == 3_000_000
        assert 0 < session.facts.start < 3_000_000


async def test_without_a_bundle_nothing_is_learned_of_its_output(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "true")
    session = Session(spec, first_facts(spec), Bundle(str(tmp_path / "gone")), lambda _: None)
    await session.look_at_kept_output()
    assert session.facts == first_facts(spec)


async def test_a_late_viewer_is_shown_the_end_also_of_what_has_ended(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        running, ended = await box.start("sh", "-c", "echo hello; sleep 600"), await box.start("echo", "hello")
        await until_true(ended, lambda: ended in box.ended)
        with running.hub.looking():
            await until_true(running, lambda: running.hub.end == len("hello\r\n"))
        assert is_running(running)
        for session in (running, ended):
            assert (await session.snapshot(1 << 16)).live_at == len("hello\r\n")
        (tmp_path / "sessions" / ended.id / "screen.json").unlink()
        plan = await ended.snapshot(4)
        assert (plan.live_at, plan.parts[-1].start, plan.parts[-1].end) == (7, 3, 7)
        await end_all(box)


async def test_a_terminal_that_is_lent_when_nobody_looks_any_more_is_given_back(told: Told) -> None:
    ours, worker = socket.socketpair()
    lent, program = socket.socketpair()
    state = {"state": "running", "turn": "idle", "pid": 1, "worker_pid": 2, "history": "h", "last_seq": 0}
    link = Link(Line(ours), {"state": {**state, "terminal": {}}})
    told.session.turn(Turn.TAKEN)
    told.session.link_up(link)
    with worker, program:
        with lent:
            caught_up = Frame(Kind.LIVE, 5).encode() + Frame(Kind.OUTPUT, 5, b"x").encode()
            socket.send_fds(worker, [caught_up], [lent.fileno()])
        with told.session.hub.looking():
            frames = await link.receive()
        for frame in frames:
            told.session.take(frame)
        assert program.recv(1) == b""  # whoever holds a terminal keeps it from ending
        assert told.session.hub.end == 6
        with told.session.hub.looking():
            assert told.session.hub.output_from(5) is None  # on disk, until the worker goes live again
        link.close()
