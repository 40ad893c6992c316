"""What takes a worker seconds: its patience with programs, much output, a full disk."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.sessions.launcher import start_zygote
from tests.waiting import until
from tests.workers.parts import Workers, Zygote, adopted, is_free
from workers.core.wire import Kind
from workers.host import STOP_GRACE
from workers.journalread import read_terminal, terminal_bounds


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def workers(zygote: Zygote, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(zygote, tmp_path)
    yield made
    made.close()


def is_alive(pid: int) -> bool:
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


def test_a_program_that_ignores_all_that_is_asked_is_killed_after_its_grace(workers: Workers) -> None:
    script = (
        "trap '' HUP TERM; read x; setsid sh -c 'echo \"[$$]\"; while :; do sleep 1; done' & while :; do sleep 1; done"
    )
    bundle, us = workers.run("sh", "-c", script)
    us.socket.settimeout(STOP_GRACE * 2)
    us.look()
    us.type(b"\r")
    us.see(b"]")
    stray = int(us.output.partition(b"[")[2].partition(b"]")[0])
    began = time.monotonic()
    us.command("stop")
    while not us.updates("_rc/process") or us.states()[-1] != "exited":
        us.take(us.next_frame())
    assert STOP_GRACE <= time.monotonic() - began < STOP_GRACE + 3
    ended = us.updates("_rc/process")[-1]
    assert (ended["reason"], ended["signal"], ended["code"]) == ("killed", "SIGKILL", None)
    until(lambda: is_free(bundle))
    assert not is_alive(stray)


def test_what_does_not_follow_a_stopped_shell_is_killed_soon(workers: Workers) -> None:
    script = 'setsid sh -c \'trap "" HUP TERM; echo "[$$]"; while :; do sleep 1; done\' & read x'
    bundle, us = workers.run("sh", "-c", script)
    us.look()
    us.see(b"]")
    stray = int(us.output.partition(b"[")[2].partition(b"]")[0])
    us.command("stop")
    assert us.hear_state("exited")["reason"] == "stopped"
    until(lambda: is_free(bundle))
    assert not is_alive(stray)


def test_100_megabytes_go_through_without_a_byte_missing(workers: Workers) -> None:
    line = b"the quick brown fox jumps over the lazy dog 0123456789 abcdefghij\n"
    count = 100_000_000 // len(line)
    script = (
        f"import sys\nsys.stdin.readline()\nsys.stdout.buffer.write({line!r} * {count})\nsys.stdout.flush()\ninput()"
    )
    bundle, us = workers.run("python3", "-c", script)
    us.look()
    start = us.output_start or 0
    us.type(b"\r")
    expected = count * (len(line) + 1) + 2  # each newline becomes two octets; the return key is echoed
    seen, offset = hashlib.sha256(), start
    while offset < start + expected:
        frame = us.next_frame()
        if frame.kind is Kind.OUTPUT:
            assert frame.number == offset
            seen.update(frame.payload)
            offset += len(frame.payload)
        elif frame.kind is Kind.LIVE:  # we were slower than the worker: what lies between is on disk
            while offset < frame.number:
                page = read_terminal(bundle.directory, offset, frame.number - offset)
                assert page.start == offset
                seen.update(page.data)
                offset += len(page.data)
    assert seen.digest() == hashlib.sha256(b"\r\n" + line.replace(b"\n", b"\r\n") * count).digest()
    kept_from, end = terminal_bounds(bundle.directory)
    assert end - kept_from < 75 << 20


def test_a_supervisor_that_is_stopped_does_not_stop_the_agent(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; head -c 20000000 /dev/zero | tr '\\0' x; echo over; read x")
    us.look()
    us.type(b"\r")
    until(lambda: terminal_bounds(bundle.directory)[1] > 20_000_000, 30)  # and nothing was read from the link
    us.hear_until(lambda: (us.output_start or 0) > 10_000_000 or b"over" in us.output)
    us.close()
    assert adopted(bundle, epoch=2).state["terminal"]["offset"] > 20_000_000


def test_a_full_disk_pauses_the_program_and_it_goes_on_by_itself(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; head -c 900000 /dev/zero | tr '\\0' x; echo over; read x")
    worker = us.state["worker_pid"]
    soft, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (300_000, hard))
    us.look()
    us.type(b"\r")
    us.hear_until(lambda: us.updates("_rc/notice"))
    assert us.updates("_rc/notice")[0]["level"] == "error"
    stuck_at = terminal_bounds(bundle.directory)[1]
    assert us.command("prompt", text="hello")["error"]["code"] == "disk_full"
    assert us.command("rename", name="new")["error"]["code"] == "disk_full"
    assert us.command("signal", name="WINCH")["seq"]
    us.hear_until(lambda: us.is_silent(1.5))
    assert terminal_bounds(bundle.directory)[1] == stuck_at
    assert len(us.updates("_rc/notice")) == 1
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (soft, hard))
    us.hear_until(lambda: len(us.updates("_rc/notice")) == 2)
    assert us.updates("_rc/notice")[1]["level"] == "info"
    assert us.command("rename", name="new")["seq"]


def test_a_session_is_stopped_on_a_full_disk_and_its_end_is_kept(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; head -c 900000 /dev/zero | tr '\\0' x; echo over; read x")
    worker = us.state["worker_pid"]
    soft, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (300_000, hard))
    us.type(b"\r")
    us.hear_until(lambda: us.updates("_rc/notice"))
    assert us.command("stop")["seq"]
    us.hear_until(lambda: "stopping" in us.states())
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (soft, hard))
    assert us.hear_state("exited")["reason"] == "stopped"
    until(lambda: is_free(bundle))
    assert (bundle.read_json("exit.json") or {})["reason"] == "stopped"
    assert read_terminal(bundle.directory, 0, 1 << 20).data.startswith(b"\r\nxxx")


def test_a_killed_worker_tears_the_line_and_its_numbers_go_on(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "while :; do echo line; done")
    us.look()
    us.see(b"line\r\nline")
    os.kill(us.state["worker_pid"], signal.SIGKILL)
    us.hear_rest()
    until(lambda: is_free(bundle))
    _, end = terminal_bounds(bundle.directory)
    assert end >= (us.output_start or 0) + len(us.output)
    workers.launch(resume=bundle)
    again = adopted(bundle)
    assert again.state["terminal"]["offset"] >= end
    again.look()
    again.see(b"line")


def test_a_rehearsal_that_hangs_on_a_full_disk_is_done_without(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        process, control = start_zygote(str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    words = Path(f"/proc/{process.pid}/cmdline")
    until(lambda: words.read_bytes().count(b"\0") == 9, 30)  # it has begun anew, without its scratch directory
    control.close()
    assert process.wait(10) == 0
