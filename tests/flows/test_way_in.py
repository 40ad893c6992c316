"""The ways into a whole box: by TLS, through a proxy, under its public names; and what it cannot be started with."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.paired import Answer, Key, PairedDevice, open_stream, send
from tests.supervisor.web.doors import write_certificate
from tests.waiting import until

PUBLIC = "https://box.example"


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    """A box that speaks TLS, on all addresses of this machine."""
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("app")
    certificate, key = write_certificate(home)
    flags = ["--tls-cert", certificate, "--tls-key", key, "--listen", "0.0.0.0:0", "--public-url", PUBLIC]
    with box_process(home, project) as box:
        yield box.start("--no-create-session-in-dir", *flags)


def local(box: BoxProcess) -> str:
    """Where its first listener is, on the loopback."""
    url: str = next(url for url in box.ready["urls"] if "127.0.0.1" in url)
    return url


def test_its_addresses_are_told_the_public_one_first(sealed: BoxProcess) -> None:
    urls = sealed.ready["urls"]
    assert urls[0] == PUBLIC
    assert len(urls) >= 2 and all(url.startswith("https://") for url in urls)
    assert not any("0.0.0.0" in url for url in urls)
    session = sealed.new("cat")
    assert session["url"] == f"{PUBLIC}/code/{session['id']}"


def test_a_device_does_everything_over_tls(sealed: BoxProcess) -> None:
    device = PairedDevice.pair(local(sealed), sealed.call)
    assert device.request("GET", "/v1/box").json["you"]["device"] == device.id
    session = sealed.new("cat")
    with device.stream(session["id"], "catch_up=all") as stream:
        stream.hear("hello")
        stream.type(b"through\r")
        stream.until(lambda: stream.terminal.count(b"through") == 2)
        large = 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo done'
        shell = sealed.new("sh", "-c", large)
        with device.stream(shell["id"], "terminal_after=0") as flood:
            flood.until(lambda: b"done" in flood.terminal)
            assert flood.terminal.count(b"x") == 3_000_000
    assert device.request("DELETE", f"/v1/devices/{device.id}").status == 200


def test_its_public_name_is_a_name_and_an_origin(sealed: BoxProcess) -> None:
    def ask(**headers: str) -> Answer:
        return send(local(sealed), "GET", "/healthz", headers=headers)

    assert ask(host="box.example").status == 200
    assert ask(host="box.example", origin=PUBLIC).headers["strict-transport-security"]
    assert "strict-transport-security" not in ask(host="localhost").headers
    for headers in (
        {"host": "evil.example"},
        {"host": "box.example", "origin": "http://box.example"},
        {"host": "box.example", "origin": "https://box.example:8443"},
        {"host": "localhost", "origin": PUBLIC},
        {"host": "0.0.0.0"},
    ):
        assert ask(**headers).code == "misdirected", headers


def test_a_websocket_wants_a_ticket_and_the_right_origin(sealed: BoxProcess) -> None:
    device = PairedDevice.machine(local(sealed), sealed.call)
    own = local(sealed)
    for ticket, origin, code in (
        (None, own, "unauthenticated"),
        (device.ticket(origin=own), "https://evil.example", "misdirected"),
        (device.ticket(origin=own), "null", "misdirected"),
    ):
        with open_stream(own, "/v1/stream", ticket, origin=origin) as stream:
            assert stream.problem()["code"] == code
    with open_stream(own, "/v1/stream", device.ticket(origin=own), origin=own) as stream:
        assert stream.status == 101


def test_plain_http_is_told_that_it_is_none(sealed: BoxProcess) -> None:
    answer = send(local(sealed).replace("https:", "http:"), "GET", "/healthz")
    assert (answer.code, answer.json["hint"]) == ("invalid", "use https://")


def test_through_a_proxy_a_device_is_at_the_public_name(stopped: BoxProcess) -> None:
    box = stopped.start("--no-create-session-in-dir", "--behind-proxy", "127.0.0.1", "--public-url", PUBLIC)
    device = PairedDevice.machine(local(box), box.call)
    told = {"x-forwarded-host": "box.example", "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7"}
    nonce = send(local(box), "GET", "/healthz").headers["dpop-nonce"]

    def tokens(htu: str, key: Key = device.key) -> Answer:
        proof = key.proof("POST", f"{htu}/v1/tokens", nonce)
        return send(local(box), "POST", "/v1/tokens", headers={"dpop": proof, **told})

    assert tokens(PUBLIC).status == 200
    assert tokens(local(box)).code == "unauthenticated"
    assert tokens("http://box.example").code == "unauthenticated"


def test_where_only_the_proxy_may_come_nobody_else_does(stopped: BoxProcess) -> None:
    listen = ["--listen", "0.0.0.0:0", "--behind-proxy", "192.0.2.1", "--public-url", PUBLIC]
    box = stopped.start("--no-create-session-in-dir", *listen)
    port = urlsplit(box.ready["urls"][-1]).port
    told = {"x-forwarded-host": "box.example", "x-forwarded-for": "192.0.2.7"}
    for headers in ({}, told, {"host": "box.example"}):
        answer = send(f"http://127.0.0.1:{port}", "GET", "/healthz", headers=headers)
        assert answer.code == "misdirected" and "proxy" in answer.json["detail"]
    assert send(local(box), "GET", "/healthz").status == 200  # the listener on the loopback is everybody's here


def test_what_was_given_once_is_remembered_and_can_be_taken_away(stopped: BoxProcess) -> None:
    certificate, key = write_certificate(stopped.project)
    flags = ["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--public-url", PUBLIC, "--behind-proxy", "10.0.0.0/8"]
    stopped.start("--no-create-session-in-dir", *flags).end()
    box = stopped.start()
    settings = {each["key"]: each["value"] for each in box.call("GET", "/v1/box")[1]["settings"]}
    assert (settings["tls_cert"], settings["tls_key"]) == (certificate, key)
    assert (settings["public_url"], settings["behind_proxy"]) == ([PUBLIC], ["10.0.0.0/8"])
    assert box.ready["urls"][0] == PUBLIC and box.ready["urls"][1].startswith("https://")
    told = box.rc("restart")
    assert told.code == 0 and PUBLIC in told.out, told
    until(lambda: box.rc("shutdown").code == 0)
    box.process = None
    box.start("--tls-cert=", "--tls-key=", "--public-url=", "--behind-proxy=")
    assert box.ready["urls"][0].startswith("http://127.0.0.1:")


def test_what_cannot_be_had_is_refused_with_its_cause(stopped: BoxProcess) -> None:
    certificate, _ = write_certificate(stopped.project)
    expired = stopped.project / "expired"
    expired.mkdir()
    old, its_key = write_certificate(expired, not_after=datetime.now(UTC) - timedelta(days=1))
    for flags, cause in (  # what else there is, each with the module that refuses it
        (("--tls-cert", certificate, "--tls-key", "nowhere"), "nowhere: No such file"),
        (("--tls-cert", old, "--tls-key", its_key), f"{old}: the certificate expired"),
        (("--listen", "0.0.0.0:0", "--public-url", PUBLIC), "0.0.0.0 is not loopback"),
        (("--public-url", "https://box.example/path"), "more than scheme, name and port"),
    ):
        answer = stopped.rc("serve", "--listen", "127.0.0.1:0", *flags)
        assert (answer.code, answer.out) == (78, ""), answer
        assert cause in answer.err and answer.err.count("\n") == 1, answer.err
    until(lambda: not stopped.here())


def test_a_crowd_of_strangers_locks_nobody_out(stopped: BoxProcess) -> None:
    box = stopped.start("--no-create-session-in-dir")
    device = PairedDevice.machine(local(box), box.call)
    device.sign_in()
    place = urlsplit(local(box))
    crowd = [socket.create_connection(("127.0.0.1", place.port or 0)) for _ in range(300)]
    try:
        began = time.monotonic()
        assert device.request("GET", "/v1/box").status == 200
        with device.stream() as stream:
            stream.hear("hello")
        assert time.monotonic() - began < 5
    finally:
        for each in crowd:
            each.close()


def test_who_guesses_is_slowed_down_and_who_is_known_is_not(stopped: BoxProcess) -> None:
    box = stopped.start("--no-create-session-in-dir")
    device = PairedDevice.machine(local(box), box.call)
    device.sign_in()
    for _ in range(2000):
        answer = send(local(box), "GET", "/v1/box", headers={"authorization": "DPoP nonsense", "dpop": "nonsense"})
        if answer.status == 429:
            break
        assert answer.status == 401
    assert answer.code == "rate_limited" and int(answer.headers["retry-after"]) >= 1
    assert device.request("GET", "/v1/box").status == 200
