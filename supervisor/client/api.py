"""The API of a box, asked with the standard library alone, so that asking is quick to start."""

from __future__ import annotations

import http.client
import json
import select
import ssl
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast
from urllib.parse import quote, urlencode

from supervisor.client.address import Address
from supervisor.client.heedful import heedful
from supervisor.client.signin import text_of
from supervisor.client.transport import Dialled, Transport
from workers.errors import Broken, Refused

SESSIONS = "/v1/code/sessions"
LOOK_SECONDS = 60.0  # a box that is asked to show something and is silent for longer is stuck
ACT_SECONDS = 900.0  # a checkout of a large repository takes minutes, a slow disk more
# What a box says while it starts, stops, or has no room for one more connection just now.
PASSING = ("unreachable", "not_ready", "rate_limited", "internal", "failed", "request_timeout")
TRIES = 3  # of one signed request: the box may want a new nonce, and then a new token
SIGN_IN_SECONDS = 15.0  # for a ticket or a token; a line that was cut waits for nothing else
# Requests to a box elsewhere at a time; further ones wait. An sshd takes ten connections that are not let in yet, a
# box eight from one address.
AT_ONCE = 6
PROBLEM_OCTETS = 1 << 20
NOISE = 60  # characters that are told of what should have been an answer


class Connection(http.client.HTTPConnection):
    """HTTP over whatever leads to the box."""

    def __init__(self, transport: Transport, timeout: float) -> None:
        super().__init__("box", timeout=timeout)  # what it is called goes out as a header of ours
        self._transport = transport
        self._wait = timeout
        self.dialled: Dialled | None = None

    def connect(self) -> None:
        # Of several that are opened side by side none can ask: their questions would stand in one another's way.
        is_alone = threading.current_thread() is threading.main_thread()
        self.dialled = self._transport.dial(self._wait, may_ask=is_alone)
        tls = self._transport.tls
        self.sock = tls.wrap(self.dialled.socket) if tls else heedful(self.dialled.socket, self._wait)

    def wait_at_most(self, seconds: float) -> None:
        self.timeout = self._wait = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def is_idle(self) -> bool:
        """Whether nothing has come that nobody asked for: the end of the connection, above all."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)

    def end(self) -> None:
        self.close()
        if self.dialled is not None:
            self.dialled.close()


class Client:
    """One box. Every method raises Refused with the box's own problem, Refused `unreachable`, or Broken when the box
    went away in the middle of its answer."""

    def __init__(self, at: Address) -> None:
        self.address = at
        self.transport = at.transport
        self._signing_in = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._idle: list[Connection] = []  # to a box elsewhere, where a new one costs more than a request
        weakref.finalize(self, _end_all, self._idle)

    def get(self, path: str, **query: object) -> Any:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Any:
        return self.ask("POST", path, body={} if body is None else body)

    def ask(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> Any:
        """One request; gives the JSON of its answer."""
        data, headers = _body(body)
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
        ask = self._ask if self.transport.sign_in is None else self._ask_signed
        place = nullcontext() if self.transport.is_here else self._places
        with place, ask(method, target, data, headers or {}, wait) as answer:
            if answer.status >= 400:
                raise _refusal(answer)
            yield answer

    def ticket(self, session: str | None) -> str | None:
        """What opens one stream, of this session or of the box; None where the way needs none."""
        sign_in = self.transport.sign_in
        if sign_in is None:
            return None
        answer = self._sign_in("/v1/tickets", given(session=session))
        sign_in.take_token(answer)
        return text_of(answer, "ticket")

    @contextmanager
    def _ask_signed(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str], wait: float
    ) -> Iterator[http.client.HTTPResponse]:
        sign_in = self.transport.sign_in
        assert sign_in is not None
        for tries_left in reversed(range(TRIES)):
            token = self._token()
            proof = sign_in.with_token(token, method, target)
            with self._ask(method, target, data, {**headers, **proof}, wait) as answer:
                wants_nonce = sign_in.heed(answer.headers)
                if answer.status != 401 or not tries_left:
                    yield answer
                    return
                answer.read(PROBLEM_OCTETS)
            if not wants_nonce:
                sign_in.forget_token(token)

    def _token(self) -> str:
        sign_in = self.transport.sign_in
        assert sign_in is not None
        with self._signing_in:  # several threads may ask at once, and one token is enough for all
            return sign_in.token or sign_in.take_token(self._sign_in("/v1/tokens", {}))

    def _sign_in(self, path: str, body: object) -> Any:
        try:
            return self.prove("POST", path, body, SIGN_IN_SECONDS)
        except Refused as refused:
            assert self.transport.sign_in is not None
            raise self.transport.sign_in.explained(refused) from refused

    def prove(self, method: str, path: str, body: object = None, wait: float = LOOK_SECONDS) -> Any:
        """A request that the device's key alone signs, on a way that has a `sign_in`; gives the JSON of its answer."""
        sign_in = self.transport.sign_in
        assert sign_in is not None
        data, headers = _body(body)
        for tries_left in reversed(range(TRIES)):
            with self._ask(method, path, data, {**headers, **sign_in.alone(method, path)}, wait) as answer:
                wants_nonce = sign_in.heed(answer.headers)
                if answer.status < 400:
                    return _json(answer)
                refusal = _refusal(answer)
            if not (wants_nonce and tries_left):
                raise refusal
        raise AssertionError("the last try has an answer, or raises")

    @contextmanager
    def _ask(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str], wait: float
    ) -> Iterator[http.client.HTTPResponse]:
        connection, is_whole = self._connection(wait), False
        try:
            connection.request(method, target, data, {"Host": self.transport.host, **headers})
            with connection.getresponse() as answer:  # which holds the socket open beside the connection
                try:
                    yield answer
                finally:
                    is_whole = answer.isclosed()
        except TimeoutError as error:
            raise Refused(
                "unreachable", f"the box does not answer within {wait:.0f} s", "rc doctor looks for the cause"
            ) from error
        except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
            raise lost(connection.dialled, error) from error
        finally:
            if is_whole and connection.sock is not None and not self.transport.is_here:
                self._idle.append(connection)
            else:
                connection.end()

    def _connection(self, wait: float) -> Connection:
        while True:
            try:
                connection = self._idle.pop()  # in one step: another thread may take the last
            except IndexError:
                return Connection(self.transport, wait)
            if connection.is_idle():
                connection.wait_at_most(wait)
                return connection
            connection.end()


def _end_all(connections: list[Connection]) -> None:
    for connection in connections:
        connection.end()


def lost(dialled: Dialled | None, error: Exception) -> Refused | Broken:
    """Why a connection ended too early, as well as that is known."""
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, http.client.RemoteDisconnected):
        hint = "see what is there; where it is reached by ssh, a login shell may print nothing"
        return Refused("unreachable", f"what answers is no box: it says {str(error)[:NOISE]}", hint)
    told = dialled.why_lost() if dialled is not None else None
    return told or Broken(f"the box went away: {str(error) or type(error).__name__}")


def session_path(session: str, verb: str = "") -> str:
    """Where a session, or one of its parts, is found. `session` is an id, or whatever somebody typed for one."""
    return f"{SESSIONS}/{quote(session, safe='')}" + (f"/{verb}" if verb else "")


def given(**fields: object) -> dict[str, object]:
    """A request's fields without those that were not given."""
    return {name: value for name, value in fields.items() if value is not None}


def _body(body: object) -> tuple[bytes | None, dict[str, str]]:
    return (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})


def _json(answer: http.client.HTTPResponse) -> Any:
    try:
        return json.loads(answer.read() or b"null")
    except ValueError as error:
        raise Broken("the box sent something that is not JSON") from error


def _refusal(answer: http.client.HTTPResponse) -> Refused:
    """The problem in an answer, as the refusal that it was on the other side."""
    raw = answer.read(PROBLEM_OCTETS)
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
