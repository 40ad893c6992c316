"""Who asks: by token and proof, by proof alone, by ticket; and who does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from supervisor.core.access import OWNER
from supervisor.core.proofs import Asked, token_hash
from supervisor.identity.bearers import TICKET_SECONDS, TOKEN_SECONDS
from supervisor.identity.devices import Device
from supervisor.identity.identity import Identity
from tests.flows.paired import Key
from tests.supervisor.identity.parts import WALL, Hands, identity_in
from workers.errors import Refused

ORIGIN = "http://localhost:7420"
URL = ORIGIN + "/v1/box"


@dataclass
class Stage:
    """An identity with two devices, `a` and `b`."""

    identity: Identity
    hands: Hands
    keys: dict[str, Key]
    devices: dict[str, Device]

    @property
    def now(self) -> int:
        return int(WALL + self.hands.boot - 1000.0)

    def proof(self, who: str = "a", token: str | None = None, **other: object) -> str:
        claims = {"iat": self.now, "nonce": self.identity.nonce(), **other}
        return self.keys[who].proof("GET", URL, None, token, **claims)

    def token(self, who: str = "a") -> str:
        return str(self.identity.token(self.devices[who])["access_token"])

    def by_token(self, token: str, proof: str) -> Device:
        return self.identity.device_by_token(token, proof, Asked("GET", (ORIGIN,), "/v1/box", token_hash(token)))

    def by_key(self, proof: str) -> Device:
        return self.identity.device_by_key(proof, Asked("GET", (ORIGIN,), "/v1/box"))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    hands = Hands()
    async with identity_in(tmp_path, hands) as identity:
        keys = {"a": Key("P-256"), "b": Key("Ed25519")}
        devices = {name: await identity.devices.add(key.text, "cli", name, OWNER) for name, key in keys.items()}
        yield Stage(identity, hands, keys, devices)


def error(caught: pytest.ExceptionInfo[Refused]) -> str:
    assert caught.value.code == "unauthenticated"
    return str(caught.value.fields["error"])


async def test_a_token_with_its_proof_says_which_device(stage: Stage) -> None:
    for who in ("a", "b"):
        token = stage.token(who)
        for _ in range(2):
            assert stage.by_token(token, stage.proof(who, token)) is stage.devices[who]
        assert stage.devices[who].last_used_at is not None


async def test_a_token_is_of_no_use_to_another_device(stage: Stage) -> None:
    token = stage.token("a")
    with pytest.raises(Refused) as caught:
        stage.by_token(token, stage.proof("b", token))
    assert error(caught) == "invalid_dpop_proof"


async def test_a_token_without_proof_of_it_is_of_no_use(stage: Stage) -> None:
    token = stage.token("a")
    for proof in (stage.proof("a"), stage.proof("a", stage.token("a")), "", "x.y.z"):
        with pytest.raises(Refused) as caught:
            stage.by_token(token, proof)
        assert error(caught) == "invalid_dpop_proof"


async def test_a_token_ends_after_ten_minutes(stage: Stage) -> None:
    token = stage.token("a")
    stage.hands.wait(TOKEN_SECONDS - 1)
    assert stage.by_token(token, stage.proof("a", token))
    stage.hands.wait(1)
    with pytest.raises(Refused) as caught:
        stage.by_token(token, stage.proof("a", token))
    assert error(caught) == "invalid_token"


async def test_a_proof_is_taken_once(stage: Stage) -> None:
    token = stage.token("a")
    proof = stage.proof("a", token)
    assert stage.by_token(token, proof)
    with pytest.raises(Refused) as caught:
        stage.by_token(token, proof)
    assert error(caught) == "invalid_dpop_proof"


async def test_a_proof_needs_a_nonce_of_this_start_of_the_box(stage: Stage, tmp_path: Path) -> None:
    for nonce in (None, "", "made up"):
        with pytest.raises(Refused) as caught:
            stage.by_key(stage.proof("a", nonce=nonce))
        assert error(caught) == "use_dpop_nonce"
    old = stage.proof("a")
    async with identity_in(tmp_path, stage.hands) as after_restart:
        with pytest.raises(Refused) as caught:
            after_restart.device_by_key(old, Asked("GET", (ORIGIN,), "/v1/box"))
        assert error(caught) == "use_dpop_nonce"
        assert after_restart.devices.by_key(stage.keys["a"].text)  # the device is known, what it held is not


async def test_a_proof_by_the_key_alone_says_which_device(stage: Stage) -> None:
    assert stage.by_key(stage.proof("b")) is stage.devices["b"]


async def test_of_a_key_that_is_not_known_nothing_is_remembered(stage: Stage) -> None:
    stage.keys["c"] = Key()
    before = repr(vars(stage.identity.nonces))
    for _ in range(3):
        with pytest.raises(Refused) as caught:
            stage.by_key(stage.proof("c"))
        assert error(caught) == "invalid_dpop_proof"
        assert "rc pair" in caught.value.hint
    assert repr(vars(stage.identity.nonces)) == before


async def test_a_ticket_is_bound_to_what_it_opens_and_to_its_page(stage: Stage) -> None:
    identity, device = stage.identity, stage.devices["a"]
    for session, origin in ((None, None), (None, ORIGIN), ("session_a", ORIGIN), ("session_a", None)):
        ticket = identity.ticket(device, session, origin)
        assert identity.use_ticket(ticket, session, origin) is device
        with pytest.raises(Refused) as caught:
            identity.use_ticket(ticket, session, origin)
        assert error(caught) == "invalid_token"
        another = "session_a" if session is None else None
        for other in ((session, "http://evil.example"), ("session_b", origin), (another, origin)):
            with pytest.raises(Refused):
                identity.use_ticket(identity.ticket(device, session, origin), *other)


async def test_a_ticket_that_was_tried_elsewhere_is_void(stage: Stage) -> None:
    ticket = stage.identity.ticket(stage.devices["a"], "session_a", None)
    for session in ("session_b", "session_a"):
        with pytest.raises(Refused):
            stage.identity.use_ticket(ticket, session, None)


async def test_a_ticket_ends_after_thirty_seconds(stage: Stage) -> None:
    ticket = stage.identity.ticket(stage.devices["a"], None, None)
    stage.hands.wait(TICKET_SECONDS)
    with pytest.raises(Refused):
        stage.identity.use_ticket(ticket, None, None)


async def test_a_ticket_of_no_device_lets_nobody_in(stage: Stage) -> None:
    device = stage.devices["a"]
    assert stage.identity.ticket_holder((device.id, ORIGIN), ORIGIN) is device
    for bound_to in (None, (None, None), ("device_x", None), (device.id, None)):
        with pytest.raises(Refused):
            stage.identity.ticket_holder(bound_to, None if bound_to and bound_to[0] is None else ORIGIN)


async def test_with_a_device_goes_all_that_it_holds(stage: Stage) -> None:
    identity, device = stage.identity, stage.devices["a"]
    token, ticket, others = stage.token("a"), identity.ticket(device, None, None), stage.token("b")
    with identity.devices.line(device.principal) as ends:
        assert ends is not None and not ends.is_set()
        await identity.revoke(device)
        assert ends.is_set()
    with pytest.raises(Refused):
        stage.by_token(token, stage.proof("a", token))
    with pytest.raises(Refused):
        identity.use_ticket(ticket, None, None)
    with pytest.raises(Refused):
        stage.by_key(stage.proof("a"))
    assert stage.by_token(others, stage.proof("b", others)) is stage.devices["b"]
    assert [each.id for each in identity.devices] == [stage.devices["b"].id]


async def test_when_devices_were_used_is_written_down_at_the_end(stage: Stage, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.identity.run)
        stage.by_key(stage.proof("a"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    async with identity_in(tmp_path, stage.hands) as again:
        found = again.devices.by_key(stage.keys["a"].text)
        assert found is not None and found.last_used_at == stage.devices["a"].last_used_at is not None


async def test_no_refusal_repeats_what_was_sent(stage: Stage) -> None:
    token, proof = stage.token("a"), stage.proof("b", "another")
    ticket = stage.identity.ticket(stage.devices["a"], None, None)
    attempts: list[Callable[[], Device]] = [
        partial(stage.by_token, token, proof),
        partial(stage.by_token, "made-up", proof),
        partial(stage.by_key, proof[:-9]),
        partial(stage.identity.use_ticket, ticket, "session_x", None),
    ]
    with capture_logs() as lines:
        for attempt in attempts:
            with pytest.raises(Refused) as caught:
                attempt()
            told = repr((caught.value, caught.value.detail, caught.value.hint, caught.value.fields))
            for secret in (token, "made-up", proof, proof[:40], ticket):
                assert secret not in told
    assert lines == []
    assert token not in repr(stage.identity) and ticket not in repr(stage.identity)
