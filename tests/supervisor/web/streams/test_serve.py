"""The stream of a session, as its clients see it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.socket import AF_INET
from trio.testing import MockClock

from supervisor.core.access import OWNER, Principal
from supervisor.web.streams.outlet import STALL_SECONDS
from tests.supervisor.web.doors import server_context, trusting_context
from tests.supervisor.web.streams.stage import HISTORY, SESSION, Stage, open_stage, until
from tests.supervisor.web.streams.test_connection import PATH as STREAM
from tests.supervisor.web.streams.test_connection import REQUEST
from workers.errors import Refused


async def test_hello_comes_first_then_the_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        hello = await client.next()
        assert hello["type"] == "hello"
        assert hello["protocol"] == 1
        assert hello["epoch"] == 7
        assert hello["history"] == HISTORY
        assert hello["role"] == "owner"
        assert hello["last_seq"] == 0
        assert hello["session"]["id"] == SESSION
        assert hello["session"]["viewers"] == 1
        assert await client.next() == {"type": "lease", "holder": None, "until": None}
        assert client.websocket.subprotocol == "rc.v1"


async def test_events_and_output_come_live(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client("catch_up=all") as client:
        await client.until("lease")
        stage.worker.print(b"hello")
        assert await client.next() == (1, 0, b"hello")
        seq = stage.worker.tell({"sessionUpdate": "_rc/notice", "level": "info", "text": "hi"})
        event = await client.next()
        assert event["seq"] == seq == 1
        assert event["update"]["text"] == "hi"
        stage.worker.print(b" world")
        assert await client.next() == (1, 5, b" world")


async def test_output_from_before_is_read_from_disk_and_joins_what_is_live(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"a" * 700_000)
        stage.worker.print(b"b" * 700_000)
        async with stage.client("terminal_after=1") as client:
            await client.until("lease")
            assert await client.output(1_400_000) == b"a" * 699_999 + b"b" * 700_000
            stage.worker.print(b"c")
            assert await client.next() == (1, 1_400_000, b"c")


async def test_keys_reach_the_worker_and_take_the_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client("catch_up=all") as client:
        hello = await client.next()
        await client.next()
        await client.type(b"ls\r")
        lease = await client.until("lease")
        assert lease["holder"] == {"person": "owner", "device": None, "connection": hello["connection"]}
        assert lease["until"].startswith("2023-11-14T22:13:50.")
        await until(lambda: stage.worker.keys == b"ls\r")


async def test_a_command_is_acknowledged_with_its_number(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client("after=0") as client:
        await client.command("c1", kind="resize", rows=30, columns=100)
        assert await client.until("ack") == {"type": "ack", "id": "c1", "seq": 1}
        assert stage.worker.asked == [("command", {"kind": "resize", "rows": 30, "columns": 100})]


async def test_keys_behind_a_prompt_arrive_behind_it_without_waiting_for_its_ack(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        stage.worker.may_answer = trio.Event()
        await client.type(b"a")
        await client.command("c1", kind="prompt", text="make")
        await client.type(b"b")
        await client.tell(type="ping", id="p")
        assert (await client.until("pong"))["id"] == "p"
        stage.worker.may_answer.set()
        assert (await client.until("ack"))["id"] == "c1"
        await until(lambda: len(stage.worker.asked) == 3)
        prompt = ("command", {"kind": "prompt", "text": "make"})
        assert stage.worker.asked == [("keys", b"a"), prompt, ("keys", b"b")]


async def test_an_unknown_session_is_refused_before_the_upgrade(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        path = "/v1/code/sessions/session_unknown/stream"
        assert (await refusal(stage, path)).code == "unknown_session"


@pytest.mark.parametrize("query", ["after=x", "terminal_after=-1", "catch_up=some", "limit=1"])
async def test_a_query_that_is_wrong_is_refused_before_the_upgrade(tmp_path: Path, query: str) -> None:
    async with open_stage(tmp_path) as stage:
        assert (await refusal(stage, f"{STREAM}?{query}")).code == "invalid"


async def test_a_handshake_that_is_none_is_refused(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        request = REQUEST.replace("Version: 13", "Version: 8")
        assert (await refusal(stage, STREAM, request=request)).code == "invalid"


async def test_a_program_inside_a_session_sees_that_one_and_no_other(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stranger = Principal("agent", "session_other")
        assert (await refusal(stage, STREAM, stranger)).code == "not_allowed"
        assert (await refusal(stage, "/v1/code/sessions/unknown/stream", stranger)).code == "not_allowed"
        assert (await refusal(stage, "/v1/stream", Principal("agent", SESSION))).code == "not_allowed"
        async with stage.client(principal=Principal("agent", SESSION)) as client:
            assert (await client.next())["type"] == "hello"


async def test_a_client_without_our_subprotocol_is_served_without_one(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(subprotocols=()) as client:
        await client.next()
        assert client.websocket.subprotocol is None


async def test_a_ticket_is_not_what_the_server_selects(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(subprotocols=("ticket.secret", "rc.v1")) as client:
        await client.next()
        assert client.websocket.subprotocol == "rc.v1"
        assert not any(b"secret" in value for _, value in client.websocket.handshake_headers)


async def test_a_viewer_counts_while_it_is_there(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        async with stage.client() as client:
            assert (await client.next())["session"]["viewers"] == 1
            await until(lambda: stage.worker.live)
        await until(lambda: not stage.worker.live)


async def refusal(stage: Stage, path: str, principal: Principal = OWNER, request: str = REQUEST) -> Refused:
    async with stage.stream(path, principal) as stream:
        await stream.send_all(request.format(path).encode())
        assert await stream.receive_some() == b""
    return stage.refusals.pop()


async def test_all_of_it_goes_under_tls_too(tmp_path: Path) -> None:
    tls = server_context(tmp_path), trusting_context()
    async with open_stage(tmp_path) as stage, stage.client("catch_up=all", family=AF_INET, tls=tls) as client:
        await client.until("lease")
        stage.worker.print(b"a" * 700_000)
        stage.worker.print(b"b" * 700_000)
        assert await client.output(1_400_000) == b"a" * 700_000 + b"b" * 700_000
        await client.type(b"l")
        await client.type(b"s")
        await client.command("c1", kind="prompt", text="hi")
        assert (await client.until("ack"))["seq"] == 1
        stage.worker.print(b"echo")
        assert await client.output(1_400_004) == b"echo"
        assert stage.worker.keys == b"ls"
        stage.box.stopping.set()
        assert (await client.until("bye"))["reason"] == "supervisor_stopping"
        assert await client.close_code() == 1012


async def test_a_viewer_under_tls_that_does_not_read_falls_behind_alone(tmp_path: Path, mock_clock: MockClock) -> None:
    tls = server_context(tmp_path), trusting_context()
    async with open_stage(tmp_path) as stage, stage.client("catch_up=screen", family=AF_INET, tls=tls) as stuck:
        await stuck.until("lease")
        async with stage.client("catch_up=all") as other:
            await other.until("lease")
            for _ in range(64):
                stage.worker.print(b"x" * 100_000)
            assert len(await other.output(6_400_000)) == 6_400_000
            mock_clock.jump(STALL_SECONDS + 1)
        assert (await stuck.until("behind"))["terminal_offset"] == 6_400_000
