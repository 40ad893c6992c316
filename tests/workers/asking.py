"""Asking inspectors as the supervisor does, through a zygote; and a repository with a tree to ask about."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from supervisor.sessions.launcher import start_zygote

QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "ana",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_COMMITTER_NAME": "ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
    "GIT_TERMINAL_PROMPT": "0",
    "PAGER": "cat",
    "TERM": "dumb",
}


class Zygote:
    """A real one, as long as the block lasts."""

    def __init__(self) -> None:
        self._child, self._control = start_zygote()
        self._control.setblocking(True)

    def close(self) -> None:
        self._control.close()
        self._child.wait(10)

    def hand_over(self, wish: dict[str, Any]) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [json.dumps(wish).encode()], [theirs.fileno()])
        return ours

    @contextlib.asynccontextmanager
    async def stream(self, wish: dict[str, Any]) -> AsyncIterator[trio.SocketStream]:
        """In the place of a launcher's `ask`, where starting a zygote for each test would take too long."""
        async with trio.SocketStream(trio.socket.from_stdlib_socket(self.hand_over(wish))) as stream:
            yield stream

    def ask(self, question: dict[str, Any], seconds: float = 20.0, body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """The JSON and the content of an inspector's answer; {} when it left without a word."""
        with self.hand_over({"do": "inspect", "question": question, "deadline": seconds}) as line:
            line.sendall(body)
            said = bytearray()
            while data := line.recv(1 << 16):
                said += data
        frames = list(cut(bytes(said)))
        return (json.loads(frames[0]) if frames else {}), b"".join(frames[1:])


@contextlib.contextmanager
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    try:
        yield made
    finally:
        made.close()


def has_ended(pid: int | str) -> bool:
    """Whether a process runs no more; one that nobody has waited for yet does not run either."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def cut(said: bytes) -> Iterator[bytes]:
    """The frames of an answer."""
    while said:
        (length,) = struct.unpack_from(">I", said)
        yield said[4 : 4 + length]
        said = said[4 + length :]


class Heard:
    """What a question was answered with; a Reply within one process."""

    def __init__(self, body: bytes = b"") -> None:
        self.told: dict[str, Any] = {}
        self.octets = b""
        self._body = body

    def tell(self, value: dict[str, Any]) -> None:
        self.told = json.loads(json.dumps(value))

    def content(self, data: bytes) -> None:
        self.octets += data

    def receive(self, size: int) -> bytes:
        if len(self._body) < size:
            raise ConnectionAbortedError("the asker is gone")
        return self._body[:size]


@dataclass(frozen=True)
class Ground:
    """A repository with a commit, a linked worktree on branch `rc/fix`, a home, and a directory for shadows."""

    top: Path

    @property
    def repository(self) -> Path:
        return self.top / "repository"

    @property
    def tree(self) -> Path:
        return self.top / "tree"

    @property
    def gitdir(self) -> Path:
        return self.repository / ".git" / "worktrees" / "tree"

    @property
    def scratch(self) -> Path:
        return self.top / "scratch"

    @property
    def base(self) -> str:
        return self.git("rev-parse", "base", at=self.repository).strip()

    def git(self, *arguments: str, at: Path | None = None, check: bool = True, stdin: str | None = None) -> str:
        """Git as anybody would call it there, with the configuration that it finds; HOME is the ground's own."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.top / "home"), **QUIET}
        ran = subprocess.run(
            ["git", *arguments], cwd=at or self.tree, env=env, capture_output=True, text=True, input=stdin or ""
        )
        assert not check or ran.returncode == 0, ran.stderr
        return ran.stdout

    def git_on_terminal(self, *arguments: str) -> None:
        """The same as somebody in front of a terminal calls it, whatever comes of it."""
        ours, theirs = os.openpty()
        env = {"PATH": os.environ["PATH"], "HOME": str(self.top / "home"), **QUIET}
        null = subprocess.DEVNULL
        subprocess.run(["git", *arguments], cwd=self.tree, env=env, stdin=null, stdout=theirs, stderr=null, timeout=20)
        for descriptor in (ours, theirs):
            os.close(descriptor)

    def commit(self, name: str = "more", at: Path | None = None) -> str:
        ((at or self.tree) / name).write_text(name)
        self.git("add", name, at=at)
        self.git("commit", "-q", "-m", name, at=at)
        return self.git("rev-parse", "HEAD", at=at).strip()

    def gate(self, **other: Any) -> dict[str, Any]:
        """The question of the gate."""
        return {
            "do": "gate",
            "tree": str(self.tree),
            "registered": str(self.tree),
            "gitdir": str(self.gitdir),
            "common": str(self.repository / ".git"),
            "branch": "rc/fix",
            "base_commit": self.base,
            "base_ref": "main",
            "scratch": str(self.scratch),
            **other,
        }

    def diff(self, **other: Any) -> dict[str, Any]:
        """The question of a diff against the base."""
        question = {"do": "diff", "root": str(self.tree), "gitdir": str(self.gitdir), "against": self.base}
        return {**question, "scratch": str(self.scratch), **other}

    def left(self) -> list[str]:
        """What inspectors have left behind."""
        return os.listdir(self.scratch)


def lay(top: Path) -> Ground:
    """A new ground."""
    ground = Ground(top)
    for folder in ("home", "scratch", "repository/d"):
        (top / folder).mkdir(parents=True)
    ground.git("init", "-q", "-b", "main", at=ground.repository)
    for name in ("a", "b", "d/c"):
        (ground.repository / name).write_text(f"{name}\n")
    (ground.repository / ".gitignore").write_text("*.log\n")
    ground.git("add", ".", at=ground.repository)
    ground.git("commit", "-q", "-m", "begin", at=ground.repository)
    ground.git("tag", "base", at=ground.repository)
    ground.git("worktree", "add", "-q", "-b", "rc/fix", str(ground.tree), at=ground.repository)
    return ground


def copy(ground: Ground, top: Path) -> Ground:
    """Another one like it, for a fraction of the time."""
    # The times of the files go along, and copy2 cannot take the change times: git looks at them again and is content.
    shutil.copytree(ground.top, top, symlinks=True, dirs_exist_ok=True)
    new = Ground(top)
    (new.tree / ".git").write_text(f"gitdir: {new.gitdir}\n")
    (new.gitdir / "gitdir").write_text(f"{new.tree}/.git\n")
    return new
