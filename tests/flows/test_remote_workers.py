"""Remote workers as second processes, cut off and killed at random: every octet and event once, no command lost."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli.exits import NEW_EXCHANGE
from supervisor.sessions.strays import kill_worker
from tests.flows.away import AwayWorker, BadLine, away, by_tcp
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.follower import numbers
from tests.waiting import until
from workers.bundle import Bundle

SEED = 20261121
BLOWS = 12
SECONDS = 60.0
PRINTS = """
import time
for number in range(1, 6001):
    print(f"line-{number}", flush=number % 20 == 0)
    if number % 20 == 0:
        time.sleep(0.02)
raise SystemExit(7)
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


def remote(box: BoxProcess, **wish: object) -> str:
    status, answer = box.call("POST", "/v1/code/sessions", {"worker": "remote", **wish})
    assert status == 201, answer
    id: str = answer["id"]
    return id


def whole_events(box: BoxProcess, id: str) -> list[dict[str, Any]]:
    status, answer = box.call("GET", f"/v1/code/sessions/{id}/events?after=0&limit=1000")
    assert status == 200 and "gap" not in answer, answer
    events: list[dict[str, Any]] = answer["events"]
    assert [each["seq"] for each in events] == list(range(1, answer["last_seq"] + 1))
    return events


def blow(chance: random.Random, box: BoxProcess, worker: AwayWorker, line: BadLine) -> str:
    """One misfortune."""
    kind = chance.choice(["cut", "cut", "worker", "box"])
    if kind == "worker":
        worker.kill()
        worker.start()
    elif kind == "box":
        box.end(signal.SIGKILL)
        box.start()
    line.cut()
    return kind


def test_output_is_whole_and_in_order_whatever_is_cut_or_killed(box: BoxProcess, tmp_path: Path) -> None:
    id, chance = remote(box, command=[sys.executable, "-I", "-S", "-c", PRINTS]), random.Random(SEED)
    with away(tmp_path / "there", by_tcp(box)) as (worker, line):
        worker.exchange(box, id)
        worker.start()
        until(lambda: box.session(id)["state"] == "running", SECONDS)
        while box.session(id)["state"] == "running":
            before = box.session(id)["terminal"]["offset"]
            fresh = before + chance.randrange(8_000)
            until(lambda n=fresh: not is_running(box, id) or box.session(id)["terminal"]["offset"] > n, SECONDS)  # type: ignore[misc]
            if is_running(box, id):
                blow(chance, box, worker, line)
        assert worker.wait() == 0, worker.log.read_text()
    assert box.session(id)["exit"] == {"code": 7, "signal": None, "reason": "ended"}
    assert numbers(box.output(id)) == list(range(1, 6001))
    told = [each["update"]["state"] for each in whole_events(box, id) if "state" in each["update"]]
    assert told == ["starting", "starting", "running", "exited"]


def is_running(box: BoxProcess, id: str) -> bool:
    return bool(box.session(id)["state"] == "running")


def test_no_prompt_is_lost_or_carried_out_twice_whatever_is_cut_or_killed(box: BoxProcess, tmp_path: Path) -> None:
    id, chance = remote(box, agent="echo"), random.Random(SEED + 1)
    asked: dict[str, str] = {}

    def ask(text: str) -> None:
        message = asked[text] = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        command = {"kind": "prompt", "text": text, "message_id": message}
        status, answer = box.call("POST", f"/v1/code/sessions/{id}/commands", command)
        assert status == 200, answer

    with away(tmp_path / "there", by_tcp(box)) as (worker, line):
        ask("before anybody came")
        worker.exchange(box, id)
        worker.start()
        for number in range(BLOWS):
            for part in range(3):
                ask(f"prompt {number}.{part}")
            blow(chance, box, worker, line)
            ask(f"repeat 3 behind blow {number}")
        until(lambda: is_answered(box, id, [*asked.values()]), SECONDS)
        assert box.call("POST", f"/v1/code/sessions/{id}/stop")[0] == 200
        assert worker.wait() == 0, worker.log.read_text()

    events = whole_events(box, id)
    said = Counter(each["update"]["content"]["text"] for each in events if "content" in each["update"])
    for text in asked:
        again = text.removeprefix("repeat 3 ")
        assert (said[text], said[again]) == ((2, 2) if again == text else (1, 3)), text
    states = Counter((each["update"]["message_id"], each["update"]["state"]) for each in events if is_state(each))
    for message in asked.values():
        assert states[message, "started"] == states[message, "completed"] == 1
    order = [each["turn"] for each in events if is_state(each) and each["update"]["state"] == "started"]
    assert order == [*asked.values()]
    people = [each for each in events if each["origin"] == "person"]
    assert all("via" not in each and each["by"]["person"] == "owner" for each in people)
    assert all("by" not in each for each in events if each.get("via") == "bridge")


def is_state(event: dict[str, Any]) -> bool:
    return bool(event["update"]["sessionUpdate"] == "_rc/message_state")


def is_answered(box: BoxProcess, id: str, messages: list[str]) -> bool:
    done = {
        each["update"]["message_id"] for each in whole_events(box, id) if each["update"].get("state") == "completed"
    }
    return done.issuperset(messages)


def test_what_is_typed_arrives_and_what_is_away_is_shown_so(box: BoxProcess, tmp_path: Path) -> None:
    id = remote(box, command=["cat"])
    with away(tmp_path / "there", by_tcp(box)) as (worker, _line):
        worker.exchange(box, id)
        worker.start()
        until(lambda: is_running(box, id), SECONDS)
        with box.stream(id, "after=0") as stream:
            stream.type(b"hello\r")
            until(lambda: b"hello\r\nhello\r\n" in box.output(id), SECONDS)
        resize = {"kind": "resize", "rows": 30, "columns": 90}
        until(lambda: box.call("POST", f"/v1/code/sessions/{id}/commands", resize)[0] == 200)
        until(lambda: box.session(id)["terminal"]["rows"] == 30, SECONDS)
        worker.kill()
        until(lambda: box.session(id)["unresponsive"], SECONDS)
        assert box.call("PATCH", f"/v1/code/sessions/{id}", {"name": "renamed"})[0] == 200
        worker.start()
        until(lambda: not box.session(id)["unresponsive"], SECONDS)
        assert b"hello\r\nhello\r\n" in box.output(id) and box.session(id)["state"] == "running"
        worker.kill()
        until(lambda: box.session(id)["unresponsive"], SECONDS)
        assert box.call("POST", f"/v1/code/sessions/{id}/stop")[1]["exit"]["reason"] == "killed"
        worker.start()
        assert worker.wait() == 0
        assert not [*worker.state.glob("remote/*/*-*")], "the program ended with its session"


def test_an_exchange_that_is_void_says_so_and_a_new_one_goes_on(box: BoxProcess, tmp_path: Path) -> None:
    id = remote(box, command=["cat"])
    with away(tmp_path / "there", by_tcp(box)) as (worker, line):
        worker.exchange(box, id)
        worker.start()
        until(lambda: is_running(box, id), SECONDS)
        pid = box.session(id)["pid"]
        old = json.loads(worker.bridge.read_text())
        assert box.call("POST", f"/v1/code/sessions/{id}/bridge")[1]["generation"] == 2
        assert worker.wait() == NEW_EXCHANGE
        assert "rc: there has been a later exchange for this session" in worker.log.read_text()
        assert old["worker_jwt"] not in worker.log.read_text() + box.log.read_text()
        worker.exchange(box, id)
        worker.start()
        until(lambda: not box.session(id)["unresponsive"] and line.connections >= 2, SECONDS)
        assert box.session(id)["pid"] == pid and is_running(box, id)
        worker.bridge.write_text("{")
        worker.exchange(box, id)  # which ends the line, and is found in the file a moment later
        until(lambda: line.connections >= 3, SECONDS)
        line.cut()
        until(lambda: line.connections >= 4, SECONDS)
        assert box.call("POST", f"/v1/code/sessions/{id}/stop")[1]["exit"]["reason"] == "stopped"
        assert worker.wait() == 0
        assert box.call("POST", f"/v1/code/sessions/{id}/resume")[1]["state"] == "starting"
        worker.exchange(box, id)
        worker.start()
        until(lambda: is_running(box, id), SECONDS)
        assert box.session(id)["pid"] != pid
        assert box.call("POST", f"/v1/code/sessions/{id}/stop")[0] == 200
        assert worker.wait() == 0


def test_where_nothing_is_left_of_a_worker_the_next_one_begins_anew(box: BoxProcess, tmp_path: Path) -> None:
    """As when a container is started again."""
    id = remote(box, command=["sh", "-c", "echo here I am; exec cat"])
    with away(tmp_path / "there", by_tcp(box)) as (worker, _line):
        worker.exchange(box, id)
        worker.start()
        until(lambda: b"here I am" in box.output(id), SECONDS)
        pid = box.session(id)["pid"]
        worker.end()
        shutil.rmtree(worker.state)
        worker.start()
        until(lambda: box.output(id).count(b"here I am") == 2, SECONDS)
        assert is_running(box, id) and box.session(id)["pid"] != pid
        notices = [each["text"] for each in box.events(id) if each["sessionUpdate"] == "_rc/notice"]
        assert len(notices) == 1 and "begun anew" in notices[0]
        worker.end()
        for left in worker.state.glob("remote/*/*-*-*-*-*/events-*"):
            left.unlink()  # as a power cut may take the last of them
        worker.start()
        until(lambda: box.output(id).count(b"here I am") >= 3 and is_running(box, id), SECONDS)
        assert len([each for each in box.events(id) if each["sessionUpdate"] == "_rc/notice"]) == 2
        (bundle,) = worker.state.glob("remote/*/*-*-*-*-*")
        kill_worker(Bundle(str(bundle)))
        until(lambda: box.session(id)["state"] == "lost", SECONDS)
        assert worker.wait() == 0
        assert box.call("POST", f"/v1/code/sessions/{id}/archive")[0] == 200


def test_over_the_box_s_own_socket_it_is_the_same(box: BoxProcess, tmp_path: Path) -> None:
    id = remote(box, agent="echo")
    worker = AwayWorker(tmp_path / "there", f"unix:{box.state}")
    try:
        worker.exchange(box, id)
        worker.start()
        until(lambda: is_running(box, id), SECONDS)
        assert box.rc("send", id, "hello", "--wait").code == 0
        assert "hello" in box.rc("logs", id).out
        assert box.rc("path", id).code == 4 and box.rc("diff", id).code == 4
        assert "remote" in box.rc("show", id).out
        box.end(signal.SIGKILL)
        box.start()
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 128 + signal.SIGTERM
        assert "runs on" in worker.log.read_text()
        worker.start()
        assert box.rc("send", id, "again", "--wait").code == 0
        assert box.rc("suspend", id).code == 0 and worker.wait() == 0
        assert box.session(id)["state"] == "suspended"
        assert box.rc("resume", id).code == 0
        assert box.rc("bridge", id, "--out", str(worker.bridge)).code == 0
        worker.start()
        until(lambda: is_running(box, id), SECONDS)
        assert box.rc("stop", id).code == 0 and worker.wait() == 0
        assert box.rc("delete", id).code == 0
    finally:
        worker.end()
