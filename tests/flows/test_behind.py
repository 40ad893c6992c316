"""Who does not keep up: told so and shown the screen, or given everything at their own pace, on either transport."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.waiting import until

SESSIONS = "/v1/code/sessions"
MEBIBYTE = 1 << 20
# Prints as many octets as it is told to.
PRINTER = "stty raw -echo; while read n; do head -c $n /dev/zero | tr '\\0' x; done"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home = tmp_path_factory.mktemp("box")
    (home / "app").mkdir()
    with box_process(home, home / "app") as process:
        yield process.start("--no-create-session-in-dir")


class Viewer(Protocol):
    """`told` are messages, and output as (first offset, the offset behind it), joined while nothing is between."""

    told: list[Any]

    def receive(self) -> None: ...


AnyViewer = TypeVar("AnyViewer", bound=Viewer)


def add_output(told: list[Any], start: int, size: int) -> None:
    goes_on = told and isinstance(told[-1], tuple) and told[-1][1] == start
    told.append((told.pop()[0] if goes_on else start, start + size))


class OverWebSocket(RawStream):
    def __init__(self, connection: socket.socket, path: str) -> None:
        self.told: list[Any] = []
        super().__init__(connection, path)

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == 1:
            self.told.append(json.loads(data))
        elif data[0] == 1:
            add_output(self.told, int.from_bytes(data[1:9], "big"), len(data) - 9)


class OverSse:
    def __init__(self, connection: socket.socket, path: str) -> None:
        self.told: list[Any] = []
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: box\r\nAccept: text/event-stream\r\n\r\n".encode())
        connection.settimeout(20)
        self._lines = connection.makefile("rb")

    def receive(self) -> None:
        line = self._lines.readline()
        if not line.startswith(b"data: "):
            assert line, "the box hung up"
            return
        message = json.loads(line.removeprefix(b"data: "))
        if message["type"] == "terminal":
            add_output(self.told, message["offset"], len(base64.b64decode(message["data"])))
        else:
            self.told.append(message)


def printer(box: BoxProcess) -> str:
    return str(box.new("sh", "-c", PRINTER)["id"])


def have_printed(box: BoxProcess, id: str, size: int) -> int:
    """The end of the output when that much more is printed."""
    end = int(box.session(id)["terminal"]["offset"]) + size
    box.call("POST", f"{SESSIONS}/{id}/commands", {"kind": "prompt", "text": f"{size}\n"})
    until(lambda: box.session(id)["terminal"]["offset"] == end)
    return end


@contextlib.contextmanager
def looking(box: BoxProcess, id: str, transport: Callable[..., AnyViewer], query: str = "") -> Iterator[AnyViewer]:
    """A viewer that has the beginning of its stream."""
    with box.connect() as connection:
        viewer = transport(connection, f"{SESSIONS}/{id}/stream?{query}")
        read_until(viewer, lambda: of(viewer, "lease"))
        yield viewer


def read_until(viewer: Viewer, condition: Callable[[], object]) -> None:
    while not condition():
        viewer.receive()


def until_shown(viewer: Viewer, end: int) -> None:
    read_until(viewer, lambda: has_output_to(viewer, end))


def of(viewer: Viewer, type: str) -> list[int]:
    """Where in what was told messages of this type are."""
    return [at for at, each in enumerate(viewer.told) if not isinstance(each, tuple) and each["type"] == type]


def given(viewer: Viewer) -> int:
    """Up to where there was output last."""
    return max((each[1] for each in viewer.told if isinstance(each, tuple)), default=0)


def has_output_to(viewer: Viewer, end: int) -> bool:
    return any(isinstance(each, tuple) and each[1] == end for each in viewer.told)


@pytest.mark.parametrize("transport", [OverWebSocket, OverSse])
def test_who_leaves_a_mebibyte_unread_gets_the_screen_and_goes_on_live(
    box: BoxProcess, transport: Callable[..., Viewer]
) -> None:
    id = printer(box)
    with looking(box, id, transport) as viewer:
        end = have_printed(box, id, 5 * MEBIBYTE)
        until_shown(viewer, end)
        (told,) = of(viewer, "behind")
        behind = viewer.told[told]
        assert behind["terminal_offset"] == end
        screen = viewer.told[of(viewer, "screen")[-1]]
        assert of(viewer, "screen")[-1] > told
        assert screen["live_at"] == end
        last = behind["last_seq"]
        more = have_printed(box, id, 10)
        read_until(viewer, lambda: has_output_to(viewer, more) and max(of(viewer, "event"), default=0) > told)
        assert given(viewer) == more
        assert viewer.told[of(viewer, "event")[-1]]["seq"] == last + 1


@pytest.mark.parametrize("transport", [OverWebSocket, OverSse])
def test_who_wants_all_gets_every_octet_however_late(box: BoxProcess, transport: Callable[..., Viewer]) -> None:
    id = printer(box)
    with looking(box, id, transport, "catch_up=all") as viewer:
        end = have_printed(box, id, 5 * MEBIBYTE)
        until_shown(viewer, end)
        output = [each for each in viewer.told if isinstance(each, tuple)]
        assert (output[0][0], output[-1][1]) == (0, end)
        assert all(before[1] == after[0] for before, after in itertools.pairwise(output))
        assert not of(viewer, "behind")


def test_who_says_what_it_has_drawn_is_given_a_mebibyte_more(box: BoxProcess) -> None:
    id = printer(box)
    with looking(box, id, OverWebSocket, "catch_up=all") as client:
        client.say(type="credit", terminal_offset=0)
        client.say(type="ping", id="heard")
        read_until(client, lambda: of(client, "pong"))
        end = have_printed(box, id, 2 * MEBIBYTE)
        read_until(client, lambda: given(client) > MEBIBYTE)
        client.say(type="ping", id="all")
        read_until(client, lambda: len(of(client, "pong")) > 1)
        assert given(client) < MEBIBYTE + (512 << 10)
        client.say(type="credit", terminal_offset=given(client))
        until_shown(client, end)


def test_who_says_what_it_has_drawn_and_lags_gets_the_screen(box: BoxProcess) -> None:
    id = printer(box)
    with looking(box, id, OverWebSocket) as client:
        client.say(type="credit", terminal_offset=0)
        client.say(type="ping", id="heard")
        read_until(client, lambda: of(client, "pong"))
        end = 0
        while end <= MEBIBYTE:
            end = have_printed(box, id, 200_000)
            until_shown(client, end)
        assert of(client, "behind")
