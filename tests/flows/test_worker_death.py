"""Workers and agents end, stop answering, or were there before a reboot: each is told as what it was."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.waiting import until

PROMPT_SECONDS = 2.0  # an answer that had waited for a stopped worker would take ten and more


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


def exit_of(box: BoxProcess, id: str) -> tuple[str, object, object, object]:
    """State, code, signal and reason, once it has ended."""
    session = until(lambda: (now := box.session(id))["exit"] and now, 15)
    return session["state"], session["exit"]["code"], session["exit"]["signal"], session["exit"]["reason"]


def test_a_killed_worker_is_lost_with_all_that_it_ran(box: BoxProcess) -> None:
    other = box.new("sleep", "600")
    session = box.new("sh", "-c", "nohup sleep 600 & setsid sleep 601 & echo up; sleep 602")
    until(lambda: b"up" in box.output(session["id"]))
    until(lambda: len(box.running()) == 5)
    os.kill(session["worker_pid"], signal.SIGKILL)
    assert exit_of(box, session["id"]) == ("lost", None, None, "lost")
    until(lambda: box.running() == [other["pid"]])
    last = box.events(session["id"])[-1]
    assert (last["sessionUpdate"], last["state"], last["reason"]) == ("_rc/process", "lost", "lost")
    assert last["terminal_offset"] == len(box.output(session["id"]))
    assert box.session(session["id"])["worker_pid"] is None
    assert box.session(other["id"])["state"] == "running"
    assert box.call("GET", "/v1/box")[1]["used"] == 1


def test_an_agent_that_dies_shows_its_code_or_signal(box: BoxProcess) -> None:
    for last_words, told in (
        ("exit 3", ("exited", 3, None, "ended")),
        ("exit 0", ("exited", 0, None, "ended")),
        ("kill -SEGV $$", ("exited", None, "SIGSEGV", "ended")),
        ("kill -KILL $$", ("exited", None, "SIGKILL", "ended")),
    ):
        session = box.new("sh", "-c", f"read x; {last_words}")
        with box.stream(session["id"]) as stream:
            stream.type(b"\n")
            stream.hear("event", lambda told: told["update"].get("state") == "exited")
        assert exit_of(box, session["id"]) == told


def test_what_ended_while_nobody_kept_it_is_told_by_the_next_supervisor(box: BoxProcess) -> None:
    # The first two end by themselves and leave a note, the third worker is killed and leaves none.
    gate = box.project / "gate"
    waiting = f"until [ -e {gate} ]; do sleep 0.01; done"
    coded, signalled, lost = (
        box.new("sh", "-c", f"{waiting}; {last}") for last in ("exit 7", "kill -TERM $$; sleep 9", "sleep 600")
    )
    box.end(signal.SIGKILL)
    os.kill(lost["worker_pid"], signal.SIGKILL)
    gate.touch()
    until(lambda: all(box.bundle(session["id"]).read("exit.json") for session in (coded, signalled)))
    box.start()
    assert exit_of(box, coded["id"]) == ("exited", 7, None, "ended")
    assert exit_of(box, signalled["id"]) == ("exited", None, "SIGTERM", "ended")
    assert exit_of(box, lost["id"]) == ("lost", None, None, "lost")
    until(lambda: not box.running())
    assert box.call("GET", "/v1/box")[1]["used"] == 0


def test_a_worker_that_only_came_to_write_its_last_event_has_ended_as_that_says(box: BoxProcess) -> None:
    session = box.new("sh", "-c", "read x; exit 7")
    with box.stream(session["id"]) as stream:
        stream.type(b"\n")
        stream.hear("event", lambda told: told["update"].get("state") == "exited")
    assert exit_of(box, session["id"]) == ("exited", 7, None, "ended")
    bundle = box.bundle(session["id"])
    until(lambda: bundle.read("screen.json"))
    box.end(signal.SIGKILL)
    for name in ("exit.json", "screen.json"):  # as if it had been killed just then
        os.unlink(bundle.path(name))
    box.start()
    assert exit_of(box, session["id"]) == ("exited", 7, None, "ended")
    assert [update["state"] for update in box.events(session["id"]) if "state" in update][-2:] == ["running", "exited"]


def test_a_stopped_worker_delays_nobody_and_comes_back(box: BoxProcess) -> None:
    stopped = box.new("cat")
    others = [box.new("cat") for _ in range(3)]
    os.kill(stopped["worker_pid"], signal.SIGSTOP)
    try:
        box.end(signal.SIGKILL)
        box.start()
        now = {session["id"]: session for session in box.sessions()}
        assert (now[stopped["id"]]["state"], now[stopped["id"]]["unresponsive"]) == ("running", True)
        assert not any(now[other["id"]]["unresponsive"] for other in others)
        assert box.call("GET", "/v1/box")[1]["used"] == 4  # it keeps its slot
        began = time.monotonic()
        for other in others:
            with box.stream(other["id"], "terminal_after=0") as stream:
                stream.type(b"hello\n")
                stream.until(lambda: stream.terminal == b"hello\r\nhello\r\n")  # done in this round
        assert box.output(stopped["id"]) == b""
        assert time.monotonic() - began < PROMPT_SECONDS
    finally:
        os.kill(stopped["worker_pid"], signal.SIGCONT)
    until(lambda: not box.session(stopped["id"])["unresponsive"])
    with box.stream(stopped["id"], "terminal_after=0") as stream:
        stream.type(b"back\n")
        stream.until(lambda: stream.terminal == b"back\r\nback\r\n")


def test_a_stopped_worker_can_be_ended(box: BoxProcess) -> None:
    session = box.new("sh", "-c", "setsid sleep 600 & sleep 601")
    os.kill(session["worker_pid"], signal.SIGSTOP)
    box.end(signal.SIGKILL)
    box.start()
    assert box.session(session["id"])["unresponsive"]
    assert box.rc("stop", session["name"]).code == 0
    assert exit_of(box, session["id"]) == ("exited", None, None, "killed")
    until(lambda: not box.running())


def test_another_boot_is_shown_as_that_and_old_numbers_do_not_count(box: BoxProcess) -> None:
    session = box.new("sh", "-c", "echo before; sleep 600")
    until(lambda: b"before" in box.output(session["id"]))
    seen = box.session(session["id"])["last_seq"]
    box.end(signal.SIGKILL)
    os.kill(session["worker_pid"], signal.SIGKILL)
    bundle = box.bundle(session["id"])
    for name in ("worker.json", "journal.json"):  # as if the machine had been started anew since
        bundle.write(name, json.dumps({**(bundle.read_json(name) or {}), "boot_id": "an-earlier-one"}))
    box.start()
    assert exit_of(box, session["id"]) == ("lost", None, None, "rebooted")
    now = box.session(session["id"])
    assert now["history"] != session["history"] and now["last_seq"] == seen + 1
    with box.stream(session["id"], f"after={seen}&terminal_after=8&history={session['history']}") as stream:
        changed = stream.hear("history_changed")
        assert changed["history"] == stream.hear("hello")["history"] == now["history"]
        assert (changed["last_seq"], changed["terminal_offset"]) == (now["last_seq"], 8)
        assert not stream.of("event") and not stream.terminal
    with box.stream(session["id"], f"after=0&terminal_after=0&history={now['history']}") as stream:
        stream.until(lambda: len(stream.of("event")) == now["last_seq"] and stream.terminal == b"before\r\n")


def test_lost_and_rebooted_sessions_are_resumed_when_that_is_asked_for(box: BoxProcess) -> None:
    lost, rebooted, ended = (box.new("sh", "-c", "echo up; read x; exit 5") for _ in range(3))
    for session in (lost, rebooted, ended):
        until(lambda id=session["id"]: b"up" in box.output(id))  # type: ignore[misc]
    with box.stream(ended["id"]) as stream:
        stream.type(b"\n")
        stream.hear("event", lambda told: told["update"].get("state") == "exited")
    box.end(signal.SIGKILL)
    for session in (lost, rebooted):
        os.kill(session["worker_pid"], signal.SIGKILL)
    bundle = box.bundle(rebooted["id"])
    bundle.write("worker.json", json.dumps({**(bundle.read_json("worker.json") or {}), "boot_id": "an-earlier-one"}))
    before = {s["id"]: s["last_seq"] for s in (lost, rebooted)}
    box.start("--continue")
    until(lambda: all(box.session(id)["state"] == "running" for id in before))
    now = {session["id"]: session for session in box.sessions()}
    assert now[ended["id"]]["state"] == "exited" and now[ended["id"]]["exit"]["code"] == 5
    for id, last_seq in before.items():
        assert (now[id]["state"], now[id]["exit"]) == ("running", None)
        assert now[id]["last_seq"] > last_seq
        until(lambda id=id: box.output(id) == b"up\r\nup\r\n")  # type: ignore[misc]  # on the same numbers
        states = [update["state"] for update in box.events(id) if update["sessionUpdate"] == "_rc/process"]
        assert states == ["starting", "running", "lost", "starting", "running"]
