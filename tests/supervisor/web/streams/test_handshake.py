"""The opening handshake: what is one, and what the library gets to see of it."""

from __future__ import annotations

import pytest

from supervisor.web.head import Head
from supervisor.web.streams.handshake import Handshake, read_handshake, tickets_of
from workers.errors import Refused

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {
    "host": "box",
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
}


def head(**changes: str | None) -> Head:
    headers = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return Head("GET", "/x", "/x", "", tuple((name, value) for name, value in headers.items() if value is not None))


def test_a_browsers_handshake_is_read() -> None:
    assert read_handshake(head()) == Handshake(KEY, False, None)


def test_our_subprotocol_and_a_ticket_are_found_in_what_is_offered() -> None:
    offered = read_handshake(head(sec_websocket_protocol="rc.v1, ticket.abc"))
    assert offered == Handshake(KEY, True, "abc")


def test_all_tickets_that_are_offered_are_found_and_none_is_shown() -> None:
    offered = ("sec-websocket-protocol", "ticket.abc , rc.v1")
    assert tickets_of(Head("GET", "/x", "/x", "", (offered, offered, ("x", "ticket.no")))) == ["abc", "abc"]
    assert tickets_of(head()) == []
    assert "abc" not in repr(read_handshake(head(sec_websocket_protocol="rc.v1, ticket.abc")))


@pytest.mark.parametrize(
    "changes",
    [
        {"connection": None},
        {"connection": "keep-alive"},
        {"sec_websocket_protocol": "chat"},
        {"sec_websocket_protocol": "ticket.abc"},
        {"sec_websocket_version": None},
        {"sec_websocket_version": "8"},
        {"sec_websocket_key": None},
        {"sec_websocket_key": "short"},
        {"sec_websocket_key": "x" * 24},
        {"sec_websocket_key": "ü" * 24},
        {"content_length": "5"},
        {"transfer_encoding": "chunked"},
    ],
)
def test_anything_else_is_refused(changes: dict[str, str | None]) -> None:
    with pytest.raises(Refused) as caught:
        read_handshake(head(**changes))
    assert caught.value.code == "invalid"


def test_the_library_sees_nothing_that_the_client_wrote_but_the_key() -> None:
    handshake = read_handshake(head(sec_websocket_protocol="rc.v1, ticket.secret", host="\u00e9" * 70))
    replayed = handshake.replay(b"GET /x HTTP/1.1\r\nHost: evil\r\n\r\n\x89\x80abcd")
    assert KEY.encode() in replayed
    assert b"Sec-WebSocket-Protocol: rc.v1\r\n" in replayed
    assert replayed.endswith(b"\r\n\r\n\x89\x80abcd")
    assert b"secret" not in replayed and b"evil" not in replayed


def test_a_subprotocol_that_was_not_offered_is_not_selected() -> None:
    assert b"Protocol" not in read_handshake(head()).replay(b"GET / HTTP/1.1\r\n\r\n")
