"""The supervisor ends, by force or by request; sessions go on, and those who look at them miss nothing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.follower import Follower, numbers
from tests.waiting import until

KILLS = 3
FRESH = 6_000  # octets that everyone has seen of a supervisor before it is killed: some 600 lines
PRINTS = """
import itertools, time
for number in itertools.count(1):
    print(f"line-{number}", flush=number % 20 == 0)
    if number % 20 == 0:
        time.sleep(0.02)
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


def test_killed_again_and_again_clients_have_every_octet_once(box: BoxProcess) -> None:
    made = [box.new(sys.executable, "-I", "-S", "-c", PRINTS) for _ in range(5)]
    followers = [Follower(box, session["id"], session["history"]) for session in made]
    with ThreadPoolExecutor(len(followers)) as threads:
        over = [
            threads.submit(follower.follow, lambda f=follower: f.connections > KILLS and f.fresh > FRESH)  # type: ignore[misc]
            for follower in followers
        ]
        for killed in range(KILLS):
            until(lambda n=killed + 1: all(f.connections == n and f.fresh > FRESH for f in followers), 30)  # type: ignore[misc]
            box.end(signal.SIGKILL)
            box.start()
            assert box.ready["epoch"] == killed + 2
        for each in over:
            each.result(60)
    for follower, session in zip(followers, made, strict=True):
        seen = numbers(follower.terminal)
        assert seen == list(range(1, len(seen) + 1))
        assert follower.seqs == list(range(1, len(follower.seqs) + 1))
        now = box.session(session["id"])
        assert (now["state"], now["worker_pid"], now["pid"]) == ("running", session["worker_pid"], session["pid"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_says_goodbye_and_sessions_run_on(box: BoxProcess, number: signal.Signals) -> None:
    session = box.new("sh", "-c", "echo one; read x; echo $x; sleep 600")
    with box.stream(session["id"], "terminal_after=0") as stream:
        stream.until(lambda: stream.terminal == b"one\r\n")
        assert box.process is not None
        box.process.send_signal(number)
        with pytest.raises(ConnectionError):
            stream.until(lambda: False)
        assert stream.of("bye") == [{"type": "bye", "reason": "supervisor_stopping", "retry": True}]
        assert stream.closed == 1012
    assert box.wait() == 0
    log = box.log.read_text()
    assert "sessions_that_run_on=1" in log and "takes them up" in log and "Traceback" not in log
    assert session["pid"] in box.running()
    assert not (box.state / "rc.sock").exists() or box.rc("ls").code == 5
    box.start()
    with box.stream(session["id"], "terminal_after=0") as stream:
        stream.type(b"two\n")
        stream.until(lambda: stream.terminal.endswith(b"two\r\ntwo\r\n"))
    now = box.session(session["id"])
    assert (now["state"], now["pid"], now["history"]) == ("running", session["pid"], session["history"])


def test_shutdown_with_sessions_ends_everything(box: BoxProcess) -> None:
    for _ in range(3):
        box.new("sh", "-c", "setsid sleep 600 & sleep 601")
    until(lambda: len(box.running()) >= 9)
    assert box.rc("shutdown", "--sessions").code == 0
    assert box.wait() == 0
    until(lambda: not box.running())
    box.start()
    assert {(s["state"], s["exit"]["reason"]) for s in box.sessions()} == {("exited", "stopped")}


def test_killed_zygote_ends_no_session_and_new_ones_can_be_made(box: BoxProcess) -> None:
    session = box.new("cat")
    box.kill_zygote()
    made = box.new("sh", "-c", "echo made; sleep 600")
    until(lambda: box.output(made["id"]) == b"made\r\n")
    with box.stream(session["id"], "terminal_after=0") as stream:
        stream.type(b"still\n")
        stream.until(lambda: stream.terminal == b"still\r\nstill\r\n")
    assert {s["state"] for s in box.sessions()} == {"running"}


def test_where_nothing_runs_on_the_end_promises_nothing(box: BoxProcess) -> None:
    box.new("sleep", "600")
    assert box.rc("shutdown", "--sessions").code == 0
    assert box.wait() == 0
    log = box.log.read_text()
    assert "sessions_that_run_on=0" in log and "takes them up" not in log
