"""Everybody who may ask, at every route and message of one box: who gets past the question who asks is as in `matrix`.

Nothing of it is carried out: it holds a field that nobody knows, or is about something that is not there.
"""

from __future__ import annotations

import itertools
import json
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from supervisor.core import access
from supervisor.core.access import SESSION, SESSIONS
from supervisor.core.workertokens import EXPIRES_IN, Claims, WorkerTokens
from supervisor.identity.boxkey import load_box_key
from tests.flows import askall
from tests.flows.askall import Answer, Request
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.matrix import EXPECTED, IN, MESSAGES, NO, PROVEN, ROUTES, STALE, WEBSOCKETS, WHO, WORKER
from tests.flows.nap import Nap
from tests.flows.paired import PairedDevice, send
from tests.waiting import until

TOKEN_SECONDS = 600
TO_NOBODY = json.dumps({"nobody knows this field": 1})


@dataclass(frozen=True)
class Row:
    method: str
    template: str
    is_websocket: bool

    @property
    def kind(self) -> str:
        return WEBSOCKETS[self.template] if self.is_websocket else ROUTES[self.method, self.template]

    def path(self, session: str) -> str:
        path = self.template.replace(SESSION, SESSION.replace("{id}", session))
        for name, value in {"{id}": "nobody", "{sha256}": "0" * 64, "{name}": "nothing.js"}.items():
            path = path.replace(name, value)
        return path


ROWS = [Row(*route, False) for route in ROUTES] + [Row("GET", template, True) for template in WEBSOCKETS]
Credentials = Callable[[Row, str], Request]  # for a row and its path: `headers`, and the `ticket` of a WebSocket


class Scene:
    """One box, two sessions on it, and two devices. `nap` lets time pass."""

    def __init__(self, box: BoxProcess, nap: Nap, folder: Path) -> None:
        self.box = box
        self.nap = nap
        self._addresses = itertools.cycle(range(1, 255))
        self.url: str = box.ready["urls"][0]
        self.orders, self.told = folder / "orders", folder / "told"
        words = [sys.executable, "-P", askall.__file__, str(box.state / "rc.sock"), str(self.orders), str(self.told)]
        waits = f"until [ -e {self.orders} ]; do sleep 0.01; done"
        self.session: str = box.new("sh", "-c", f"{waits}; {shlex.join(words)}; sleep 600")["id"]
        self.other: str = box.new("sh", "-c", "trap '' INT; sleep 600")["id"]
        self.device = PairedDevice.pair(self.url, box.call)
        self.stranger = PairedDevice.pair(self.url, box.call, kind="Ed25519")

    # By TCP

    def tcp(self) -> socket.socket:
        """From another address of the loopback each time: of one, the box takes only so many wrong sign-ins."""
        place, ours = urlsplit(self.url), f"127.0.0.{next(self._addresses)}"
        return socket.create_connection((place.hostname or "", place.port or 0), askall.SECONDS, (ours, 0))

    def asks(self, credentials: Credentials, rows: list[Row]) -> dict[Row, str]:
        return {row: outcome(self.ask(row, credentials(row, row.path(self.session)))) for row in rows}

    def ask(self, row: Row, credentials: Request) -> Answer:
        return askall.ask(self.tcp, self.request(row, self.session) | credentials, urlsplit(self.url).netloc)

    def request(self, row: Row, session: str) -> Request:
        body = {PROVEN: "{}", WORKER: '{"records":[]}'}.get(row.kind, TO_NOBODY) if row.method != "GET" else None
        says: dict[str, Any] = {"says": []} if row.is_websocket else {}
        return {"method": row.method, "path": row.path(session), "body": body, **says}

    def proven(self, row: Row, path: str, device: PairedDevice, token: str) -> dict[str, str]:
        """The headers of one request by this device and token, with a nonce that holds."""
        nonce = send(self.url, "GET", "/healthz").headers["dpop-nonce"]
        return {"authorization": f"DPoP {token}", "dpop": device.key.proof(row.method, self.url + path, nonce, token)}

    def ticket(self, row: Row, session: str, device: PairedDevice | None = None) -> str:
        """A ticket of a device, ours unless said, for what a row leads to."""
        device = device or self.device
        if row.template == SESSION + "/exec":
            path = row.template.replace("{id}", session)
            answer = device.request("POST", path, {"command": ["true"]})
            assert answer.status == 200, answer.body
            ticket: str = answer.json["ticket"]
            return ticket
        return device.ticket(session if row.template.startswith(SESSION) else None)

    # By the box's own socket, inside a session and outside

    def asks_at_home(self, rows: list[Row], credentials: Request | None = None) -> dict[Row, str]:
        shown = credentials or {}
        return {row: outcome(askall.ask(self.box.connect, self.request(row, self.session) | shown)) for row in rows}

    def agent_asks(self, requests: list[Request]) -> list[Answer]:
        part = self.orders.with_suffix(".part")
        part.write_text(json.dumps(requests))
        part.rename(self.orders)
        until(self.told.exists, 60)
        return [(status, told) for status, told in json.loads(self.told.read_text())]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("home")
    (home / "app").mkdir()
    nap = Nap(home)
    with box_process(home, home / "app") as box:
        box.environment.update(nap.environment)
        box.start("--no-create-session-in-dir")
        yield Scene(box, nap, home)


def outcome(answer: Answer) -> str:
    """Whether the box asked who is asking, or what it made of the request after that."""
    status, told = answer
    if told in (WHO, NO, STALE):
        return f"{told}"
    assert status != 421 and status != 429 and status < 500, answer
    return IN


def astray(who: str, found: dict[Row, str]) -> list[str]:
    """Cells that are not as the table says."""
    cells = [(row, told, EXPECTED[who][row.kind]) for row, told in found.items()]
    return [f"{row.method} {row.template}: {told}, not {right}" for row, told, right in cells if told != right]


def test_every_route_and_message_has_a_row() -> None:
    assert ROUTES.keys() == access.ROUTES.keys()
    assert WEBSOCKETS.keys() == access.WEBSOCKETS.keys()
    assert MESSAGES.keys() == access.MESSAGES.keys()


def test_nobody(scene: Scene) -> None:
    assert astray("anonymous", scene.asks(lambda row, path: {}, ROWS)) == []


def test_a_token_that_the_box_never_gave(scene: Scene) -> None:
    def credentials(row: Row, path: str) -> Request:
        made_up = "A" * 43
        return {"headers": scene.proven(row, path, scene.device, made_up), "ticket": made_up}

    assert astray("bad token", scene.asks(credentials, ROWS)) == []


@pytest.mark.parametrize("who", ["device", "machine"])
def test_a_device_that_is_paired_and_whoever_repeats_what_it_said(scene: Scene, who: str) -> None:
    device = scene.device if who == "device" else PairedDevice.machine(scene.url, scene.box.call)
    token = device.sign_in()
    first, again = {}, {}
    for row in ROWS:
        ticket = {"ticket": scene.ticket(row, scene.session, device)} if row.is_websocket else {}
        headers = {} if row.is_websocket else scene.proven(row, row.path(scene.session), device, token)
        first[row] = outcome(scene.ask(row, {"headers": headers, **ticket}))
        again[row] = outcome(scene.ask(row, {"headers": headers, **ticket}))
    assert astray(who, first) == []
    assert astray("replayed proof", again) == []


def test_a_token_with_the_proof_of_another_device(scene: Scene) -> None:
    token = scene.device.sign_in()

    def credentials(row: Row, path: str) -> Request:
        if row.is_websocket:  # a ticket goes by no proof: it is bound to the page that asked for it
            return {"ticket": scene.ticket(row, scene.session), "headers": {"origin": scene.url}}
        return {"headers": scene.proven(row, path, scene.stranger, token)}

    assert astray("other device's token", scene.asks(credentials, ROWS)) == []


def test_a_ticket_for_something_else(scene: Scene) -> None:
    ticket = scene.device.ticket(scene.other)

    def credentials(row: Row, path: str) -> Request:
        if row.is_websocket:
            return {"ticket": scene.ticket(row, scene.other) if row.template.startswith(SESSION) else ticket}
        return {"headers": scene.proven(row, path, scene.device, ticket)}

    assert astray("wrong session's ticket", scene.asks(credentials, ROWS)) == []


def test_a_ticket_that_was_used(scene: Scene) -> None:
    used = scene.device.ticket(scene.session)
    stream = Row("GET", SESSION + "/stream", True)
    assert scene.ask(stream, {"ticket": used})[0] == 101

    def credentials(row: Row, path: str) -> Request:
        if row.is_websocket:
            ticket = scene.ticket(row, scene.session)
            assert scene.ask(row, {"ticket": ticket})[0] == (403 if row.kind == WORKER else 101)
            return {"ticket": ticket}
        return {"headers": scene.proven(row, path, scene.device, used)}

    assert astray("used ticket", scene.asks(credentials, ROWS)) == []


def test_a_device_that_was_revoked(scene: Scene) -> None:
    gone = PairedDevice.pair(scene.url, scene.box.call)
    tickets = {"/v1/stream": gone.ticket(), SESSION + "/stream": gone.ticket(scene.session)}
    token = gone.sign_in()
    answer = gone.request("POST", f"/v1/code/sessions/{scene.session}/exec", {"command": ["true"]})
    tickets[SESSION + "/exec"] = answer.json["ticket"]
    assert scene.box.call("DELETE", f"/v1/devices/{gone.id}")[0] == 200

    def credentials(row: Row, path: str) -> Request:
        ticket = {"ticket": tickets.get(row.template, "none for this")} if row.is_websocket else {}
        return {"headers": scene.proven(row, path, gone, token), **ticket}

    assert astray("revoked device", scene.asks(credentials, ROWS)) == []


def test_workers_of_remote_sessions(scene: Scene) -> None:
    """On either socket: whoever shows a worker's token is that worker, and not the person or device beside it."""
    one, other = (scene.box.call("POST", SESSIONS, {"agent": "echo", "worker": "remote"})[1] for _ in range(2))
    older, newer, others = (bridge(scene, each["id"]) for each in (one, one, other))
    tokens = WorkerTokens(load_box_key(str(scene.box.state)).private)
    expected = {
        "worker": newer,
        "worker of an older generation": older,
        "worker of another session": others,
        "worker whose token has expired": tokens.sign(Claims(one["id"], 2), time.time() - EXPIRES_IN - 1),
    }
    local = scene.session
    scene.session = one["id"]
    try:
        for who, token in expected.items():
            credentials = bearer(token)
            assert astray(who, scene.asks(credentials, ROWS)) == []
            assert astray(who, scene.asks_at_home(ROWS, credentials(ROWS[0], ""))) == []
    finally:
        scene.session = local
        for each in (one, other):
            assert scene.box.call("POST", f"{SESSIONS}/{each['id']}/stop")[0] == 200


def bridge(scene: Scene, session: str) -> str:
    status, answer = scene.box.call("POST", f"{SESSIONS}/{session}/bridge")
    assert status == 200, answer
    token: str = answer["worker_jwt"]
    return token


def bearer(token: str) -> Credentials:
    return lambda row, path: {"headers": {"authorization": f"Bearer {token}"}}


def test_the_owner_at_home(scene: Scene) -> None:
    rows = [row for row in ROWS if row.template != SESSION + "/exec" or not row.is_websocket]  # it takes a ticket
    assert astray("owner", scene.asks_at_home(rows)) == []


def test_the_agent_of_a_session_at_its_own_and_at_another(scene: Scene) -> None:
    says = [_message(name) for name in MESSAGES]
    stream = {"method": "GET", "path": f"/v1/code/sessions/{scene.session}/stream", "says": says}
    requests = [scene.request(row, session) for session in (scene.session, scene.other) for row in ROWS]
    *answers, (status, said) = scene.agent_asks([*requests, stream])
    own, others = answers[: len(ROWS)], answers[len(ROWS) :]
    for who, told in {"agent of the session": own, "agent of another session": others}.items():
        assert astray(who, dict(zip(ROWS, map(outcome, told), strict=True))) == []
    assert status == 101
    assert _said(said) == {name: EXPECTED["agent of the session"][kind] for name, (kind, _) in MESSAGES.items()}


@pytest.mark.parametrize("who", ["owner", "device"])
def test_who_may_operate_a_session_may_say_everything(scene: Scene, who: str) -> None:
    request = {"path": f"/v1/code/sessions/{scene.other}/stream", "says": [_message(name) for name in MESSAGES]}
    if who == "owner":
        status, said = askall.ask(scene.box.connect, request)
    else:
        ticket = scene.device.ticket(scene.other)
        status, said = askall.ask(scene.tcp, {**request, "ticket": ticket}, urlsplit(scene.url).netloc)
    assert status == 101
    assert _said(said) == {name: EXPECTED[who][kind] for name, (kind, _) in MESSAGES.items()}


def test_a_token_that_has_expired(scene: Scene) -> None:
    token = scene.device.sign_in()
    tickets = {row.template: scene.ticket(row, scene.session) for row in ROWS if row.is_websocket}
    scene.nap.sleep(TOKEN_SECONDS + 1)

    def credentials(row: Row, path: str) -> Request:
        ticket = {"ticket": tickets[row.template]} if row.is_websocket else {}
        return {"headers": scene.proven(row, path, scene.device, token), **ticket}

    assert astray("expired token", scene.asks(credentials, ROWS)) == []


def test_how_large_it_is() -> None:
    cells = len(ROWS) * len(EXPECTED) + len(MESSAGES) * 3
    sys.stderr.write(
        f"\nauthentication matrix: {len(ROWS)} rows x {len(EXPECTED)} + {len(MESSAGES)} x 3 = {cells} cells\n"
    )


def _message(name: str) -> object:
    said = MESSAGES[name][1]
    is_command = isinstance(said, dict) and "kind" in said
    return {"type": "command", "id": f"c-{name}", "command": said} if is_command else said


def _said(codes: list[str | None]) -> dict[str, str]:
    return {name: NO if code == NO else IN for name, code in zip(MESSAGES, codes, strict=True)}
