"""The way to a box by HTTPS."""

from __future__ import annotations

import socket

import pytest

from supervisor.client.devicekeys import new_key
from supervisor.client.web import origin_of, unreachable, web
from workers.errors import Refused


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Box.Example", "https://box.example"),
        ("https://box.example:443/", "https://box.example"),
        ("https://box.example:7420/pair#x", "https://box.example:7420"),
        ("http://localhost:7420", "http://localhost:7420"),
        ("http://127.0.0.7:80", "http://127.0.0.7"),
        ("https://[::1]:7420", "https://[::1]:7420"),
    ],
)
def test_a_box_is_known_by_scheme_and_place(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://box.example",
        "http://10.0.0.1:7420",
        "http://0.0.0.0:7420",
        "http://localhost.evil.example",
        "ftp://box.example",
        "https://",
        "https://ana:secret@box.example",
        "https://box.example:x",
        "https://[::1",
        "https://bo\nx",
        "https://böx",
    ],
)
def test_what_is_no_safe_address_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        origin_of(url)
    assert refused.value.code == "invalid"
    assert "secret" not in refused.value.detail


def test_it_has_tls_but_on_the_loopback() -> None:
    way = web("https://box.example:7420", new_key())
    assert (way.host, way.name, way.is_here) == ("box.example:7420", "https://box.example:7420", False)
    assert way.tls is not None
    assert way.tls.server == "box.example"
    assert web("http://127.0.0.1:7420", None).tls is None


def test_a_connection_is_made_and_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = web(f"http://127.0.0.1:{listener.getsockname()[1]}", None).dial(5.0)
        accepted, _ = listener.accept()
        with accepted:
            dialled.close()
            assert accepted.recv(1) == b""
        port = listener.getsockname()[1]
    with pytest.raises(Refused, match="nobody listens there"):
        web(f"http://127.0.0.1:{port}", None).dial(5.0)


def test_other_causes_have_their_own_words() -> None:
    assert "no such host" in unreachable("https://x", socket.gaierror(-2, "unknown")).detail
    assert "no answer" in unreachable("https://x", TimeoutError()).detail
    assert "no route" in unreachable("https://x", OSError(113, "no route")).detail
