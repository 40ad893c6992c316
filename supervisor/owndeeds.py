"""What the keys of the status screen do to the box of this process. The counterpart in `rc top` asks by the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisor.core.access import OWNER
from supervisor.identity.identity import Identity
from supervisor.sessions.box import Box
from workers.errors import Refused


class OwnDeeds:
    def __init__(self, box: Box, identity: Identity) -> None:
        self._box = box
        self._identity = identity

    async def switch_mode(self, mode: str) -> None:
        await self._box.switches.change(OWNER, spawn_mode=mode)

    async def invite(self) -> Mapping[str, Any]:
        return self._identity.desk.invite().show(self._box.urls)

    async def invite_first(self) -> Mapping[str, Any] | None:
        """A link for the first device; None where there is one already, or none can be let in."""
        try:
            return None if any(self._identity.devices) else await self.invite()
        except Refused:
            return None

    async def accept(self, pairing: str, number: str) -> None:
        await self._box.carry_out(lambda: self._identity.desk.accept(pairing, number, OWNER))

    async def call_off(self, pairing: str) -> None:
        self._identity.desk.get(pairing).call_off()
