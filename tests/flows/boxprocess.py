"""A box as users have it: `rc serve` as a process, `rc` beside it, and what stands behind its socket."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.sessions.strays import end_strays, kill_worker
from tests.flows.rawstream import RawStream
from tests.flows.terminal import Terminal, on_terminal
from tests.waiting import until
from workers.bundle import Bundle

READY_SECONDS = 60.0  # on a machine that runs other tests too
RC = [sys.executable, "-m", "supervisor"]
PROBE = str(Path(__file__).with_name("probe.py"))


def as_account(uid: int) -> list[str]:
    """The words before a command that run it as this account; none where that is who we are.

    It may read everything, because the tests may lie in root's home.
    """
    if uid == os.getuid():
        return []
    capabilities = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return ["setpriv", f"--reuid={uid}", "--clear-groups", *capabilities, "--bounding-set=-sys_ptrace", "--"]


class _Answered:
    """What `HTTPResponse` takes for a socket: an answer that is here already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def parsed(answer: bytes) -> tuple[int, Any]:
    """Status and content of a whole HTTP answer: JSON where it is that, else octets."""
    response = http.client.HTTPResponse(_Answered(answer))  # type: ignore[arg-type]  # makefile is all that it uses
    response.begin()
    with contextlib.closing(response):
        data = response.read()
        return response.status, json.loads(data) if "json" in (response.getheader("content-type") or "") else data


@dataclass
class Answer:
    """What a run of `rc` left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        return json.loads(self.err)


class BoxProcess:
    """One state directory, and the supervisor that serves it, if one does."""

    def __init__(self, home: Path, project: Path, uid: int) -> None:
        self.uid = uid  # whose it is; everything that asks it is asked as that account, too
        self._before = as_account(uid)
        self.words = RC  # that call `rc`
        self.state = home / "state"
        self.project = project
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}
        self.log = home / "serve.log"
        # Nothing of the machine the tests run on: no session around us, no settings of its user.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RC_", "GIT_"))}
        self.environment = {**kept, "RC_STATE_DIR": str(self.state), "HOME": str(home), "SHELL": "/bin/sh"}

    def move(self, words: list[str], inside: Path, seen: Path) -> None:
        """Before the first start: what belongs to the box is called with these words in front, and its state is at
        `inside` to it, at `seen` to us."""
        self._before = [*words, *self._before]
        self.environment["RC_STATE_DIR"] = str(inside)
        self.state = seen

    def start(self, *arguments: str) -> BoxProcess:
        """`rc serve`, ready when this returns."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*self._before, *RC, "serve", "--json", "--listen", "127.0.0.1:0", *arguments],
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], READY_SECONDS)[0], self.log.read_text()
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.ready = json.loads(line)
        return self

    @contextlib.contextmanager
    def start_on_terminal(self, *arguments: str, shows: str = "Capacity: ") -> Iterator[Terminal]:
        """`rc serve` with its screen, in front of somebody; ready, which it `shows`, when this is entered."""
        words = [*self._before, *RC, "serve", "--listen", "127.0.0.1:0", *arguments]
        with on_terminal(words, self.project, self.environment) as terminal:
            terminal.until(shows)
            yield terminal

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the supervisor only; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Until the supervisor has ended: its exit code."""
        assert self.process is not None
        code = self.process.wait(15)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code

    def rc(self, *arguments: str, input: str | None = None, seconds: float = 30.0) -> Answer:
        """The command line, without a terminal."""
        ran = self.run(*RC, *arguments, input=input, seconds=seconds)
        return Answer(ran.returncode, ran.stdout, ran.stderr)

    def run(
        self, *words: str, input: str | None = None, seconds: float = 30.0, errors: str = "strict"
    ) -> subprocess.CompletedProcess[str]:
        """Any program, as the box's account."""
        return subprocess.run(
            [*self._before, *words],
            cwd=self.project,
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            errors=errors,
            timeout=seconds,
        )

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request on the box's socket: status, and the answer's JSON (octets where it is none)."""
        text = "" if body is None else json.dumps(body)
        if self.uid != os.getuid():  # to the box, we are somebody else than its owner
            probe = [sys.executable, "-I", "-S", PROBE, str(self.state / "rc.sock"), "none", method, path, "-", text]
            return parsed(self.run(*probe, errors="surrogateescape").stdout.encode(errors="surrogateescape"))
        connection = http.client.HTTPConnection("box", timeout=60)
        connection.sock = self.connect()
        with contextlib.closing(connection):
            headers = {} if body is None else {"content-type": "application/json"}
            connection.request(method, path, text or None, headers)
            answer = connection.getresponse()
            data = answer.read()
            is_json = "json" in (answer.getheader("content-type") or "")
            return answer.status, json.loads(data) if is_json else data

    def events(self, id: str) -> list[dict[str, Any]]:
        """What the session's events tell, in order: their `update` objects."""
        status, answer = self.call("GET", f"/v1/code/sessions/{id}/events?after=0")
        assert status == 200, answer
        return [event["update"] for event in answer["events"]]

    def bundle(self, id: str) -> Bundle:
        return Bundle(str(self.state / "sessions" / id))

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.state / "rc.sock"))
        return connection

    def stream(self, id: str, query: str = "", already: bytearray | None = None) -> RawStream:
        """A connection to a session's stream; `query` is what stands behind the question mark."""
        return RawStream(self.connect(), f"/v1/code/sessions/{id}/stream?{query}", already)

    def running(self) -> list[int]:
        """Processes of this box's sessions, by their environment."""
        return _carrying({f"RC_SESSION_ID={bundle.name}".encode() for bundle in self.state.glob("sessions/*")})

    def here(self) -> list[int]:
        """Processes of this box, by their home, as far as they can be looked into."""
        return _carrying({f"HOME={self.environment['HOME']}".encode()})

    def kill_worker(self, id: str) -> None:
        os.kill(self.session(id)["worker_pid"], signal.SIGKILL)

    def kill_zygote(self) -> None:
        """Kill -9 the process that workers are forked from, and wait until it is gone."""
        assert self.process is not None
        below = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (zygote,) = [pid for pid in below if Path(f"/proc/{pid}/comm").read_text() == "rc-zygote\n"]
        os.kill(int(zygote), signal.SIGKILL)
        until(lambda: not Path(f"/proc/{zygote}").exists())

    def sessions(self) -> list[dict[str, Any]]:
        status, answer = self.call("GET", "/v1/code/sessions?archived=true")
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["sessions"]
        return found

    def session(self, id: str) -> dict[str, Any]:
        status, answer = self.call("GET", f"/v1/code/sessions/{id}")
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found

    def new(self, *command: str, **wish: object) -> dict[str, Any]:
        """A session, by the API."""
        status, answer = self.call("POST", "/v1/code/sessions", {"command": list(command), **wish})
        assert status == 201, answer
        session: dict[str, Any] = answer
        return session

    def output(self, id: str) -> bytes:
        """All that the session's terminal has printed so far."""
        status, data = self.call("GET", f"/v1/code/sessions/{id}/terminal?limit=1000000")
        assert status == 200, data
        return bytes(data)


def _carrying(markers: set[bytes]) -> list[int]:
    """Processes with one of these words in their environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if markers.intersection(environment.read_bytes().split(b"\0")):
                found.append(int(environment.parent.name))
    return found


@contextlib.contextmanager
def box_process(home: Path, project: Path, uid: int | None = None) -> Iterator[BoxProcess]:
    """Leaves nothing running, whatever the test did. The account is ours, unless another is named."""
    box = BoxProcess(home, project, os.getuid() if uid is None else uid)
    try:
        yield box
    finally:
        if box.process is not None:
            box.end(signal.SIGKILL)
        end_workers(box.state)


def end_workers(state: Path) -> None:
    """Kill what lives of this state directory's sessions: each worker by the name it wrote down, then its strays."""
    for bundle in state.glob("sessions/*"):
        kill_worker(Bundle(str(bundle)))
        end_strays(bundle.name)
