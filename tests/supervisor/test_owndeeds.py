"""What the keys of the status screen do to the box of this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.core.pairing import commitment
from supervisor.identity.identity import Identity
from supervisor.owndeeds import OwnDeeds
from supervisor.serveoptions import ServeOptions
from tests.flows.paired import Key
from tests.supervisor.identity.parts import Hands, identity_in
from tests.supervisor.sessions.wholebox import whole_box
from workers.errors import Refused


def claim(identity: Identity, invitation: Any) -> str:
    """A device comes as far as showing its number, which this gives."""
    key, nonce = Key().octets, bytes(32)
    secret = invitation["url"].partition("#")[2].partition(".")[0]
    pairing, _ = identity.desk.claim(code=None, secret=secret, commit=commitment(key, nonce), address="::1")
    opened = identity.desk.open(pairing.id, key, nonce, "phone", None).opened
    assert opened is not None
    return opened.number


async def test_keys_switch_the_mode_and_let_devices_in(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts, identity_in(tmp_path, Hands()) as identity:
        parts.box.urls.append("http://localhost:7420")
        deeds = OwnDeeds(parts.box, identity)
        with pytest.raises(Refused):
            await deeds.switch_mode("worktree")  # its project is not in git
        first = await deeds.invite_first()
        assert first is not None and first["url"].startswith("http://localhost:7420/pair#")
        await deeds.accept(first["id"], claim(identity, first))
        assert [device.label for device in identity.devices] == ["phone"]
        assert await deeds.invite_first() is None
        another = await deeds.invite()
        await deeds.call_off(another["id"])
        assert identity.desk.shown() == []


async def test_a_first_device_that_cannot_be_let_in_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts, identity_in(tmp_path, Hands()) as identity:
        deeds = OwnDeeds(parts.box, identity)
        while True:
            try:
                await deeds.invite()
            except Refused:
                break
        assert await deeds.invite_first() is None
