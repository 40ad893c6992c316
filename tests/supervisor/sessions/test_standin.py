from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.core.workerrecords import Begin, Done, Output, Told
from supervisor.sessions.creation import Wish
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import LiveBox, live_box, output, until_true
from tests.supervisor.sessions.workers_away import RUN, TestLine
from tests.workers.journals import no_file_larger_than
from workers.core.lifecycle import State
from workers.core.wire import Kind
from workers.errors import Refused
from workers.reserve import LAST_WORDS

OTHER_RUN = "00000000-0000-4000-8000-000000000002"
SMALL = LAST_WORDS // 2  # with files no larger than this the reserve does not fit
MESSAGE = "11111111-0000-4000-8000-000000000001"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    return tmp_path


async def remote(box: LiveBox, agent: str = "echo") -> Session:
    return await box.create(Wish(agent=agent, worker="remote"))


async def events(session: Session) -> list[dict[str, Any]]:
    page = await session.hub.read_events(0, 1000)
    return [{"seq": seq, **json.loads(body)} for seq, _at, body in page.records]


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [f"{each['update']['sessionUpdate']} {each['update'].get('state', '')}".strip() for each in told]


def running(number: int = 1) -> Told:
    return Told(number, "rc", None, {"sessionUpdate": "_rc/process", "state": "running", "pid": 77})


def ended(number: int) -> Told:
    how = {"state": "exited", "code": 3, "signal": None, "reason": "ended"}
    return Told(number, "rc", None, {"sessionUpdate": "_rc/process", **how})


async def test_a_remote_session_waits_for_its_worker_and_then_is_what_the_worker_tells(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box, "shell")
        assert session.facts.state is State.STARTING and session.spec.workspace == ""
        generation = await box.keepers.remotes.exchange(session)
        standin, line = box.keepers.remotes.standin(session, generation), TestLine(generation)
        standin.attach(line)
        hello = line.told[0]
        assert (hello["run"], hello["number"], hello["terminal_offset"]) == (None, 0, 0)
        standin.take(Begin(RUN))
        standin.take(running())
        standin.take(Output(0, b"hello"))
        assert (session.facts.state.value, session.facts.pid) == ("running", 77)
        assert await output(session) == b"hello"
        standin.take(ended(2))
        await until_true(session, lambda: not session.kept)
        assert line.ended == "ended" and line.of("recorded")[-1] == {
            "type": "recorded", "number": 2, "terminal_offset": 5
        }  # fmt: skip
        assert session.facts.exit == {"code": 3, "signal": None, "reason": "ended"}
        assert box.ended == [session] and box.slots.used == 0
        told = await events(session)
        assert kinds(told) == [f"_rc/process {each}" for each in ("starting", "starting", "running", "exited")]
        assert [each.get("via") for each in told] == [None, "bridge", "bridge", "bridge"]


async def test_what_comes_again_after_a_cut_is_recorded_once(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box, "shell")
        await box.keepers.remotes.exchange(session)
        standin = box.keepers.remotes.standin(session, 1)
        first, second = TestLine(), TestLine()
        standin.attach(first)
        for record in (Begin(RUN), running(), Output(0, b"hello")):
            standin.take(record)
        standin.attach(second)
        assert first.ended == "superseded"
        assert (second.told[0]["run"], second.told[0]["number"], second.told[0]["terminal_offset"]) == (RUN, 1, 5)
        for record in (Begin(RUN), running(), Output(3, b"lo, world")):
            standin.take(record)
        assert await output(session) == b"hello, world"
        assert kinds(await events(session))[-1] == "_rc/process running"
        await box.verbs.rename(session, "other", OWNER)
        assert session.facts.name == "other"
        with trio.fail_after(5):
            standin.take(ended(2))
            await until_true(session, lambda: not session.kept)


async def test_a_command_waits_until_the_worker_has_it_also_over_a_crash_of_the_box(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box)
        seq = await session.command({"kind": "prompt", "text": "hi", "message_id": MESSAGE}, {"person": "owner"})
    async with live_box(home, epoch=2) as box:
        (session,) = box.take_up({})
        await box.keepers.adopt([session])
        assert await session.command({"kind": "prompt", "text": "hi", "message_id": MESSAGE}, None) == seq
        await box.keepers.remotes.exchange(session)
        standin, line = box.keepers.remotes.standin(session, 1), TestLine()
        standin.attach(line)
        assert line.commands == []
        standin.take(Begin(RUN))
        assert line.commands == [(seq, "prompt")]
        standin.take(Done(seq, None))
        standin.take(running())
        again = TestLine()
        standin.attach(again)
        standin.take(Begin(RUN))
        assert again.commands == [(seq, "prompt")]
        said = {"sessionUpdate": "_rc/message_state", "message_id": MESSAGE, "state": "started"}
        standin.take(Told(2, "rc", None, said))
        standin.take(Told(3, "agent", MESSAGE, {"sessionUpdate": "agent_message_chunk"}))
        last = TestLine()
        standin.attach(last)
        assert last.commands == []
        told = await events(session)
        assert kinds(told)[-3:] == ["_rc/message_state started", "user_message_chunk", "agent_message_chunk"]
        assert told[-2]["origin"] == "person" and told[-2]["by"] == {"person": "owner"} and "via" not in told[-2]
        assert told[-1]["turn"] == MESSAGE
        standin.end("killed")
        await until_true(session, lambda: not session.kept)


async def test_an_older_generation_is_refused_and_cut_off(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box)
        remotes = box.keepers.remotes
        await remotes.exchange(session)
        standin, line = remotes.standin(session, 1), TestLine()
        standin.attach(line)
        assert await remotes.exchange(session) == 2
        assert line.ended == "stale_generation"
        with pytest.raises(Refused) as refused:
            remotes.standin(session, 1)
        assert refused.value.code == "stale_generation"
        standin.end("killed")
        await until_true(session, lambda: not session.kept)


async def test_a_session_that_is_not_taken_up_yet_is_not_over(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box)
    async with live_box(home, epoch=2) as box:
        (session,) = box.take_up({})
        with pytest.raises(Refused) as refused:
            await box.keepers.remotes.exchange(session)
        assert refused.value.code == "not_ready"
        await box.keepers.adopt([session])
        await box.keepers.remotes.exchange(session)
        box.keepers.remotes.standin(session, 1).end("killed")
        await until_true(session, lambda: not session.kept)
        with pytest.raises(Refused) as refused:
            box.keepers.remotes.standin(session, 1)
        assert refused.value.code == "not_running"


async def test_keys_go_to_the_line_that_counts_and_are_lost_without_one(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box, "shell")
        await box.keepers.remotes.exchange(session)
        standin, line = box.keepers.remotes.standin(session, 1), TestLine()
        session.type(b"before anybody came")
        standin.attach(line)
        session.type(b"heard")
        standin.detach(line)
        session.type(b"lost")
        standin.attach(again := TestLine())
        session.type(b"heard again")
        again.has_room = False
        with pytest.raises(Refused, match="was dropped"):
            session.type(b"too much")
        assert not session.has_room_for_keys
        assert (line.keys, again.keys) == ([b"heard"], [b"heard again"])
        standin.end("killed")
        await until_true(session, lambda: not session.kept)
        assert again.ended == "ended"


async def test_who_looks_sees_output_at_once_and_who_comes_late_a_snapshot(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box, "shell")
        await box.keepers.remotes.exchange(session)
        standin = box.keepers.remotes.standin(session, 1)
        standin.attach(TestLine())
        for record in (Begin(RUN), running(), Output(0, b"unseen ")):
            standin.take(record)
        with session.hub.looking():
            await until_true(session, lambda: session.hub.output_from(session.hub.end) is not None)
            await trio.testing.wait_all_tasks_blocked()
            standin.take(Output(7, b"seen"))
            await until_true(session, lambda: session.hub.end == 11)
            chunks = session.hub.output_from(7) or []
            assert b"".join(chunk.octets(chunk.offset, chunk.end) for chunk in chunks) == b"seen"
        resized = {"sessionUpdate": "_rc/resized", "rows": 30, "columns": 90}
        standin.take(Told(2, "rc", None, resized))
        plan = await session.snapshot(1 << 16)
        assert plan.live_at == 11 and plan.parts[-1].end == 11
        assert (session.facts.rows, session.facts.columns) == (30, 90)
        standin.end("killed")
        await until_true(session, lambda: not session.kept)
        assert (await session.snapshot(1 << 16)).live_at == 11


async def test_all_who_wait_for_room_on_the_disk_go_on(home: Path) -> None:
    gone = list[int]()
    async with live_box(home) as box:
        session = await remote(box, "shell")
        standin = box.keepers.remotes.standin(session, 0)
        standin.take(Begin(RUN))

        async def wait(number: int) -> None:
            await standin.wait_room()
            gone.append(number)

        with trio.fail_after(5):
            async with trio.open_nursery() as waiting:
                with no_file_larger_than(SMALL):
                    standin.take(Output(0, b"x" * (SMALL + 1)))
                    for number in range(3):
                        waiting.start_soon(wait, number)
                    await trio.testing.wait_all_tasks_blocked()
                    assert gone == []
                    standin.end("killed")
        assert sorted(gone) == [0, 1, 2]
        await until_true(session, lambda: not session.kept)


async def test_of_an_asker_who_leaves_nothing_is_kept(home: Path) -> None:
    async with live_box(home) as box:
        session = await remote(box)
        standin = box.keepers.remotes.standin(session, 0)
        question = standin.ask(Kind.COMMAND, {})
        with trio.CancelScope() as leaving:
            leaving.cancel()
            await standin.answer(question)
        assert leaving.cancelled_caught and not standin._questions
        standin.end("killed")
        await until_true(session, lambda: not session.kept)
