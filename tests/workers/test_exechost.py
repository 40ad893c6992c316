from __future__ import annotations

import fcntl
import os
import socket
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from tests.workers.parts import SECONDS, Zygote
from workers.core.wire import Frame, Kind, Reader, json_frame


class Asker:
    """Who holds the other end of the socket."""

    def __init__(self, zygote: Zygote, folder: Path, *argv: str, **fields: Any) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(SECONDS)
        self._reader = Reader()
        self.output = b""
        self.answer: dict[str, Any] | None = None
        self.typed: list[int] = []
        wish = {"do": "exec", "argv": argv, "env": {"PATH": os.environ["PATH"]}, "cwd": str(folder)}
        with theirs:
            zygote.wish({**wish, "rows": 24, "columns": 80, "plain": False, "session": "session_1", **fields}, theirs)

    def send(self, frame: Frame) -> None:
        self.socket.sendall(frame.encode())

    def hear(self) -> bool:
        """Take what comes; false at the end of the line."""
        data = self.socket.recv(1 << 16)
        for frame in self._reader.feed(data):
            if frame.kind is Kind.ANSWER:
                self.answer = frame.json()
            elif frame.kind is Kind.TYPED:
                self.typed.append(frame.number)
            else:
                assert (frame.kind, frame.number) == (Kind.OUTPUT, len(self.output))
                self.output += frame.payload
        return bool(data)

    def hear_all(self) -> dict[str, Any] | None:
        """The answer, once the line has ended."""
        while self.hear():
            pass
        return self.answer

    def see(self, text: bytes) -> None:
        while text not in self.output:
            assert self.hear(), self.output


@pytest.fixture
def asker(zygote: Zygote, tmp_path: Path) -> Iterator[Any]:
    made: list[Asker] = []

    def start(*argv: str, **fields: Any) -> Asker:
        made.append(Asker(zygote, tmp_path, *argv, **fields))
        return made[-1]

    yield start
    for each in made:
        each.socket.close()


def number(asker: Asker) -> int:
    """The number that the program prints in brackets."""
    asker.see(b"]")
    return int(asker.output.partition(b"[")[2].partition(b"]")[0])


def is_gone(pid: int) -> bool:
    try:
        return b") Z" in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return True


def test_who_is_no_terminal_gets_nothing_back_that_it_typed(asker: Any) -> None:
    us = asker("cat", plain=True)
    us.send(Frame(Kind.KEYS, 0, b"hello\n\x04"))
    assert us.hear_all() == {"exit": {"code": 0, "signal": None}}
    assert us.output == b"hello\n"


def test_keys_are_told_to_be_typed_once_the_program_has_read_them(asker: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    us = asker("sh", "-c", "stty raw; echo up; read x <gate; exec wc -c", plain=True)
    us.see(b"up")
    for number in (1, 2):
        us.send(Frame(Kind.KEYS, number, b"x" * 100_000))
    us.send(json_frame(Kind.COMMAND, {"kind": "resize", "rows": 33, "columns": 101}))
    assert us.typed == []
    gate.write_text("go\n")
    while not us.typed:
        assert us.hear()
    assert us.typed == [2]


def test_a_hang_up_behind_keys_that_nobody_reads_ends_the_program(asker: Any) -> None:
    us = asker("sh", "-c", 'echo "[$$]"; exec sleep 100', plain=True)
    program = number(us)
    us.send(Frame(Kind.KEYS, 1, b"x" * 500_000))
    us.socket.close()
    until(lambda: is_gone(program))


def test_a_program_talks_over_the_socket_and_its_exit_is_the_last_word(asker: Any, tmp_path: Path) -> None:
    us = asker("sh", "-c", "pwd; read x; echo got $x; exit 3")
    us.see(str(tmp_path).encode())
    us.send(Frame(Kind.KEYS, 0, b"hello\r"))
    assert us.hear_all() == {"exit": {"code": 3, "signal": None}}
    assert b"got hello" in us.output


def test_a_signal_is_named(asker: Any) -> None:
    assert asker("sh", "-c", "kill -KILL $$").hear_all() == {"exit": {"code": None, "signal": "SIGKILL"}}


def test_a_program_that_cannot_be_started_is_answered_with_the_cause(asker: Any) -> None:
    answer = asker("no-such-program").hear_all()
    assert answer["error"]["code"] == "launch_failed"
    assert answer["error"]["detail"].startswith("no-such-program is not found in PATH=")


def test_its_terminal_can_be_resized_and_it_can_be_signalled(asker: Any) -> None:
    us = asker("sh", "-c", "trap 'stty size' WINCH; trap 'exit 9' USR1; echo up; while :; do sleep 0.01; done")
    us.see(b"up")
    us.send(json_frame(Kind.COMMAND, {"kind": "resize", "rows": 33, "columns": 101}))
    us.see(b"33 101")
    us.send(json_frame(Kind.COMMAND, {"kind": "interrupt"}))  # no session: nothing to interrupt but by keys
    us.send(Frame(Kind.PING))
    us.send(json_frame(Kind.COMMAND, {"kind": "signal", "name": "USR1"}))
    assert us.hear_all() == {"exit": {"code": 9, "signal": None}}


def test_everything_ends_when_the_socket_does(asker: Any) -> None:
    us = asker("sh", "-c", "trap '' HUP TERM; setsid sh -c 'echo \"[$$]\"; exec sleep 100' & wait")
    stray = number(us)
    us.socket.close()
    until(lambda: is_gone(stray))


def test_what_it_leaves_behind_ends_with_it(asker: Any) -> None:
    us = asker("sh", "-c", "setsid sh -c 'echo \"[$$]\"; exec sleep 100' & read x")
    stray = number(us)
    us.send(Frame(Kind.KEYS, 0, b"\r"))
    assert us.hear_all() == {"exit": {"code": 0, "signal": None}}
    assert is_gone(stray)


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", json_frame(Kind.COMMAND, {"kind": "?"}).encode()])
def test_nonsense_ends_it(asker: Any, nonsense: bytes) -> None:
    us = asker("sh", "-c", 'echo "[$$]"; exec sleep 100')
    program = number(us)
    us.socket.sendall(nonsense)
    until(lambda: is_gone(program))


def test_a_program_is_not_read_while_its_asker_reads_nothing(asker: Any, tmp_path: Path) -> None:
    us = asker("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo over; : >over")
    waiting: list[int] = []

    def no_more_comes() -> bool:
        waiting.append(int.from_bytes(fcntl.ioctl(us.socket, termios.FIONREAD, bytes(4)), sys.byteorder))
        return waiting[-1] > 0 and len(set(waiting[-100:])) == 1 and len(waiting) > 100

    until(no_more_comes)
    assert not (tmp_path / "over").exists()
    assert us.hear_all() == {"exit": {"code": 0, "signal": None}}
    assert len(us.output) == 3_000_000 + len(b"\r\nover\r\n")
    assert (tmp_path / "over").exists()
