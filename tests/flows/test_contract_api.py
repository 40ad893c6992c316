"""What is promised of HTTP, as the author of a client tries it: names, codes, statuses, order, headers."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.boxprocess import BoxProcess, box_process, parsed
from tests.gitrepos import commit, repository
from tests.waiting import until

SESSIONS = "/v1/code/sessions"
FIELDS = {
    *("id", "name", "state", "agent", "project", "spawn_mode", "url", "workspace", "branch", "base_commit", "base_ref"),
    *("created_at", "created_by", "history", "last_seq", "terminal", "turn", "open_approvals", "viewers", "pid"),
    *("worker_pid", "unresponsive", "exit", "archived", "sandbox"),
}
PROBLEM = {"type", "title", "status", "code", "detail", "hint"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home = tmp_path_factory.mktemp("box")
    project = repository(home / "app")
    commit(project, {"README": "hello\n"})
    with box_process(home, project) as process:
        process.environment |= {"SSH_AUTH_SOCK": "/x", "TMUX": "1", "AWS_SECRET": "s", "LC_ALL": "C.UTF-8"}
        yield process.start("--spawn", "worktree", "--no-create-session-in-dir", "--name", "contract")


def ask(
    box: BoxProcess, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and octets of one request on the box's socket."""
    connection = http.client.HTTPConnection("box", timeout=30)
    connection.sock = box.connect()
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, data, {"content-type": "application/json", **given})
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    octets = answer.read()
    connection.close()
    return answer.status, told, octets


def test_a_session_is_shown_as_the_interface_has_it(box: BoxProcess) -> None:
    made = box.new("cat", name="shown", rows=30, columns=100)
    assert made.keys() >= FIELDS
    assert re.fullmatch(r"session_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["id"])
    assert re.fullmatch(r"rc/shown-[a-z2-7]{6}", made["branch"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    assert made["created_by"] == {"person": "owner", "device": None}
    assert made["terminal"] == {"start": 0, "offset": made["terminal"]["offset"], "rows": 30, "columns": 100}
    assert (made["turn"], made["exit"], made["archived"], made["sandbox"]) == (None, None, False, "none")
    assert made["url"].endswith(f"/code/{made['id']}")
    assert box.call("POST", f"{SESSIONS}/{made['id']}/stop")[1]["exit"]["reason"] == "stopped"


def test_the_box_tells_what_the_interface_names(box: BoxProcess) -> None:
    told = box.call("GET", "/v1/box")[1]
    wanted = {"name", "version", "epoch", "spawn_mode", "capacity", "used", "projects", "agents", "sandbox", "urls"}
    assert wanted <= told.keys()
    assert told["you"] == {"person": "owner", "role": "admin", "device": None}
    assert told["projects"] == [{"id": "app", "path": str(box.project), "git": True, "branch": "main"}]
    assert {"name", "adapter", "available", "why"} <= told["agents"][0].keys()


def test_an_agent_gets_the_environment_that_is_promised_and_no_more(box: BoxProcess) -> None:
    made = box.new("sh", "-c", "env; echo whole", name="env", env={"MINE": "1"})
    shown = until(lambda: out if b"whole" in (out := box.output(made["id"])) else None).decode()
    known = dict(line.partition("=")[::2] for line in shown.splitlines() if "=" in line)
    assert known["RC_SESSION_ID"] == made["id"] and known["RC_WORKSPACE"] == made["workspace"]
    assert known["RC_BRANCH"] == made["branch"] and known["RC_STATE_DIR"] == str(box.state)
    assert (known["RC_PROJECT"], known["TERM"], known["MINE"]) == ("app", "xterm-256color", "1")
    assert known["LC_ALL"] == "C.UTF-8" and {"HOME", "SHELL", "PATH"} <= known.keys()
    assert not {"SSH_AUTH_SOCK", "TMUX", "AWS_SECRET"} & known.keys()
    assert {name for name in known if name.startswith("RC_")} == {
        "RC_SESSION_ID",
        "RC_WORKSPACE",
        "RC_BRANCH",
        "RC_STATE_DIR",
        "RC_PROJECT",
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/v1/approvals", None, 404, "not_found"),
        ("PUT", "/v1/box", None, 405, "method_not_allowed"),
        ("GET", f"{SESSIONS}/session_none", None, 404, "unknown_session"),
        ("POST", f"{SESSIONS}/session_none/stop", {"what": 1}, 422, "invalid"),
        ("POST", SESSIONS, {"model": "x"}, 422, "invalid"),
        ("POST", SESSIONS, {"name": "a\u202eb"}, 422, "invalid"),
        ("POST", SESSIONS, {"name": "x" * 65}, 422, "invalid"),
        ("POST", SESSIONS, {"agent": "nobody"}, 422, "unknown_agent"),
        ("POST", SESSIONS, {"project": "nowhere"}, 422, "unknown_project"),
        ("POST", SESSIONS, {"base": "--nothing"}, 422, "bad_base"),
        ("POST", SESSIONS, {"command": ["/no/such"]}, 502, "launch_failed"),
        ("POST", SESSIONS, {"command": [""]}, 422, "invalid"),
        ("PATCH", "/v1/box", {"spawn_mode": "session"}, 422, "invalid"),
        ("PATCH", "/v1/box", {"capacity": 1025}, 422, "invalid"),
        ("GET", f"{SESSIONS}?limit=1001", None, 422, "invalid"),
        ("GET", f"{SESSIONS}?what=1", None, 422, "invalid"),
    ],
)
def test_a_refusal_is_a_problem_with_its_code(
    box: BoxProcess, method: str, path: str, body: object, status: int, code: str
) -> None:
    got, headers, octets = ask(box, method, path, body)
    problem = json.loads(octets)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert problem.keys() >= PROBLEM and all(problem[field] for field in PROBLEM)


def test_a_failed_launch_names_its_cause_every_time_and_leaves_nothing(box: BoxProcess) -> None:
    before = {session["id"] for session in box.sessions()}
    details = {ask(box, "POST", SESSIONS, {"command": ["/no/such"]})[2] for _ in range(8)}
    assert [b"/no/such cannot be run: No such file or directory" in detail for detail in details] == [True]
    assert {session["id"] for session in box.sessions()} == before


def test_a_key_makes_a_wish_come_true_once(box: BoxProcess) -> None:
    wish = {"agent": "echo", "name": "keyed"}
    first, again = (ask(box, "POST", SESSIONS, wish, idempotency_key="k") for _ in range(2))
    assert (first[0], first[2]) == (again[0], again[2])
    assert json.loads(ask(box, "POST", SESSIONS, {"agent": "echo"}, idempotency_key="k")[2])["code"] == "invalid"
    path = f"{SESSIONS}/{json.loads(first[2])['id']}/commands"
    prompt = {"kind": "prompt", "text": "x", "message_id": "0b9c1111-1111-4111-8111-111111111111"}
    assert len({ask(box, "POST", path, prompt)[2] for _ in range(3)}) == 1


def test_history_is_read_a_page_at_a_time_in_both_directions(box: BoxProcess) -> None:
    made = _echo(box, "repeat 20 x")
    path = f"{SESSIONS}/{made}/events"
    until(lambda: box.session(made)["turn"] == "idle" and box.session(made)["last_seq"] > 25)
    last = box.session(made)["last_seq"]
    whole = box.call("GET", f"{path}?after=0&limit=1000")[1]
    assert [event["seq"] for event in whole["events"]] == list(range(1, last + 1)) and whole["last_seq"] == last
    page = box.call("GET", f"{path}?before={last}&limit=5")[1]["events"]
    assert page == whole["events"][-6:-1]
    assert box.call("GET", f"{path}?after=1&before=2")[0] == 422
    assert {event["update"]["sessionUpdate"] for event in whole["events"]} >= {"_rc/process", "_rc/command"}


def _echo(box: BoxProcess, prompt: str) -> str:
    status, made = box.call("POST", SESSIONS, {"agent": "echo", "prompt": prompt})
    assert (status, made["pid"], made["terminal"]) == (201, None, None)
    return str(made["id"])


def test_terminal_octets_come_with_their_offsets(box: BoxProcess) -> None:
    made = box.new("sh", "-c", "printf 0123456789; cat", name="offsets")
    until(lambda: len(box.output(made["id"])) == 10)
    status, headers, octets = ask(box, "GET", f"{SESSIONS}/{made['id']}/terminal?from=3&limit=4")
    assert (status, octets) == (200, b"3456")
    assert (headers["rc-terminal-start"], headers["rc-terminal-end"]) == ("3", "7")


def test_states_lead_where_the_interface_says(box: BoxProcess) -> None:
    path = f"{SESSIONS}/{_echo(box, 'hi')}"

    def post(verb: str) -> tuple[int, Any]:
        status, answer = box.call("POST", f"{path}/{verb}")
        return status, answer["code"] if status >= 400 else (answer["state"], answer["archived"])

    assert post("resume") == (409, "invalid_state")
    assert post("suspend") == (200, ("suspended", False))
    assert post("resume") == (200, ("running", False))
    assert post("archive") == (409, "invalid_state")
    assert post("stop") == post("stop") == (200, ("exited", False))
    assert post("archive") == (200, ("exited", True))
    assert post("resume") == (409, "invalid_state")
    assert post("restore") == (200, ("exited", False))
    assert box.call("DELETE", path)[0] == 200
    assert box.call("GET", path)[1]["code"] == "unknown_session"
    assert post("restore") == (200, ("exited", False))


def talk(box: BoxProcess, *requests: tuple[str, str, str]) -> list[tuple[int, str | None]]:
    """Requests (method, path, further header lines) on one connection to the port: their statuses and codes."""
    port = int(box.ready["urls"][0].rpartition(":")[2])
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for method, path, headers in requests:
            line.sendall(f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode())
            answer = http.client.HTTPResponse(line)
            answer.begin()
            told = json.loads(answer.read())
            answers.append((answer.status, told.get("code")))
    return answers


HERE, EVIL = "Host: localhost:1\r\n", "Host: evil\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)
ATTACKS = [
    ("GET", "/healthz", EVIL, 421, "misdirected"),
    ("GET", "/healthz", HERE + "Origin: http://evil\r\n", 421, "misdirected"),
    ("GET", "/nowhere", EVIL, 421, "misdirected"),
    ("GET", "/nowhere", HERE, 401, "unauthenticated"),
    ("GET", "/v1/box", HERE, 401, "unauthenticated"),
    ("POST", SESSIONS, HERE + "Content-Type: application/json\r\nContent-Length: 0\r\n", 401, "unauthenticated"),
    ("GET", "/v1/stream", HERE + UPGRADE, 401, "unauthenticated"),
    ("GET", "/v1/stream", EVIL + UPGRADE, 421, "misdirected"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status", "code"), ATTACKS)
def test_the_port_lets_nobody_in_first_or_second(
    box: BoxProcess, method: str, path: str, headers: str, status: int, code: str
) -> None:
    attack = (method, path, headers)
    assert talk(box, attack) == [(status, code)]
    assert talk(box, ("GET", "/healthz", HERE), attack) == [(200, None), (status, code)]


def test_a_head_that_is_too_large_is_named(box: BoxProcess) -> None:
    with box.connect() as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (17 << 10) + b"\r\n\r\n")
        answer = b""
        while piece := line.recv(1 << 16):
            answer += piece
    status, problem = parsed(answer)
    assert (status, problem["code"]) == (431, "head_too_large")


def test_the_description_is_openapi_of_what_there_is(box: BoxProcess) -> None:
    told = box.call("GET", "/openapi.json")[1]
    assert told["openapi"].startswith("3.1")
    assert f"{SESSIONS}/{{id}}/commands" in told["paths"] and "/v1/approvals" not in told["paths"]


def test_the_state_directory_is_for_its_owner_alone(box: BoxProcess) -> None:
    assert box.state.stat().st_mode & 0o777 == 0o700
    assert (box.state / "rc.sock").stat().st_mode & 0o777 == 0o600
    assert {"rc.sock", "box.sqlite", "sessions", "worktrees", "trash", "supervisor.lock"} <= {
        path.name for path in Path(box.state).iterdir()
    }
