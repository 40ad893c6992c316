"""Routes of remote workers, at a box that runs."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.supervisor.web.boxes import Answer, ServedBox
from tests.waiting import until

RUN = "00000000-0000-4000-8000-000000000001"
BEGIN = {"type": "begin", "run": RUN}
RUNNING = {"type": "event", "number": 1, "origin": "rc", "update": {"sessionUpdate": "_rc/process", "state": "running"}}
ENDED = {"sessionUpdate": "_rc/process", "state": "exited", "code": 3, "signal": None, "reason": "ended"}


class Worker:
    """A remote worker that speaks by POST and hears by events."""

    def __init__(self, box: ServedBox, session: str) -> None:
        self.box = box
        self.path = f"/v1/code/sessions/{session}"
        self.exchange: dict[str, Any] = box.ask("POST", self.path + "/bridge").json
        self.headers = {"authorization": f"Bearer {self.exchange['worker_jwt']}"}

    def tell(self, *records: dict[str, Any]) -> Answer:
        return self.box.ask("POST", self.path + "/worker/events", {"records": records}, self.headers)

    def end(self) -> None:
        assert self.tell({**RUNNING, "number": 1_000_000, "update": ENDED}).status == 200

    @contextlib.contextmanager
    def listening(self) -> Iterator[Iterator[dict[str, Any]]]:
        """Everything that the box says, one after the other."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect(self.box.socket)
            head = f"GET {self.path}/worker HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nConnection: close\r\n"
            line.sendall(f"{head}authorization: {self.headers['authorization']}\r\n\r\n".encode())
            with line.makefile("rb") as told:
                yield (json.loads(each[6:]) for each in told if each.startswith(b"data: "))


@pytest.fixture
def shell(box: ServedBox) -> Worker:
    return Worker(box, box.new(command=["sh"], worker="remote")["id"])


def test_an_exchange_says_what_a_worker_needs_and_each_has_a_higher_generation(box: ServedBox) -> None:
    made = box.new(agent="echo", worker="remote")
    assert (made["state"], made["worker"], made["workspace"]) == ("starting", "remote", None)
    one, two = Worker(box, made["id"]), Worker(box, made["id"])
    url = box.ask("GET", "/v1/box").json["urls"][0]
    more = {"expires_in": 900, "api_base_url": url, "last_seq": 1, "session": made["id"]}
    assert one.exchange == {"worker_jwt": one.exchange["worker_jwt"], "generation": 1, **more}
    assert two.exchange["generation"] == 2
    assert one.tell().code == "stale_generation"
    assert two.tell(BEGIN, RUNNING).json == {"number": 1, "terminal_offset": 0}
    box.crash()
    assert two.tell(RUNNING).json == {"number": 1, "terminal_offset": 0}
    assert Worker(box, made["id"]).exchange["generation"] == 3
    assert two.tell().code == "stale_generation"
    assert box.ask("POST", one.path + "/stop").json["exit"]["reason"] == "killed"
    assert box.ask("POST", one.path + "/bridge").code == "not_running"


def test_a_local_worker_needs_no_bridge(box: ServedBox) -> None:
    local = box.new(command=["cat"])["id"]
    assert box.ask("POST", f"/v1/code/sessions/{local}/bridge").code == "worker_is_local"


@pytest.mark.parametrize("wish", [{"spawn_mode": "worktree"}, {"base": "head"}, {"agent": "echo", "command": ["ls"]}])
def test_what_only_this_box_could_do_is_refused_for_a_remote_worker(box: ServedBox, wish: dict[str, object]) -> None:
    assert box.ask("POST", "/v1/code/sessions", {"worker": "remote", **wish}).code == "invalid"


def test_files_and_programs_are_where_the_worker_is(box: ServedBox, shell: Worker) -> None:
    assert box.ask("GET", shell.path + "/diff").code == "invalid_state"
    assert box.ask("GET", shell.path + "/files").code == "invalid_state"
    assert box.ask("PUT", shell.path + "/files?path=x", raw=b"x").code == "invalid_state"
    assert box.ask("POST", shell.path + "/exec", {"command": ["ls"]}).code == "invalid_state"
    assert box.ask("POST", shell.path + "/stop").json["exit"]["reason"] == "stopped"
    assert box.ask("DELETE", shell.path).status == 200


def test_the_worker_s_word_is_the_session_s_record(box: ServedBox, shell: Worker) -> None:
    output = {"type": "terminal", "offset": 0, "data": base64.b64encode(b"hello").decode()}
    assert shell.tell(BEGIN, RUNNING, output, output).json == {"number": 1, "terminal_offset": 5}
    assert box.ask("GET", shell.path).json["state"] == "running"
    assert box.ask("GET", shell.path + "/terminal").body == b"hello"
    shell.end()
    until(lambda: box.ask("GET", shell.path).json["state"] == "exited")
    told = box.ask("GET", shell.path + "/events").json["events"]
    assert [(each["origin"], each.get("via"), each["update"]["state"]) for each in told] == [
        ("rc", None, "starting"),
        ("rc", "bridge", "starting"),
        ("rc", "bridge", "running"),
        ("rc", "bridge", "exited"),
    ]
    assert not any("by" in each for each in told)


def test_what_a_worker_may_not_tell_is_named_and_what_came_before_is_kept(box: ServedBox, shell: Worker) -> None:
    person = {**RUNNING, "number": 2, "origin": "person"}
    answer = shell.tell(BEGIN, RUNNING, person)
    assert (answer.code, answer.json["taken"]) == ("invalid", 2)
    assert shell.tell().json == {"number": 1, "terminal_offset": 0}
    approval = {"sessionUpdate": "_rc/approval", "id": "a", "state": "allowed"}
    assert shell.tell({**RUNNING, "number": 2, "update": approval}).code == "invalid"
    shell.end()


def test_commands_come_by_events_until_the_worker_has_them(box: ServedBox, shell: Worker) -> None:
    def ask(text: str) -> int:
        seq: int = box.ask("POST", shell.path + "/commands", {"kind": "prompt", "text": text}).json["seq"]
        return seq

    early = ask("one")
    with shell.listening() as said:
        assert next(said)["session"]["argv"] == ["sh"]
        shell.tell(BEGIN, RUNNING)
        late = ask("two")
        commands = [each for each in (next(said) for _ in range(4)) if each["type"] == "command"]
        assert [(each["number"], each["command"]["text"]) for each in commands] == [(early, "one"), (late, "two")]
        shell.tell({"type": "done", "number": early})
    with shell.listening() as said:
        assert (next(said)["run"], next(said)["number"]) == (RUN, late)
        Worker(box, shell.path.rpartition("/")[2])
        bye = next(each for each in said if each["type"] == "bye")
        assert bye == {"type": "bye", "reason": "stale_generation", "retry": False}


def test_a_worker_that_takes_no_events_gets_none(box: ServedBox, shell: Worker) -> None:
    assert box.ask("GET", shell.path + "/worker", headers=shell.headers).code == "invalid"
