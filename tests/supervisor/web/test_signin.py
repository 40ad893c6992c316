"""Who asks on TCP, by what the head of a request says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.requests import Request

from supervisor.core.access import ANONYMOUS, OWNER, SESSION, Principal
from supervisor.identity.devices import Device
from supervisor.identity.identity import Identity
from supervisor.web.approach import Approach
from supervisor.web.head import Head
from supervisor.web.signin import DeviceSignIn
from supervisor.web.throttle import AUTHENTICATION, Throttle
from tests.flows.paired import Key
from tests.supervisor.identity.parts import WALL, Hands, identity_in
from tests.supervisor.web.test_checks import NOWHERE
from workers.errors import Refused

ORIGIN = "https://box.example"
OFF_LOOPBACK = Approach(NOWHERE, "192.0.2.7", (ORIGIN, "http://10.0.0.5:7420"))
STREAM = SESSION.replace("{id}", "session_a") + "/stream"
EXEC = SESSION.replace("{id}", "session_a") + "/exec"


@dataclass
class Stage:
    identity: Identity
    sign_in: DeviceSignIn
    key: Key
    device: Device

    def proof(self, method: str = "GET", url: str = ORIGIN + "/v1/box", token: str | None = None) -> str:
        return self.key.proof(method, url, self.identity.nonce(), token, iat=WALL)

    def token(self) -> str:
        return str(self.identity.token(self.device)["access_token"])

    async def why(self, *headers: tuple[str, str], path: str = "/v1/box") -> str:
        with pytest.raises(Refused) as caught:
            await self.sign_in.who(head(*headers, path=path), OFF_LOOPBACK)
        assert caught.value.code == "unauthenticated"
        return str(caught.value.fields["error"])


def head(*headers: tuple[str, str], method: str = "GET", path: str = "/v1/box") -> Head:
    return Head(method, path, path, "", headers)


def offering(ticket: str, *more: tuple[str, str], path: str = STREAM) -> Head:
    return head(("upgrade", "websocket"), ("sec-websocket-protocol", f"rc.v1, ticket.{ticket}"), *more, path=path)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    programs: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    async with identity_in(tmp_path, Hands()) as identity:
        key = Key()
        device = await identity.devices.add(key.text, "browser", "x", OWNER)
        programs["session_a", "theirs"] = (device.id, ORIGIN)
        programs["session_a", "local"] = (None, None)
        sign_in = DeviceSignIn(identity, lambda session, ticket: programs.get((session, ticket)), Throttle())
        yield Stage(identity, sign_in, key, device)


async def test_nobody_is_who_does_not_sign_in(stage: Stage) -> None:
    for asked in (head(), head(("dpop", stage.proof())), head(("cookie", "session=1"))):
        assert await stage.sign_in.who(asked, OFF_LOOPBACK) == ANONYMOUS


def by_key(*headers: tuple[str, str]) -> Request:
    asked = head(*headers, method="POST", path="/v1/tokens")
    return Request({"type": "http", "state": {"head": asked, "approach": OFF_LOOPBACK}})


async def test_however_many_try_wrong_proofs_a_right_one_comes_in(stage: Stage) -> None:
    codes = []
    for _ in range(int(AUTHENTICATION.burst) + 1):
        with pytest.raises(Refused) as caught:
            stage.sign_in.device(by_key())
        codes.append(caught.value.code)
    assert codes[-2:] == ["unauthenticated", "rate_limited"]
    proof = stage.proof("POST", ORIGIN + "/v1/tokens")
    assert stage.sign_in.device(by_key(("dpop", proof))) is stage.device


@pytest.mark.parametrize("scheme", ["DPoP", "dpop"])
async def test_a_device_is_who_proves_it(stage: Stage, scheme: str) -> None:
    token = stage.token()
    for url in (ORIGIN + "/v1/box", "http://10.0.0.5:7420/v1/box"):
        headers = (("authorization", f"{scheme} {token}"), ("dpop", stage.proof(url=url, token=token)))
        found = await stage.sign_in.who(head(*headers), OFF_LOOPBACK)
        assert found == stage.device.principal


async def test_whoever_signs_in_wrongly_is_not_let_in_as_nobody(stage: Stage) -> None:
    token = stage.token()
    good = stage.proof(token=token)
    authorization, proof = ("authorization", f"DPoP {token}"), ("dpop", good)
    assert await stage.why(authorization) == "use_dpop_nonce"
    assert await stage.why(authorization, proof, proof) == "invalid_dpop_proof"
    for wrong in ("", "DPoP", "DPoP ", "DPoP x", f"Bearer {token}", f"Basic {token}", token):
        assert await stage.why(("authorization", wrong), proof) == "invalid_token", wrong
    assert await stage.why(authorization, authorization, proof) == "invalid_token"
    assert await stage.why(authorization, proof, path="/v1/df") == "invalid_dpop_proof"
    for other in (stage.proof("POST", token=token), stage.proof(url="https://evil.example/v1/box", token=token)):
        assert await stage.why(authorization, ("dpop", other)) == "invalid_dpop_proof"
    assert await stage.sign_in.who(head(authorization, proof), OFF_LOOPBACK)  # none of these has used it up
    assert await stage.why(authorization, proof) == "invalid_dpop_proof"


async def test_a_websocket_is_opened_by_a_ticket_and_by_nothing_else(stage: Stage) -> None:
    token = stage.token()
    signed = (("authorization", f"DPoP {token}"), ("dpop", stage.proof(token=token)))
    assert await stage.sign_in.who(head(("upgrade", "websocket"), *signed), OFF_LOOPBACK) == ANONYMOUS
    ticket = stage.identity.ticket(stage.device, "session_a", None)
    assert await stage.sign_in.who(offering(ticket), OFF_LOOPBACK) == stage.device.principal
    with pytest.raises(Refused):
        await stage.sign_in.who(offering(ticket), OFF_LOOPBACK)


async def test_a_ticket_opens_what_it_was_given_for_from_its_own_page(stage: Stage) -> None:
    def ticket() -> str:
        return stage.identity.ticket(stage.device, "session_a", ORIGIN)

    ours = ("origin", ORIGIN)
    assert await stage.sign_in.who(offering(ticket(), ours), OFF_LOOPBACK) == stage.device.principal
    for unfit in (
        offering(ticket()),
        offering(ticket(), ("origin", "http://10.0.0.5:7420")),
        offering(ticket(), ours, path="/v1/stream"),
        offering(ticket(), ours, path=STREAM.replace("_a", "_b")),
        offering(ticket(), ours, path=EXEC),
    ):
        with pytest.raises(Refused):
            await stage.sign_in.who(unfit, OFF_LOOPBACK)
    for elsewhere in ("/v1/box", "/nowhere"):
        assert await stage.sign_in.who(offering(ticket(), ours, path=elsewhere), OFF_LOOPBACK) == ANONYMOUS
    two = f"{ticket()}, ticket.{ticket()}"
    assert await stage.sign_in.who(offering(two, ours), OFF_LOOPBACK) == ANONYMOUS


async def test_a_program_has_a_ticket_of_its_own(stage: Stage) -> None:
    ours = ("origin", ORIGIN)
    for _ in range(2):  # it is used up where the program starts
        assert await stage.sign_in.who(offering("theirs", ours, path=EXEC), OFF_LOOPBACK) == stage.device.principal
    for unfit in (
        offering("theirs", path=EXEC),
        offering("theirs", ours),
        offering("theirs", ours, path=EXEC.replace("_a", "_b")),
        offering("local", path=EXEC),
        offering("made-up", ours, path=EXEC),
    ):
        with pytest.raises(Refused):
            await stage.sign_in.who(unfit, OFF_LOOPBACK)


async def test_a_worker_is_let_in_for_as_long_as_the_device_that_asked_for_its_exchange(stage: Stage) -> None:
    def worker(asker: Principal) -> Principal | None:
        token = stage.sign_in.worker_token("session_a", 3, asker)
        return stage.sign_in.worker(head(("authorization", f"Bearer {token}")))

    known = worker(stage.device.principal)
    assert known is not None and known == Principal("worker", "session_a", generation=3, let_in_by=stage.device.id)
    assert stage.sign_in.lock_out(known) is stage.device.revoked
    ours = worker(OWNER)
    assert ours is not None and stage.sign_in.lock_out(ours) is None
    await stage.identity.revoke(stage.device)
    assert worker(OWNER) == ours
    with pytest.raises(Refused, match="asked for this exchange") as caught:
        worker(stage.device.principal)
    assert caught.value.code == "unauthenticated"


async def test_every_answer_carries_the_nonce_for_the_next_request(stage: Stage) -> None:
    assert stage.sign_in.headers() == [(b"dpop-nonce", stage.identity.nonce().encode())]
