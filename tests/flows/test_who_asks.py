"""Who asks on the box's socket: the owner outside every session; inside, whatever the disguise, only its own agent."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.boxprocess import PROBE, BoxProcess, box_process, parsed
from tests.waiting import until

ORDINARY = 65534  # an account that is not root
NUMBERS = itertools.count()
DISGUISES = ["none", "double-fork", "undumpable", "all", "namespace"]
ENVIRONMENTS = pytest.mark.parametrize("env", [[], ["/usr/bin/env", "-i"]], ids=["environment", "env -i"])
PROGRAM = [sys.executable, "-I", "-S", PROBE]


@pytest.fixture(
    scope="module", params=[0, ORDINARY] if os.getuid() == 0 else [os.getuid()], ids=lambda uid: f"uid-{uid}"
)
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    """One box an account, for all tests; each leaves its capacity at 32 and no session running."""
    home = tmp_path_factory.mktemp("home")
    project = home / "app"
    project.mkdir()
    for path in (home, project):
        os.chown(path, request.param, -1)
    with box_process(home, project, request.param) as started:
        yield started.start("--no-create-session-in-dir")


@pytest.fixture(autouse=True)
def tidy(box: BoxProcess) -> Iterator[None]:
    yield
    for session in box.sessions():
        if session["state"] == "running":
            assert box.call("POST", f"/v1/code/sessions/{session['id']}/stop")[0] == 200
    assert box.call("PATCH", "/v1/box", {"capacity": 32})[0] == 200


def new_result(box: BoxProcess) -> Path:
    return box.project / f"answer-{next(NUMBERS)}"


def probe(box: BoxProcess, result: Path, disguise: str, method: str, path: str, body: str = "") -> list[str]:
    return [*PROGRAM, str(box.state / "rc.sock"), disguise, method, path, str(result), body]


def run_inside(box: BoxProcess, *program: str) -> str:
    """A session whose agent runs this program and outlives it; else what it left behind would be swept away."""
    session: str = box.new("sh", "-c", f"{shlex.join(program)}; sleep 600")["id"]
    return session


def wait_for(path: Path) -> str:
    return f"until [ -e {path} ]; do sleep 0.01; done"


def answer_in(result: Path) -> tuple[int, Any]:
    until(result.exists, 20)
    return parsed(result.read_bytes())


def assert_refused(answer: tuple[int, Any]) -> None:
    assert (answer[0], answer[1]["code"]) == (403, "not_allowed"), answer
    assert "outside" in answer[1]["hint"]


def capacity(box: BoxProcess) -> int:
    found: int = box.call("GET", "/v1/box")[1]["capacity"]
    return found


def test_the_owner_outside_is_not_shut_out(box: BoxProcess) -> None:
    answer = box.rc("capacity", "9", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["you"] == {"person": "owner", "role": "admin", "device": None}
    assert answer.json["capacity"] == capacity(box) == 9


@ENVIRONMENTS
@pytest.mark.parametrize("disguise", ["double-fork", "undumpable", "all"])
def test_nor_is_he_for_what_disguises_an_agent(box: BoxProcess, disguise: str, env: list[str]) -> None:
    # Programs of an ordinary account may be undumpable, of another login, or without an environment.
    result = new_result(box)
    box.run(*env, *probe(box, result, disguise, "PATCH", "/v1/box", '{"capacity": 11}'))
    assert answer_in(result)[0] == 200
    assert capacity(box) == 11


@ENVIRONMENTS
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_program_inside_a_session_cannot_change_the_box(box: BoxProcess, disguise: str, env: list[str]) -> None:
    result = new_result(box)
    run_inside(box, *env, *probe(box, result, disguise, "PATCH", "/v1/box", '{"capacity": 7}'))
    assert_refused(answer_in(result))
    assert capacity(box) == 32


@ENVIRONMENTS
def test_nor_on_a_connection_whose_connector_is_gone(box: BoxProcess, env: list[str]) -> None:
    assert box.process is not None
    result = new_result(box)
    begin = result.with_suffix(".begin")
    asks = shlex.join([*env, *probe(box, result, "passed-on", "PATCH", "/v1/box", '{"capacity": 7}')])
    box.new("sh", "-c", f"{wait_for(begin)}; {asks}; sleep 600")
    box.process.send_signal(signal.SIGSTOP)  # it cannot accept before the connector is gone
    try:
        begin.touch()
        until(Path(f"{result}.passed").exists, 20)
    finally:
        box.process.send_signal(signal.SIGCONT)
    assert_refused(answer_in(result))
    assert capacity(box) == 32


def test_refusal_comes_before_the_look_up(box: BoxProcess) -> None:
    for path in ("/v1/code/sessions/session_that_is_not", "/v1/code/sessions"):
        result = new_result(box)
        run_inside(box, *probe(box, result, "none", "GET", path))
        assert_refused(answer_in(result))


def test_an_agent_may_look_at_the_box_and_at_its_own_session_only(box: BoxProcess) -> None:
    other = box.new("sleep", "600")["id"]
    paths = ["/v1/box", "/v1/code/sessions/$RC_SESSION_ID", f"/v1/code/sessions/{other}"]
    answers = []
    for path in paths:
        result = new_result(box)
        own = run_inside(box, *probe(box, result, "none", "GET", path))
        answers.append((own, answer_in(result)))
    (asker, (status, seen)), (own, (own_status, itself)), (_, refusal) = answers
    assert status == own_status == 200
    assert seen["you"] == {"person": None, "role": "agent", "device": None, "session": asker}
    assert itself["id"] == own
    assert_refused(refusal)


def test_an_agent_cannot_look_into_the_processes_that_keep_it(box: BoxProcess) -> None:
    assert box.process is not None
    result = new_result(box)
    looks = f"for pid in $PPID {box.process.pid}; do head -c 1 /proc/$pid/environ >/dev/null && echo seen $pid; done"
    box.new("sh", "-c", f"{{ {looks}; echo done; }} >{result}.new; mv {result}.new {result}; sleep 600")
    until(result.exists, 20)
    seen = result.read_text().splitlines()
    assert seen[-1] == "done"
    assert len(seen) == (3 if box.uid == 0 else 1)  # nothing is hidden from root


def test_verbs_are_refused_on_the_command_line_inside(box: BoxProcess) -> None:
    other = box.new("sleep", "600", name="other")["id"]
    said = box.project / "verbs"
    verbs = (["new", "--no-start", "--", "true"], ["mode", "worktree"], ["stop", "other"], ["send", "other", "hello"])
    lines = [f"{shlex.join([*box.words, *verb])} 2>&1; echo =$?" for verb in verbs]
    box.new("sh", "-c", f"{{ {'; '.join(lines)}; }} >{said}.new; mv {said}.new {said}; sleep 600")
    until(said.exists, 30)
    refusals = said.read_text().split("=4\n")
    assert len(refusals) == len(verbs) + 1, refusals
    assert all("outside" in refusal for refusal in refusals[:-1]), refusals
    session = box.session(other)
    assert (session["state"], session["terminal"]["offset"]) == ("running", 0)
    assert [session["state"] for session in box.sessions()].count("running") == 2


def test_an_agent_that_kills_its_own_worker_first_gets_through(box: BoxProcess) -> None:
    # What the README says is not protected: the rail ends where its worker ends.
    result = new_result(box)
    begin = result.with_suffix(".begin")
    asks = shlex.join(probe(box, result, "none", "PATCH", "/v1/box", '{"capacity": 7}'))
    escaped = f"while grep -q '^State:.[^ZX]' /proc/$WORKER/status; do sleep 0.01; done; exec {asks}"
    agent = f"trap '' HUP; {wait_for(begin)}; WORKER=$PPID setsid sh -c {shlex.quote(escaped)} & kill -9 $PPID"
    session = box.new("env", "-i", "sh", "-c", agent)["id"]
    begin.touch()
    assert answer_in(result)[0] == 200
    assert capacity(box) == 7
    until(lambda: box.session(session)["state"] == "lost", 20)
