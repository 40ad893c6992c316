"""The API of a box, asked over its Unix socket with the standard library alone, so that asking is quick to start."""

from __future__ import annotations

import argparse
import http.client
import json
import math
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from supervisor.cli import address
from workers.errors import Broken, Refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SESSIONS = "/v1/code/sessions"
LOOK_SECONDS = 60.0  # a box that is asked to show something and is silent for longer is stuck
ACT_SECONDS = 900.0  # a checkout of a large repository takes minutes, a slow disk more
HEED_MS = 200  # a Ctrl-C that fell between Python's last look and the system call is heard after so long


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("rc.sock", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        connection = address.connect(self.path, self.timeout)
        self.sock = HeedfulSocket(fileno=connection.detach())
        self.sock.settimeout(self.timeout)


class HeedfulSocket(socket.socket):
    """Waits in short steps: Python runs its signal handlers between system calls, never in one that has begun."""

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        poll, timeout = select.poll(), self.gettimeout()
        poll.register(self, select.POLLIN)
        until = math.inf if timeout is None else time.monotonic() + timeout
        while not poll.poll(min(HEED_MS, max(0, until - time.monotonic()) * 1000)):
            if time.monotonic() >= until:
                raise TimeoutError("timed out")
        return super().recv_into(buffer, nbytes, flags)


class Client:
    """One box. Every method raises Refused with the box's own problem, Refused `unreachable`, or Broken when the box
    went away in the middle of its answer."""

    def __init__(self, at: address.Address) -> None:
        self.address = at

    def get(self, path: str, **query: object) -> Any:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Any:
        return self.ask("POST", path, body={} if body is None else body)

    def ask(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> Any:
        """One request; gives the JSON of its answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        with self.answer(method, path, data, headers, query) as answer:
            return _json(answer)

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, object] | None = None,
        timeout: float | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """One request; the answer is to be read inside the `with`."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(given, errors='surrogateescape')}" if given else path
        wait = timeout or (LOOK_SECONDS if method == "GET" else ACT_SECONDS)
        connection = UnixConnection(self.address.socket, wait)
        try:
            connection.request(method, target, data, headers or {})
            answer = connection.getresponse()
            if answer.status >= 400:
                raise _refusal(answer)
            yield answer
        except TimeoutError as error:
            raise Refused(
                "unreachable", f"the box does not answer within {wait:.0f} s", "rc doctor looks for the cause"
            ) from error
        except (http.client.HTTPException, ConnectionError) as error:
            raise Broken(f"the box went away: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()


def of(args: argparse.Namespace) -> Client:
    """The client of the box that these words mean."""
    return Client(address.address(args))


def session_path(session: str, verb: str = "") -> str:
    """Where a session, or one of its parts, is found. `session` is an id, or whatever somebody typed for one."""
    return f"{SESSIONS}/{quote(session, safe='')}" + (f"/{verb}" if verb else "")


def given(**fields: object) -> dict[str, object]:
    """A request's fields without those that were not given."""
    return {name: value for name, value in fields.items() if value is not None}


def _json(answer: http.client.HTTPResponse) -> Any:
    try:
        return json.loads(answer.read() or b"null")
    except ValueError as error:
        raise Broken("the box sent something that is not JSON") from error


def _refusal(answer: http.client.HTTPResponse) -> Refused:
    """The problem in an answer, as the refusal that it was on the other side."""
    raw = answer.read(1 << 20)
    try:
        problem = json.loads(raw)
    except ValueError:
        problem = None
    return refusal_of(problem, answer.status)


def refusal_of(problem: object, status: int) -> Refused:
    """A problem object as a refusal; whatever is no problem object becomes one of ours."""
    if not isinstance(problem, dict):
        return Refused("failed", f"the box answered with {status}", "rc doctor looks for the cause", status=status)
    fields = cast("dict[str, Any]", {"status": status, **problem})
    code, detail, hint = (str(fields.pop(name, "") or "") for name in ("code", "detail", "hint"))
    return Refused(code or "failed", detail or f"the box answered with {status}", hint, **fields)
