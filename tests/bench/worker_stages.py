"""What sessions cost: a worker's start and memory, and the memory of a whole box."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator

from supervisor.sessions.launcher import start_zygote
from tests.bench import meters
from tests.bench.lines import BINARY, WebSocket, gulp_until_end
from tests.bench.rcbox import Box, command_frame
from tests.bench.scale import COLUMNS, ROWS
from tests.bench.stage import Place, Round, Values, quantile
from tests.bench.typing_stages import MB, box_of, print_to
from tests.waiting import until
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.core.wire import WIRE_VERSION, Frame, Kind, Reader, json_frame, proof

AT_ONCE = 4  # sessions that print at the same time: two cores are busy with that
SUPERVISOR = "bench"


@contextlib.contextmanager
def start(place: Place) -> Iterator[Round]:
    """From asking the zygote to the worker's welcome on the link, with the agent running; in milliseconds."""
    child, control = start_zygote()
    numbers = itertools.count()

    def round_(_number: int) -> Values:
        times = []
        for _ in range(place.scale.starts):
            times.append(_start_one(control, place, next(numbers)))
        return {"start.p50": quantile(times, 0.5) * 1e3, "start.p99": quantile(times, 0.99) * 1e3}

    try:
        yield round_
    finally:
        control.close()
        child.wait()


def _start_one(control: socket.socket, place: Place, number: int) -> float:
    session = f"session_bench_{number}"
    folder = str(place.folder)
    spec = Spec(
        id=session, name=f"bench-{number}", agent="shell", adapter="terminal", argv=(place.program,),
        env={"PATH": os.defpath, "TERM": "xterm-256color", "RC_SESSION_ID": session}, workspace=folder,
        project="bench", project_path=folder, spawn_mode="same-dir", created_at="2026-01-01T00:00:00.000Z",
        person="owner", rows=ROWS, columns=COLUMNS,
    )  # fmt: skip
    bundle = Bundle.create(os.path.join(folder, session), spec)
    begun = time.perf_counter()
    control.sendall(json.dumps({"do": "worker", "bundle": bundle.directory, "resume": False}).encode())
    link = _connect(bundle)
    try:
        _greet(link, bundle, session)
        took = time.perf_counter() - begun
        link.sendall(json_frame(Kind.COMMAND, {"command": {"kind": "stop"}, "by": None, "origin": "rc"}, 1).encode())
        lock = until(bundle.try_lock, 20.0)
        os.close(lock)
        return took
    finally:
        link.close()


def _connect(bundle: Bundle) -> socket.socket:
    deadline = time.monotonic() + 20.0
    while True:
        try:
            return bundle.connect()
        except OSError:
            assert time.monotonic() < deadline, "the worker does not listen"
            time.sleep(0.0002)


def _greet(link: socket.socket, bundle: Bundle, session: str) -> None:
    """The handshake of the link, and what follows until the agent runs."""
    frames = _frames(link)
    nonces = (str(next(frames).json()["nonce"]), secrets.token_hex(16))
    mac = proof(bundle.key(), "supervisor", nonces, 1, SUPERVISOR, session)
    hello = {"version": WIRE_VERSION, "epoch": 1, "supervisor": SUPERVISOR, "nonce": nonces[1], "mac": mac}
    link.sendall(json_frame(Kind.HELLO, hello).encode())
    welcome = next(frames)
    assert welcome.kind is Kind.WELCOME, welcome
    while welcome.json()["state"]["state"] != "running":
        if b'"running"' in next(frames).payload:
            return


def _frames(link: socket.socket) -> Iterator[Frame]:
    reader = Reader()
    while data := link.recv(65536):
        yield from reader.feed(data)
    raise AssertionError("the worker has hung up")


@contextlib.contextmanager
def worker_memory(place: Place) -> Iterator[Round]:
    """USS of a worker, in MB, after much output and many events."""
    with box_of(place, place.new_folder("project")) as box:

        def round_(_number: int) -> Values:
            session = box.start()
            line = box.open_ready(session["id"])
            try:
                print_to([line], place.scale.worker_octets)
                _make_events(line, place.scale.worker_events)
                return {"worker.uss": meters.unique(session["worker_pid"]) / MB}
            finally:
                line.close()
                box.stop(session["id"])

        yield round_


def _make_events(line: WebSocket, events: int) -> None:
    """Every accepted resize is two events: the command and its effect."""
    for number in range(events // 2):
        line.sock.sendall(command_frame(number, {"kind": "resize", "rows": 20 + number % 9, "columns": COLUMNS}))
        while not any(opcode != BINARY and b'"ack"' in payload for opcode, payload in line.read()):
            pass


@contextlib.contextmanager
def box_memory(place: Place) -> Iterator[Round]:
    """PSS of supervisor, zygote and workers, in MB: idle from the start, and after each session printed a lot."""

    def round_(number: int) -> Values:
        inner = Place(place.new_folder(f"round{number}"), place.program, place.scale)
        with box_of(inner, inner.new_folder("project"), "--capacity", str(place.scale.sessions)) as box:
            sessions = [box.start() for _ in range(place.scale.sessions)]
            time.sleep(place.scale.settle_seconds)
            idle = _proportional(box)
            for at in range(0, len(sessions), AT_ONCE):
                lines = [box.open_ready(session["id"]) for session in sessions[at : at + AT_ONCE]]
                _print_each(lines, place.scale.box_octets)
                for line in lines:
                    line.close()
            time.sleep(place.scale.settle_seconds)
            return {"box.idle": idle, "box.used": _proportional(box)}

    yield round_


def _print_each(lines: list[WebSocket], octets: int) -> None:
    """Each line has a terminal of its own; all are read together until each has everything."""
    for line in lines:
        line.type(b"!%d\n" % octets)
    gulp_until_end(lines)


def _proportional(box: Box) -> float:
    workers = [session["worker_pid"] for session in box.sessions()]
    return meters.proportional([box.supervisor, *box.zygotes, *workers]) / MB
