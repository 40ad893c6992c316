"""What the keys of `rc top` do to the box that it shows. The counterpart in the box itself is `owndeeds`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from supervisor.client.api import Client
from workers.errors import Broken, Refused

PAIRINGS = "/v1/pairings"


class BoxDeeds:
    """Each is one request, in a thread."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def switch_mode(self, mode: str) -> None:
        await self._ask("PATCH", "/v1/box", {"spawn_mode": mode})

    async def invite(self) -> Mapping[str, Any]:
        invitation: Mapping[str, Any] = await self._ask("POST", PAIRINGS, {})
        return invitation

    async def accept(self, pairing: str, number: str) -> None:
        await self._ask("POST", f"{PAIRINGS}/{pairing}/accept", {"number": number})

    async def call_off(self, pairing: str) -> None:
        await self._ask("DELETE", f"{PAIRINGS}/{pairing}")

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            return await trio.to_thread.run_sync(lambda: self._client.ask(method, path, body=body))
        except Broken as broken:
            raise Refused("unreachable", str(broken), "try again when the box is back") from broken
