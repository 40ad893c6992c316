"""The way to a box by ssh: each connection is `rc stdio`, run there with the rights of that account.

Which key, which port by default, whether connections share one (`ControlMaster`): all that is the asker's ssh's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from supervisor.statedir import SOCKET
from workers.errors import Refused

# Letters that mean nothing to a shell, nor to ssh where it fills in a command of its settings (%h, %r); a leading
# dash would be an option.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]{1,32})?")

# The same in every login shell, because the quoted part is for `sh`. On Debian `rc` may be a shell, hence the other
# name first; where people install for themselves is on the path of a login, but not of a command by ssh.
REMOTE = (
    "sh -c 'PATH=$PATH:$HOME/.local/bin:$HOME/.local/share/rcbox/bin:/usr/local/bin; "
    "command -v rcbox >/dev/null 2>&1 && exec rcbox --json stdio; exec rc --json stdio'"
)
END_SECONDS = 2.0  # for ssh to end, once what it carries has ended
WORDS_OCTETS = 64 << 10  # the end of what it has said
OWN_FAILURE, NOT_FOUND = 255, 127

# What ssh says, and what helps. The first that is found counts.
_NEXT_STEPS = (
    ("host key verification failed", "look at its key with: ssh {place}"),
    ("permission denied", "put a key there with: ssh-copy-id {place}"),
    ("too many authentication failures", "name the key to use in ~/.ssh/config (IdentityFile, IdentitiesOnly)"),
    ("could not resolve hostname", "correct the name, or give it an address in ~/.ssh/config"),
    ("connection refused", "have sshd run there, or name its port: ssh://host:port"),
)


@dataclass(frozen=True, slots=True)
class Ssh:
    """`place` is `[user@]host`, as ssh takes it; all three parts have been checked."""

    server: str
    user: str | None = None
    port: int | None = None
    host = SOCKET
    tls = None
    sign_in = None
    is_here = False

    @property
    def name(self) -> str:
        server = f"[{self.server}]" if ":" in self.server else self.server
        user, port = f"{self.user}@" if self.user else "", f":{self.port}" if self.port else ""
        return f"ssh://{user}{server}{port}"

    def dial(self, timeout: float, may_ask: bool = False) -> Running:
        asks = may_ask and os.isatty(0)
        ours, theirs = socket.socketpair()
        words = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as ssh; a pipe would have to be read all along
        try:
            # In a session of its own it cannot ask anything, and a Ctrl-C that is meant for an agent leaves it alone.
            process = subprocess.Popen(
                self.command(asks),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=words,
                start_new_session=not asks,
            )
        except FileNotFoundError as error:
            ours.close()
            raise Refused("unreachable", "there is no ssh on this machine", "install OpenSSH's client") from error
        finally:
            theirs.close()
        ours.settimeout(timeout)
        return Running(self, ours, process, words)

    def command(self, asks: bool) -> list[str]:
        """What is run here. `asks`: whether somebody can be asked for a password."""
        options = ["-T", "-a", "-x", "-e", "none", "-o", "RemoteCommand=none"]
        options += [] if asks else ["-o", "BatchMode=yes"]
        options += ["-l", self.user] if self.user else []
        options += ["-p", str(self.port)] if self.port else []
        return ["ssh", *options, "--", self.server, REMOTE]

    def explained(self, code: int, words: str) -> Refused | None:
        """Why nothing (more) came, by how ssh ended and what was said on its stderr."""
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        if code == OWN_FAILURE:
            return self._failed(lines)
        if code == NOT_FOUND:
            hint = "install rcbox there, where `ssh HOST COMMAND` finds programs"
            return Refused("unreachable", f"{self.name} has no rc", hint)
        return self._told_by_rc(lines) if code > 0 else None

    def _failed(self, lines: list[str]) -> Refused:
        place = f"{self.user}@{self.server}" if self.user else self.server
        place = f"-p {self.port} {place}" if self.port else place
        said = lines[-1] if lines else "ssh ended without a word"
        for words, step in _NEXT_STEPS:
            if found := next((line for line in lines if words in line.lower()), None):
                return Refused("unreachable", f"{self.name}: {found}", step.format(place=place))
        return Refused("unreachable", f"{self.name}: {said}", f"see whether this works: ssh {place} true")

    def _told_by_rc(self, lines: list[str]) -> Refused:
        with contextlib.suppress(ValueError, IndexError, TypeError, KeyError):
            problem = json.loads(lines[-1])
            return Refused(str(problem["code"]), f"{self.name}: {problem['detail']}", f"there: {problem['hint']}")
        said = lines[-1] if lines else "rc stdio failed there"
        return Refused("unreachable", f"{self.name}: {said}", "see what is wrong there with: rc doctor")


@dataclass(slots=True)
class Running:
    """One `ssh` that carries one connection."""

    ssh: Ssh
    socket: socket.socket
    process: subprocess.Popen[bytes]
    words: IO[bytes]

    def why_lost(self) -> Refused | None:
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if self.words.closed:
            return None
        end = self.words.seek(0, os.SEEK_END)
        self.words.seek(max(0, end - WORDS_OCTETS))
        return self.ssh.explained(code, self.words.read().decode(errors="replace"))

    def close(self) -> None:
        self.socket.close()
        self.words.close()
        self.process.terminate()  # nothing is lost: all that was to be said has been, or nobody listens any more
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)


def parse(box: str) -> Ssh:
    """`ssh://[user@]host[:port]`. Raises Refused `invalid`."""
    form = "name it as ssh://[user@]host[:port]; ssh's other settings go into ~/.ssh/config"
    if not (box.isascii() and box.isprintable()):  # a line break would be taken out without a word
        raise Refused("invalid", f"{box!r} names no box", form)
    try:
        parts = urlsplit(box)
        server, user, port = parts.hostname, parts.username, parts.port
    except ValueError as error:
        raise Refused("invalid", f"{box!r} names no box: {error}", form) from error
    if parts.password is not None:
        raise Refused("invalid", "a password does not belong into the name of a box", form)
    whole = parts.scheme == "ssh" and parts.path in ("", "/") and not parts.query and not parts.fragment
    known = server is not None and _HOST.fullmatch(server) and (user is None or _USER.fullmatch(user))
    if not (whole and known and server):
        raise Refused("invalid", f"{box!r} names no box", form)
    # As it was written: ssh's settings may tell one spelling of a name from another.
    named = re.search(re.escape(server), box.partition("//")[2], re.IGNORECASE)
    return Ssh(named[0] if named else server, user, port)
