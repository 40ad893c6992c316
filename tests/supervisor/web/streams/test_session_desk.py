"""What clients of a stream say, carried out: keys, commands, the lease."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from supervisor.core.access import Principal
from supervisor.core.leases import LEASE_SECONDS
from supervisor.web.streams.session_desk import ORDERS
from tests.supervisor.web.streams.stage import SESSION, Client, Stage, open_stage, until
from workers.core import events
from workers.errors import Refused

AGENT = Principal("agent", SESSION)
UUID = "0b9c2f0e-8f5e-4c36-9d1c-0123456789ab"


async def settle(stage: Stage, client: Client) -> None:
    """Return when everything that the client said so far has been carried out."""
    await client.tell(type="ping", id="settle")
    await client.until("pong")
    await trio.testing.wait_all_tasks_blocked()


async def test_a_ping_is_answered(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.tell(type="ping", id="p1")
        assert await client.until("pong") == {"type": "pong", "id": "p1"}


@pytest.mark.parametrize("frame", ["{", "[]", '{"type":"shout"}', b"", b"\x00", b"\x07x", b"\x01"])
async def test_what_is_no_message_is_refused_and_the_line_stays(tmp_path: Path, frame: str | bytes) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.websocket.send_message(frame)
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"], refused["error"]["status"]) == (None, "invalid", 422)
        await settle(stage, client)


async def test_a_command_that_the_worker_refuses_is_refused_by_its_id(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        stage.worker.refuse = Refused("rate_limited", "too many prompts wait", "wait")
        await client.command("c1", kind="interrupt")
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"]) == ("c1", "rate_limited")


async def test_without_a_worker_a_command_is_refused_and_keys_are_lost(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        stage.session.link_down()
        await client.type(b"x")
        await client.command("c1", kind="interrupt")
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"]) == ("c1", "not_running")


async def test_a_lease_ends_with_its_session_and_nobody_types_any_more(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ana.type(b"x")
        while (await ben.until("lease"))["holder"] is None:
            pass
        stage.worker.tell(events.process("exited", code=0))
        for client in (ana, ben):
            while (await client.until("lease"))["holder"] is not None:
                pass
        version = stage.session.lease.version
        for client in (ana, ben):
            await client.type(b"y")
            assert (await client.until("refused"))["error"]["code"] == "not_running"
        stage.worker.refuse = Refused("not_running", "it is exited", "resume it")
        for number, wish in enumerate(({"kind": "take_lease"}, {"kind": "prompt", "text": "ls"})):
            await ben.command(f"c{number}", **wish)
            assert (await ben.until("refused"))["error"]["code"] == "not_running"
        assert stage.session.lease.version == version
        assert stage.worker.keys == b"x"


async def test_a_command_that_nobody_takes_moves_no_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        stage.session.link_down()
        await client.command("c1", kind="take_lease")
        assert (await client.until("refused"))["error"]["code"] == "not_running"
        assert stage.session.lease.version == 0


async def test_a_message_id_reaches_the_worker(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.command("c1", kind="take_lease", message_id=UUID)
        assert (await client.until("ack"))["seq"] == 1
        assert stage.worker.asked == [("command", {"kind": "take_lease", "message_id": UUID})]


async def test_a_repeat_gets_the_first_ack_and_changes_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        wishes: dict[str, dict[str, Any]] = {
            "take_lease": {},
            "prompt": {"text": "ls"},
            "resize": {"rows": 2, "columns": 2},
            "release_lease": {},
        }
        ids = {kind: UUID[:-1] + str(number) for number, kind in enumerate(wishes)}
        for kind, wish in wishes.items():
            await ana.command(kind, kind=kind, message_id=ids[kind], **wish)
        first = [await ana.until("ack") for _ in wishes]
        assert [ack["id"] for ack in first] == list(wishes)
        await ben.type(b"b")
        await settle(stage, ben)
        holder = stage.session.lease.holder(stage.clock.boot())
        assert holder is not None
        for kind, wish in wishes.items():
            await ana.command(kind, kind=kind, message_id=ids[kind], **wish)
        assert [await ana.until("ack") for _ in wishes] == first
        assert stage.session.lease.holder(stage.clock.boot()) == holder
        assert len(stage.worker.asked) == len(wishes) + 1


async def test_a_command_with_an_id_that_is_no_repeat_is_refused_like_any_other(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ana.type(b"a")
        await settle(stage, ana)
        await ben.command("c1", kind="prompt", text="ls", message_id=UUID)
        refused = await ben.until("refused")
        assert (refused["id"], refused["error"]["code"]) == ("c1", "lease_held")
        assert refused["error"]["by"]["person"] == "owner"
        assert stage.worker.asked == [("keys", b"a")]


async def test_acks_come_in_the_order_of_their_commands(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        for number in range(5):
            await client.command(f"c{number}", kind="interrupt")
        acks = [await client.until("ack") for _ in range(5)]
        assert [(ack["id"], ack["seq"]) for ack in acks] == [(f"c{number}", number + 1) for number in range(5)]


async def test_a_client_with_too_many_commands_under_way_is_read_no_further(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        stage.worker.may_answer = trio.Event()
        for number in range(ORDERS + 5):
            await client.command(f"c{number}", kind="interrupt")
        await client.tell(type="ping", id="behind them")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.01) as patience:
            await client.until("pong")
        assert patience.cancelled_caught
        stage.worker.may_answer.set()
        await client.until("pong")


async def test_only_the_holder_types_and_the_others_hear_it_once_a_second(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ana.type(b"a")
        holder = (await ben.until("lease"), await ben.until("lease"))[1]["holder"]
        for _ in range(3):
            await ben.type(b"b")
        refused = await ben.until("refused")
        assert refused["id"] is None
        assert refused["error"]["code"] == "lease_held"
        assert refused["error"]["by"] == holder
        assert refused["error"]["until"] == "2023-11-14T22:13:50.000Z"
        await ben.tell(type="ping", id="p")
        assert (await ben.next())["type"] == "pong", "the other two keys were dropped in silence"
        mock_clock.jump(1.0)
        await ben.type(b"b")
        await ben.until("refused")
        assert stage.worker.keys == b"a"


async def test_a_lease_ends_thirty_seconds_after_the_last_key_and_everybody_is_told(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ana.type(b"a")
        await settle(stage, ana)
        mock_clock.jump(20.0)
        await ana.type(b"a")
        await settle(stage, ana)
        assert [(await ben.until("lease"))["holder"] is None for _ in range(2)] == [True, False]
        mock_clock.jump(LEASE_SECONDS - 1.0)
        await settle(stage, ana)
        mock_clock.jump(1.0)
        assert (await ben.until("lease"))["holder"] is None
        assert (await ana.until("lease"))["holder"] is None
        await ben.type(b"b")
        assert (await ana.until("lease"))["holder"] is not None


async def test_a_lease_ends_with_its_connection(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ben:
        async with stage.client() as ana:
            await ana.type(b"a")
            assert [(await ben.until("lease"))["holder"] is None for _ in range(2)] == [True, False]
        assert (await ben.until("lease"))["holder"] is None


async def test_a_lease_is_taken_and_given_back(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        mine = (await ben.next())["connection"]
        await ana.type(b"a")
        await ben.command("c1", kind="take_lease")
        await ben.until("ack")
        await ben.type(b"b")
        await until(lambda: stage.worker.keys == b"ab")
        seen = [(await ana.until("lease"))["holder"] for _ in range(3)]
        assert seen[2]["connection"] == mine
        await ben.command("c2", kind="release_lease")
        assert (await ana.until("lease"))["holder"] is None


async def test_what_a_terminal_answers_counts_from_the_holder_or_the_first_and_takes_no_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await settle(stage, ana)
        await ben.type(b"\x1b[?1;2c")
        await settle(stage, ben)
        await ana.type(b"\x1b[24;80R")
        await settle(stage, ana)
        assert stage.worker.keys == b"\x1b[24;80R"
        assert stage.session.lease.holder(stage.clock.boot()) is None
        await ben.type(b"vi\x1b[I")
        await settle(stage, ben)
        await ana.type(b"\x1b[O")
        await settle(stage, ana)
        assert stage.worker.keys == b"\x1b[24;80Rvi\x1b[I"


async def test_a_prompt_takes_the_lease_like_typing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ana.command("c1", kind="prompt", text="ls")
        await ana.until("ack")
        await ben.command("c1", kind="prompt", text="pwd")
        assert (await ben.until("refused"))["error"]["code"] == "lease_held"
        assert [command["text"] for _, command in stage.worker.asked] == ["ls"]


async def test_a_size_counts_from_the_holder_else_from_who_typed_last(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        await ben.command("c1", kind="resize", rows=30, columns=100)
        await ben.until("ack")
        await ana.type(b"a")
        await settle(stage, ana)
        await ben.command("c2", kind="resize", rows=31, columns=100)
        assert (await ben.until("refused"))["id"] == "c2"
        mock_clock.jump(LEASE_SECONDS)
        await settle(stage, ana)
        await ben.command("c3", kind="resize", rows=32, columns=100)
        refused = await ben.until("refused")
        assert (refused["error"]["code"], refused["error"]["until"]) == ("lease_held", None)
        await ana.command("c4", kind="resize", rows=33, columns=100)
        await ana.until("ack")


async def test_a_session_without_a_terminal_takes_prompts_from_everybody_and_no_keys(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "echo") as stage, stage.client() as ana, stage.client() as ben:
        for client in (ana, ben):
            await client.command("c1", kind="prompt", text="hello")
            await client.until("ack")
        await ana.type(b"a")
        assert (await ana.until("refused"))["error"]["code"] == "invalid"
        assert stage.worker.keys == b""


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "prompt", "text": "x"},
        {"kind": "interrupt"},
        {"kind": "resize", "rows": 1, "columns": 1},
        {"kind": "take_lease"},
        {"kind": "signal", "name": "KILL"},
    ],
)
async def test_who_only_looks_is_refused(tmp_path: Path, wish: dict[str, Any]) -> None:
    async with open_stage(tmp_path) as stage, stage.client(principal=AGENT) as client:
        await client.command("c1", **wish)
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"]) == ("c1", "not_allowed")
        await client.type(b"x")
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"]) == (None, "not_allowed")
        await settle(stage, client)
        assert stage.worker.asked == []


async def test_a_client_that_does_not_draw_falls_behind(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("screen")
        await client.tell(type="credit", terminal_offset=0)
        await settle(stage, client)
        message: Any = None
        for number in range(20):
            stage.worker.snapshot = {"parts": [], "live_at": (number + 1) * 60_000}
            stage.worker.print(b"x" * 60_000)
            message = await client.next()
            if isinstance(message, dict):
                break
        assert message == {"type": "behind", "last_seq": 0, "terminal_offset": (number + 1) * 60_000}
        assert await client.next() == {"type": "screen", "live_at": (number + 1) * 60_000}


async def test_a_large_paste_arrives_whole_and_in_order(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        paste = b"".join(b"%07d." % number for number in range(20_000))
        for at in range(0, len(paste), 4096):
            await client.type(paste[at : at + 4096])
            await client.type(b"|")
        await until(lambda: stage.worker.keys.replace(b"|", b"") == paste)


async def test_a_paste_that_the_worker_is_slow_to_read_arrives_whole(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        for number in range(24):  # six times what may wait for the worker
            await client.type(bytes([65 + number]) * 250_000)
        command = {"kind": "prompt", "text": "é" * 130_000}  # JSON in ASCII, as on the link, takes three times as much
        said = {"type": "command", "id": "c1", "command": command}
        await client.websocket.send_message(json.dumps(said, ensure_ascii=False))
        assert (await client.until("ack"))["id"] == "c1"
        assert stage.worker.keys == b"".join(bytes([65 + number]) * 250_000 for number in range(24))
        assert stage.worker.asked[-1] == ("command", command)


async def test_a_worker_that_reads_nothing_is_told_of_and_keeps_its_link(tmp_path: Path, mock_clock: MockClock) -> None:
    mock_clock.autojump_threshold = 0.01
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("screen")
        stage.worker.may_read = trio.Event()
        for _ in range(8):
            await client.type(b"x" * 200_000)
        refused = await client.until("refused")
        assert (refused["id"], refused["error"]["code"]) == (None, "not_running")
        stage.worker.may_read.set()
        await client.command("c1", kind="interrupt")
        assert (await client.until("ack"))["id"] == "c1"
        assert len(stage.worker.keys) % 200_000 == 0


async def test_an_event_for_everybody_reaches_everybody_once(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as ana, stage.client() as ben:
        for client in (ana, ben):
            await client.until("lease")
        stage.worker.tell(events.notice("info", "hi"))
        for client in (ana, ben):
            assert (await client.until("event"))["seq"] == 1
