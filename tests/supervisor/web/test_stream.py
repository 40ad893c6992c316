"""The stream of a session, as its clients see it."""

from __future__ import annotations

from pathlib import Path

import trio

from tests.supervisor.web.stage import HISTORY, SESSION, open_stage, until


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
        assert await client.next() == {"type": "lease", "holder": None}
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
