"""What every request must pass before anything of it is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.web.approach import Approach
from supervisor.web.gate import Arrival, Gate, check_head, check_route
from supervisor.web.head import HEAD_LIMIT, Head
from supervisor.web.places import PER_SITE, Places
from supervisor.web.sockets import Entrance, bind_tcp, bind_unix
from supervisor.web.throttle import AUTHENTICATION, SPAWNING, Throttle
from workers.errors import Refused

AGENT = Principal("agent", "session_own")
WORKER = Principal("worker", "session_own", generation=1)
DEVICE = Principal("owner", device="device_a")


def head(method: str = "GET", path: str = "/v1/box", **headers: str) -> Head:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Head(method, path, path, "", named)


class Known:
    """Takes everybody for the same, and remembers how they came."""

    def __init__(self, principal: Principal | None) -> None:
        self.principal = principal  # None: what they show does not hold
        self.approaches: list[Approach] = []

    async def who(self, head: Head, approach: Approach) -> Principal:
        self.approaches.append(approach)
        if self.principal is None:
            raise Refused("unauthenticated", "it does not hold", "sign in")
        return self.principal

    def worker(self, head: Head) -> Principal | None:
        return WORKER if head.header("authorization") == "Bearer w" else None

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"dpop-nonce", b"n1")]

    def lock_out(self, principal: Principal) -> trio.Event | None:
        return None


@pytest.fixture
def unix(tmp_path: Path) -> Iterator[Entrance]:
    entrance = bind_unix(str(tmp_path / "rc.sock"))
    with entrance.socket:
        yield entrance


@pytest.fixture
def tcp() -> Iterator[Entrance]:
    entrance = bind_tcp("127.0.0.1:0")
    with entrance.socket:
        yield entrance


def refusal(asked: Head, principal: Principal, entrance: Entrance) -> str | None:
    with capture_logs():
        try:
            check_head(asked, entrance, "127.0.0.1")
            check_route(asked, principal)
        except Refused as refused:
            return refused.code
    return None


def test_the_order_is_size_host_sign_in_route_role(tcp: Entrance) -> None:
    evil = {"host": "evil.example"}
    assert refusal(head(path="/x", pad="x" * HEAD_LIMIT, **evil), ANONYMOUS, tcp) == "head_too_large"
    assert refusal(head(path="/x", **evil), ANONYMOUS, tcp) == "misdirected"
    assert refusal(head(path="/healthz", **evil), ANONYMOUS, tcp) == "misdirected"
    assert refusal(head(path="/x", host="localhost"), ANONYMOUS, tcp) == "unauthenticated"
    assert refusal(head(path="/x", host="localhost"), OWNER, tcp) == "not_found"
    assert refusal(head("DELETE", host="localhost"), OWNER, tcp) == "method_not_allowed"
    assert refusal(head("PATCH", host="localhost"), AGENT, tcp) == "not_allowed"
    assert refusal(head(host="localhost"), AGENT, tcp) is None


def test_no_host_is_checked_on_the_unix_socket(unix: Entrance) -> None:
    assert refusal(head(host="evil.example", origin="http://evil.example"), OWNER, unix) is None


def test_what_a_session_may_not_do_is_logged() -> None:
    with capture_logs() as lines, pytest.raises(Refused):
        check_route(head("POST", "/v1/\x1b[31m"), AGENT)
    told = {"event": "not_allowed", "session": "session_own", "by": "agent", "method": "POST", "log_level": "warning"}
    assert lines == [{**told, "path": "/v1/\\x1b[31m"}]


class Knocker:
    """Comes by one connection, with one request after the other."""

    def __init__(self, entrance: Entrance, principal: Principal | None) -> None:
        self.known = Known(principal)
        self.gate = Gate(self.known, Throttle(lambda: 0.0))
        self.places = Places()
        self.entrance = entrance

    async def ask(self, *requests: Head, peer: str = "127.0.0.1", asker: Principal | None = None) -> list[str]:
        with self.places.take(asker, peer) as place:
            return [await self._answer(each, Arrival(self.entrance, peer, asker, place)) for each in requests]

    async def _answer(self, request: Head, arrival: Arrival) -> str:
        try:
            return (await self.gate.admit(request, arrival)).principal.kind
        except Refused as refused:
            return refused.code


async def test_each_request_on_tcp_says_anew_who_asks(tcp: Entrance) -> None:
    knocker = Knocker(tcp, OWNER)
    assert await knocker.ask(head(host="localhost:9"), head(host="evil.example")) == ["owner", "misdirected"]
    knocker.known.principal = ANONYMOUS
    assert await knocker.ask(head(host="localhost:9")) == ["unauthenticated"]
    assert [each.origins for each in knocker.known.approaches] == [("http://localhost:9",)] * 2
    assert knocker.known.approaches[0].address == "127.0.0.1"


async def test_on_the_unix_socket_it_was_settled_at_accept(unix: Entrance) -> None:
    knocker = Knocker(unix, OWNER)
    assert await knocker.ask(head(), head("PATCH"), asker=AGENT) == ["agent", "not_allowed"]
    assert knocker.known.approaches == []


async def test_a_worker_is_one_on_every_socket_and_no_person_beside_it(tcp: Entrance, unix: Entrance) -> None:
    shown = {"host": "localhost:9", "authorization": "Bearer w"}
    work = "/v1/code/sessions/%s/worker"
    requests = [head(path=path, **shown) for path in ("/v1/box", work % "session_own", work % "session_other")]
    for entrance, asker in ((tcp, None), (unix, OWNER)):
        assert await Knocker(entrance, OWNER).ask(*requests, asker=asker) == ["not_allowed", "worker", "not_allowed"]


async def test_who_signs_in_makes_room_for_strangers(tcp: Entrance) -> None:
    known, strangers = Knocker(tcp, DEVICE), Knocker(tcp, ANONYMOUS)
    strangers.places = known.places
    for _ in range(2):
        with known.places.take(None, "127.0.0.1") as place:
            place.may_go = False
            arrival = Arrival(tcp, "127.0.0.1", None, place)
            assert (await known.gate.admit(head(host="localhost"), arrival)).principal == DEVICE
            for _ in range(PER_SITE + 1):
                assert await strangers.ask(head(path="/healthz", host="localhost")) == ["anonymous"]
            assert not place.scope.cancel_called


async def test_wrong_sign_ins_are_counted_by_address_and_right_ones_come_in(tcp: Entrance) -> None:
    knocker = Knocker(tcp, None)
    tries = [head(host="localhost", authorization="DPoP x")] * (int(AUTHENTICATION.burst) + 1)
    assert await knocker.ask(*tries) == ["unauthenticated"] * int(AUTHENTICATION.burst) + ["rate_limited"]
    claim = head("POST", "/v1/pairings/claim", host="localhost")
    knocker.known.principal = ANONYMOUS
    assert await knocker.ask(claim) == ["rate_limited"]
    assert await knocker.ask(claim, peer="127.0.0.2") == ["anonymous"]
    assert await knocker.ask(head(path="/healthz", host="localhost")) == ["anonymous"]
    knocker.known.principal = DEVICE
    assert await knocker.ask(head(host="localhost")) == ["owner"]


async def test_programs_are_started_so_many_at_once(tcp: Entrance, unix: Entrance) -> None:
    knocker, new = Knocker(tcp, DEVICE), head("POST", "/v1/code/sessions", host="localhost")
    assert await knocker.ask(*[new] * int(SPAWNING.burst)) == ["owner"] * int(SPAWNING.burst)
    assert await knocker.ask(new, head(host="localhost")) == ["rate_limited", "owner"]
    knocker.known.principal = Principal("owner", device="device_b")
    assert await knocker.ask(new) == ["owner"]
    at_home = Knocker(unix, None)
    assert await at_home.ask(*[new] * int(SPAWNING.burst + 1), asker=OWNER) == ["owner"] * int(SPAWNING.burst + 1)
