"""Devices of a whole box: paired, let in by token and ticket, and locked out."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.paired import SECONDS, Claimant, Key, PairedDevice, open_stream, send
from tests.waiting import until


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("app")
    with box_process(home, project) as box:
        yield box.start("--no-create-session-in-dir")


@pytest.fixture
def url(box: BoxProcess) -> str:
    url: str = box.ready["urls"][0]
    return url


@pytest.mark.parametrize("kind", ["P-256", "Ed25519"])
def test_a_paired_device_acts_as_the_owner_until_it_is_revoked(box: BoxProcess, url: str, kind: str) -> None:
    device = PairedDevice.pair(url, box.call, kind, label="Ana's phone")
    assert device.request("GET", "/v1/box").json["you"] == {"person": "owner", "role": "admin", "device": device.id}
    (shown,) = (each for each in device.request("GET", "/v1/devices").json["devices"] if each["current"])
    assert (shown["id"], shown["label"], shown["kind"]) == (
        device.id,
        "Ana's phone",
        "browser" if kind == "P-256" else "cli",
    )
    with device.stream() as stream:
        assert stream.hear("hello")["box"]["you"]["device"] == device.id
        assert b"ticket" not in stream.head
        assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
        with pytest.raises(ConnectionError):
            stream.until(lambda: False)
        assert (stream.closed, stream.messages[-1]) == (4401, {"type": "bye", "reason": "revoked", "retry": False})
    for token in (device.token, None):
        answer = device.prove("GET" if token else "POST", "/v1/box" if token else "/v1/tokens", None, token)
        assert (answer.status, answer.code) == (401, "unauthenticated")


def test_all_that_a_device_has_open_ends_within_a_second(box: BoxProcess, url: str) -> None:
    device = PairedDevice.pair(url, box.call)
    session = box.new("sh", "-c", "while :; do echo hi; done")["id"]
    exec_path = f"/v1/code/sessions/{session}/exec"
    ticket = device.request("POST", exec_path, {"command": ["sleep", "612"]}).json["ticket"]
    with (
        device.stream() as box_line,
        device.stream(session, "catch_up=all") as busy,
        open_stream(url, exec_path, ticket) as program,
        events_of(device, "/v1/stream") as events,
    ):
        box_line.hear("hello")
        busy.hear("hello")
        (shown,) = (each for each in box.call("GET", "/v1/devices")[1]["devices"] if each["id"] == device.id)
        assert shown["lines"] == 4
        assert events.readline().startswith(b'data: {"type":"hello"')
        began = time.monotonic()
        assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
        for line in (box_line, busy, program):
            with pytest.raises(ConnectionError):
                line.until(lambda: False)
            assert (line.closed, line.messages[-1]) == (4401, {"type": "bye", "reason": "revoked", "retry": False})
        *_, last, _, _ = events.read().split(b"\n")
        assert json.loads(last.removeprefix(b"data: ")) == {"type": "bye", "reason": "revoked", "retry": False}
        assert time.monotonic() - began < 1.0
    until(lambda: b"sleep\x00612" not in commands())
    box.call("POST", f"/v1/code/sessions/{session}/stop")


@pytest.mark.parametrize("accept", ["websocket", "text/event-stream"])
def test_a_worker_goes_with_the_device_that_asked_for_its_exchange(box: BoxProcess, url: str, accept: str) -> None:
    device = PairedDevice.pair(url, box.call)
    id = box.call("POST", "/v1/code/sessions", {"worker": "remote", "agent": "echo"})[1]["id"]
    path = f"/v1/code/sessions/{id}"
    token = device.request("POST", f"{path}/bridge", {}).json["worker_jwt"]
    bearer = {"authorization": f"Bearer {token}"}
    begin = {"records": [{"type": "begin", "run": "00000000-0000-4000-8000-000000000001"}]}
    farewell = {"type": "bye", "reason": "revoked", "retry": False}
    if accept == "websocket":
        with open_stream(url, f"{path}/worker", None, **bearer) as line:
            line.hear("hello")
            assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
            with pytest.raises(ConnectionError):
                line.until(lambda: False)
        assert (line.closed, line.messages[-1]) == (4401, farewell)
    else:
        with told_by_events(url, f"{path}/worker", {**bearer, "accept": accept}) as events:
            assert b'"hello"' in events.readline()
            assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
            assert json.loads(events.read().split(b"data: ")[-1]) == farewell
    assert send(url, "POST", f"{path}/worker/events", begin, bearer).status == 401
    status, anew = box.call("POST", f"{path}/bridge")
    assert (status, anew["generation"]) == (200, 2)
    again = {"authorization": f"Bearer {anew['worker_jwt']}"}
    assert send(url, "POST", f"{path}/worker/events", begin, again).status == 200
    box.call("POST", f"{path}/stop")


def begun(device: PairedDevice, method: str, path: str, head: str = "") -> socket.socket:
    """The head of a request as the device makes it, sent; what it has to say after it is left to the test."""
    token = device.token or device.sign_in()
    proof = device.key.proof(method, device.url + path.partition("?")[0], device.nonce, token)
    place = urlsplit(device.url)
    line = socket.create_connection((place.hostname or "", place.port or 80), SECONDS)
    named = f"Host: {place.netloc}\r\nAuthorization: DPoP {token}\r\nDPoP: {proof}\r\n{head}"
    line.sendall(f"{method} {path} HTTP/1.1\r\n{named}\r\n".encode())
    return line


def test_what_a_device_had_begun_is_not_carried_out_once_it_is_revoked(box: BoxProcess, url: str) -> None:
    device, returning = PairedDevice.pair(url, box.call), Key("Ed25519")
    asked = {
        "/v1/devices": {"kind": "machine", "public_key": returning.text, "label": "back again"},
        "/v1/pairings": {},
        "/v1/code/sessions": {"agent": "echo", "name": "too-late"},
    }
    with contextlib.ExitStack() as lines:
        held = []
        for path, wish in asked.items():
            body = json.dumps(wish).encode()
            head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n"
            line = lines.enter_context(begun(device, "POST", path, head))
            assert line.recv(4096).startswith(b"HTTP/1.1 100")  # whoever asks has been let in
            line.sendall(body[:-1])
            held.append((line, body[-1:]))
        assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
        for line, rest in held:
            line.sendall(rest)
            assert line.recv(4096).startswith(b"HTTP/1.1 401")
    assert not [each for each in box.call("GET", "/v1/devices")[1]["devices"] if each["label"] == "back again"]
    assert not [each for each in box.sessions() if each["name"] == "too-late"]


def test_what_a_revoked_device_was_reading_ends_within_a_second(box: BoxProcess, url: str) -> None:
    (box.project / "large").write_bytes(bytes(32 << 20))
    session = box.new("cat")["id"]
    device = PairedDevice.pair(url, box.call)
    with begun(device, "GET", f"/v1/code/sessions/{session}/files?path=large") as line:
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
        began, read = time.monotonic(), 0
        with contextlib.suppress(ConnectionResetError):
            while time.monotonic() - began < 0.9:  # slowly, so that the box still has most of it
                select.select([], [], [], 0.05)
                read += len(line.recv(4096))
            while data := line.recv(1 << 20):
                read += len(data)  # what was on its way
    assert read < 16 << 20
    box.call("POST", f"/v1/code/sessions/{session}/stop")


def test_a_box_that_was_killed_knows_its_devices_and_nothing_that_they_held(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    with box_process(tmp_path, tmp_path / "app") as box:
        first = box.start("--no-create-session-in-dir")
        listen = first.ready["urls"][0].removeprefix("http://")
        device = PairedDevice.pair(first.ready["urls"][0], box.call)
        token, ticket = device.sign_in(), device.ticket()
        key = box.call("POST", "/v1/pairings", {})[1]["box_key"]
        box.end(signal.SIGKILL)
        box.start("--listen", listen)
        assert device.prove("GET", "/v1/box", None, token).status == 401
        with device.stream(ticket=ticket) as stream:
            assert stream.status == 401
        assert device.request("GET", "/v1/box").json["you"]["device"] == device.id
        with device.stream() as stream:
            assert stream.status == 101
        assert box.call("POST", "/v1/pairings", {})[1]["box_key"] == key
        assert len(box.call("GET", "/v1/pairings")[1]["pairings"]) == 1


def test_a_box_without_a_key_that_can_be_read_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "box.key").write_text("nonsense")
    with box_process(tmp_path, tmp_path / "app") as box:
        ran = box.rc("serve", "--json", "--listen", "127.0.0.1:0")
        assert (ran.code, ran.out) == (78, "")
        assert "box.key" in ran.err and "Traceback" not in ran.err
    assert (tmp_path / "state" / "box.key").read_text() == "nonsense"


@contextlib.contextmanager
def events_of(device: PairedDevice, path: str) -> Iterator[http.client.HTTPResponse]:
    """Server-sent events, as a client reads them that has no WebSocket."""
    token = device.sign_in()
    proof = device.key.proof("GET", device.url + path, device.nonce, token)
    headers = {"accept": "text/event-stream", "authorization": f"DPoP {token}", "dpop": proof}
    with told_by_events(device.url, path, headers) as events:
        yield events


@contextlib.contextmanager
def told_by_events(url: str, path: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The same for whoever says by `headers` who asks."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()


def commands() -> bytes:
    """The command lines of all processes that can be looked at."""
    found = b""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += each.read_bytes()
    return found


def test_codes_are_not_for_guessing(box: BoxProcess, url: str) -> None:
    _, open_one = box.call("POST", "/v1/pairings", {})
    _, named = box.call("POST", "/v1/pairings", {})
    for _ in range(5):
        assert Claimant(url).claim(code=named["code"][:2] + "ZZ-ZZZZ").code == "not_found"
    assert box.call("GET", f"/v1/pairings/{named['id']}")[1]["state"] == "refused"
    nobody = next(two for two in ("ZZ", "YY", "XX") if two not in (open_one["code"][:2], named["code"][:2]))
    for _ in range(15):
        assert Claimant(url).claim(code=f"{nobody}ZZ-ZZZZ").code == "not_found"
    late = Claimant(url).claim(code=open_one["code"])
    assert (late.status, late.code, late.json["retry_after"] > 500) == (429, "rate_limited", True)
    link = open_one["url"].partition("#")[2].partition(".")[0]
    assert Claimant(url).claim(secret=link).status == 200
