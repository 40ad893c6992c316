"""Ending and renewing the supervisor: `shutdown`, `restart`. Sessions run on unless it is said otherwise."""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import struct
import time
from typing import Any

from supervisor.cli import arguments, exits, printing, serving, systemd
from supervisor.cli import client as clients
from supervisor.cli.arguments import Parser, Verb, nothing, usage
from supervisor.cli.lookup import all_sessions
from supervisor.cli.starting import ANY_PORT, start_somewhere
from supervisor.core.reach import own_urls
from workers.errors import Refused

END_SECONDS = 30.0  # goodbye to every connection, and 10 s of grace for sessions that are to end
KILL_SECONDS = 5.0


def _shutdown_arguments(parser: Parser) -> None:
    parser.add_argument("--sessions", action="store_true", help="end all sessions too; files stay")


def _shutdown(args: argparse.Namespace) -> int:
    client = clients.of(args)
    running = 0 if args.sessions else _running(client)
    answer = _end(client, args.sessions)
    if args.json:
        printing.value(answer)
    elif args.sessions:
        printing.line("the box and all sessions have ended")
    elif running == 1:
        printing.line("the box has ended; 1 session runs on, and rc serve takes it up again")
    else:
        printing.line(f"the box has ended; {running} sessions run on, and rc serve takes them up again")
    return exits.DONE


def _end(client: clients.Client, sessions: bool) -> Any:
    """The answer of the route; when this returns, a box on this machine has ended."""
    if not client.transport.is_here:
        return client.post("/v1/shutdown", {"sessions": sessions})
    with _supervisor(client) as supervisor:
        answer = client.post("/v1/shutdown", {"sessions": sessions})
        if supervisor.is_service:
            supervisor.ends_within(END_SECONDS)
            systemd.systemctl("stop", systemd.UNIT)  # or it is started again
        if not supervisor.ends_within(END_SECONDS):
            hint = f"its pid is {supervisor.pid}; rc doctor looks for the cause"
            raise Refused("failed", f"the box has not ended within {END_SECONDS:.0f} s", hint)
    return answer


def _running(client: clients.Client) -> int:
    held = ("requested", "preparing", "starting", "running", "stopping")
    return sum(session["state"] in held for session in all_sessions(client, archived=None))


def _restart(args: argparse.Namespace) -> int:
    client = clients.of(args)
    state_dir = client.address.state_dir
    if state_dir is None:
        raise usage("a box is restarted where it runs, by its state directory", "there: rc restart")
    with _supervisor(client) as supervisor:
        words = [f"--state-dir={state_dir}", *kept_words(supervisor.command)]
        urls = own_urls(client.get("/v1/box"))
        client.post("/v1/shutdown", {"sessions": False})
        if not supervisor.ends_within(END_SECONDS):
            supervisor.kill()
        if supervisor.is_service:
            return _restart_service(args)
    # It has been ended, so that it comes back even where its port is somebody else's by now, as that of a box which
    # had to choose another one when it was started: there its links go on being right.
    ready, fallen_back = start_somewhere(words, state_dir, [{}, *map(_listening, urls[:1]), ANY_PORT])
    if args.json:
        printing.value(ready)
    else:
        where = " ".join(ready["urls"]) + fallen_back
        printing.line(f"the box runs again, pid {ready['pid']}, at {where}; all sessions went on")
    return exits.DONE


def _listening(url: str) -> dict[str, str]:
    return {"RC_LISTEN": url.partition("://")[2].strip("/")}


def _restart_service(args: argparse.Namespace) -> int:
    systemd.systemctl("restart", systemd.UNIT)
    if args.json:
        printing.value({"ready": True})
    else:
        printing.line("the box runs again as a service; all sessions went on")
    return exits.DONE


def kept_words(command: list[str]) -> list[str]:
    """What the next start takes over of the command line of the last: which file, and how it logs. Everything else
    is remembered by the box, and given again it would count as if somebody had set it anew."""
    if "serve" not in command:
        return []
    known = argparse.Namespace(state_dir=None, box=None, json=False)
    try:
        args = arguments.read("serve", "", serving.VERBS["serve"], command[command.index("serve") + 1 :], known)
    except Refused:  # a release whose words we do not know
        return []
    words = [f"--config={args.config}"] if args.config else []
    words += ["--verbose"] if args.verbose else []
    return words + (["--log-json"] if args.log_json else [])


class _Supervisor:
    """The process behind a socket, held by a descriptor: its pid may be somebody else's a moment later."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = os.pidfd_open(pid)
        self.is_service = systemd.manages(pid)
        self.command = _command(pid)

    def __enter__(self) -> _Supervisor:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._process)

    def ends_within(self, seconds: float) -> bool:
        return bool(select.select([self._process], [], [], seconds)[0])

    def kill(self) -> None:
        """Sessions do not notice, and the next supervisor finds them."""
        signal.pidfd_send_signal(self._process, signal.SIGKILL)
        self.ends_within(KILL_SECONDS)


def _command(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def _supervisor(client: clients.Client) -> _Supervisor:
    """Whoever listens on the box's socket. Raises Refused `unreachable`."""
    while True:
        with client.transport.dial(clients.LOOK_SECONDS).socket as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid = struct.unpack("3i", credentials)[0]
            try:
                return _Supervisor(pid)
            except ProcessLookupError:
                # It ended between our two looks; the next connection says so, or finds its successor.
                time.sleep(0.05)


VERBS = {
    "shutdown": Verb(_shutdown_arguments, _shutdown),
    "restart": Verb(nothing, _restart),
}
