"""The stream of a box, followed over cuts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from supervisor.client.boxstream import follow_box
from tests.supervisor.cli.stage import stage


async def test_it_begins_anew_after_every_cut_and_refusal(tmp_path: Path) -> None:
    told, heard = trio.open_memory_channel[Mapping[str, Any]](1)
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:
        nursery.start_soon(follow_box, box.client, told)
        for number in range(2):
            played = await box.next()
            assert played.path == "/v1/stream"
            await played.tell("hello", number=number)
            assert await heard.receive() == {"type": "hello", "number": number}
            box.refusals = [(503, {"code": "not_ready", "detail": "soon", "hint": ""})]
            await played.cut()
        assert (await box.next()).path == "/v1/stream"
        nursery.cancel_scope.cancel()
