"""Key to echo, one session's output, many viewers, a viewer that does not read: beside terminado and ssh."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import meters
from tests.bench.lines import Line, gulp_until_end, gulp_what_is_there
from tests.bench.peers import ssh, terminado
from tests.bench.rcbox import Box
from tests.bench.scale import ON_THE_WIRE
from tests.bench.stage import Place, Round, Values, quantile, turned

CROWD_PAUSE = 0.01  # seconds between keys; more of them would be a load of their own
KEY_PAUSE = 0.002  # seconds between keys, as in earlier measurements of this kind
SAMPLE_SECONDS = 0.05
MB = 1e6


@contextlib.contextmanager
def box_of(place: Place, project: Path, *options: str) -> Iterator[Box]:
    """A box that serves `project`."""
    box = Box(place.new_folder("box"), project, place.program, *options)
    try:
        box.serve()
        yield box
    finally:
        box.close()


@contextlib.contextmanager
def one_line_each(place: Place) -> Iterator[dict[str, Line]]:
    """A terminal on each server, ready to take keys."""
    with (
        terminado(place.program) as peer,
        ssh(place.program, place.new_folder("ssh")) as shell,
        box_of(place, place.new_folder("project")) as box,
    ):
        lines: dict[str, Line] = {
            "terminado": peer.open("one"),
            "ssh": shell.open(),
            "rc": box.open_ready(box.start()["id"]),
        }
        try:
            yield lines
        finally:
            for line in lines.values():
                line.close()


@contextlib.contextmanager
def echo(place: Place) -> Iterator[Round]:
    """Key to echo, in microseconds."""
    with one_line_each(place) as lines:

        def round_(number: int) -> Values:
            values: Values = {}
            for name in turned(list(lines), number):
                times = _echo_times(lines[name], place.scale.keys)
                values[f"{name}.p50"], values[f"{name}.p99"] = quantile(times, 0.5), quantile(times, 0.99)
            return values

        yield round_


def _echo_times(line: Line, keys: int) -> list[float]:
    gulp_what_is_there(line)
    times = []
    for _ in range(keys):
        begun = time.perf_counter()
        line.type(b"a")
        line.echo()
        times.append((time.perf_counter() - begun) * 1e6)
        time.sleep(KEY_PAUSE)
    return times


@contextlib.contextmanager
def crowd(place: Place) -> Iterator[Round]:
    """Key to echo in one session, in microseconds, while others print flat out; and what those print, in MB/s."""
    with terminado(place.program) as peer, box_of(place, place.new_folder("project")) as box:
        opens: dict[str, Callable[[int], Line]] = {
            "terminado": lambda number: peer.open(f"crowd{number}"),
            "rc": lambda _number: box.open_ready(box.start()["id"]),
        }
        lines = {name: [open_(number) for number in range(1 + place.scale.crowd)] for name, open_ in opens.items()}

        def round_(number: int) -> Values:
            values: Values = {}
            for name in turned(list(lines), number):
                times, took = _echo_times_among(lines[name], place.scale.crowd_octets)
                values[f"{name}.p50"], values[f"{name}.p99"] = quantile(times, 0.5), quantile(times, 0.99)
                values[f"{name}.mbs"] = place.scale.crowd * place.scale.crowd_octets * ON_THE_WIRE / MB / took
            return values

        try:
            yield round_
        finally:
            for line in [*lines["terminado"], *lines["rc"]]:
                line.close()


def _echo_times_among(lines: list[Line], octets: int) -> tuple[list[float], float]:
    """Keys go to the first while all others print; a process of its own reads those."""
    for line in lines:
        gulp_what_is_there(line)
    begun = time.perf_counter()
    for line in lines[1:]:
        line.type(b"!%d\n" % octets)
    reader = os.fork()
    if reader == 0:
        try:
            gulp_until_end(lines[1:])
        finally:
            os._exit(0)
    times = []
    while not os.waitpid(reader, os.WNOHANG)[0]:
        typed = time.perf_counter()
        lines[0].type(b"a")
        lines[0].echo()
        times.append((time.perf_counter() - typed) * 1e6)
        time.sleep(CROWD_PAUSE)
    return times, time.perf_counter() - begun


@contextlib.contextmanager
def output(place: Place) -> Iterator[Round]:
    """One session's output to one viewer who gets every octet, in MB/s."""
    with one_line_each(place) as lines:

        def round_(number: int) -> Values:
            octets = place.scale.octets
            return {
                f"{name}.mbs": octets * ON_THE_WIRE / MB / print_to([lines[name]], octets)
                for name in turned(list(lines), number)
            }

        yield round_


def print_to(lines: list[Line], octets: int) -> float:
    """Have ptyprog print, over the first line; the seconds until every line has all of it."""
    for line in lines:
        gulp_what_is_there(line)
    begun = time.perf_counter()
    lines[0].type(b"!%d\n" % octets)
    came = gulp_until_end(lines)
    took = time.perf_counter() - begun
    assert came >= octets * len(lines), f"only {came} octets came"
    return took


@contextlib.contextmanager
def viewers(place: Place) -> Iterator[Round]:
    """Many viewers of one session: MB/s in all, and milliseconds of the servers' CPU per MB delivered."""
    count, octets = place.scale.viewers, place.scale.octets
    with terminado(place.program) as peer, box_of(place, place.new_folder("project")) as box:
        session = box.start()
        lines: dict[str, list[Line]] = {
            "terminado": [peer.open("many") for _ in range(count)],
            "rc": [box.open_ready(session["id"]) for _ in range(count)],
        }
        pids = {"terminado": peer.pids, "rc": [box.supervisor, session["worker_pid"]]}

        def round_(number: int) -> Values:
            values: Values = {}
            delivered = octets * ON_THE_WIRE * count / MB
            for name in turned(list(lines), number):
                before = meters.cpu_seconds(pids[name])
                took = print_to(lines[name], octets)
                values[f"{name}.mbs"] = delivered / took
                values[f"{name}.cpu"] = (meters.cpu_seconds(pids[name]) - before) * 1e3 / delivered
            return values

        try:
            yield round_
        finally:
            for line in [*lines["terminado"], *lines["rc"]]:
                line.close()


@contextlib.contextmanager
def unread(place: Place) -> Iterator[Round]:
    """What a server grows by, in MB, while one viewer reads and another one does not.

    Each round has new servers: what one has grown by once, it does not give back.
    """
    octets = place.scale.unread_octets

    def of_terminado(_inner: Place) -> float:
        with terminado(place.program) as peer:
            return _growth(peer.pids[0], lambda: peer.open("unread"), octets)

    def of_rc(inner: Place) -> float:
        with box_of(inner, inner.new_folder("project")) as box:
            session = box.start()["id"]
            queries = iter(["terminal_after=0", ""])
            return _growth(box.supervisor, lambda: box.open(session, next(queries)), octets)

    of = {"terminado": of_terminado, "rc": of_rc}

    def round_(number: int) -> Values:
        inner = Place(place.new_folder(f"round{number}"), place.program, place.scale)
        return {f"{name}.growth": of[name](inner) for name in turned(list(of), number)}

    yield round_


def _growth(pid: int, connect: Callable[[], Line], octets: int) -> float:
    reader = connect()
    print_to([reader], octets // 10)  # what the first output needs anyhow is not growth
    before = meters.resident(pid)
    idle = connect()
    try:
        with peak_of(pid) as peak:
            print_to([reader], octets)
        return (peak[0] - before) / MB
    finally:
        idle.close()
        reader.close()


@contextlib.contextmanager
def peak_of(pid: int) -> Iterator[list[int]]:
    """Samples what a process has in memory; the largest is in the list afterwards."""
    peak = [meters.resident(pid)]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], meters.resident(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        over.set()
        sampler.join()
