"""Questions about trees, put to inspectors. What comes back was made by a process among hostile files: it is checked.

The counterpart is `workers.inspector`, where questions and frames are described.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
import trio

from supervisor.core.answers import Change, Entry, FileFacts, Listing, changes, file_facts, listing, refusal, usage
from supervisor.core.gate import GateFacts
from supervisor.sessions.removal import remove
from workers.errors import Broken, Refused

Ask = Callable[[dict[str, object]], AbstractAsyncContextManager[trio.SocketStream]]

LENGTH = struct.Struct(">I")
MAX_TOLD = 16 << 20  # the JSON of 5,000 files whose names take a MiB, each octet of them spelled as `\\xff`
MAX_CONTENT = 1 << 18  # a frame of content
MAX_PATCH = 2 << 20
RECEIVE = 1 << 16
GRACE = 5.0  # for the fork and the last words, beyond the deadline that the inspector keeps by itself
DEADLINES = {"gate": 120.0, "diff": 30.0, "files": 15.0, "write": 30.0, "usage": 60.0}
AT_ONCE = 8  # inspectors that look at whole trees; a few may hang on a FIFO until their deadline
RETRY = "try again; `rc doctor` looks at the box"

Value = TypeVar("Value")
log = structlog.get_logger()

__all__ = ["Ask", "Change", "Content", "Diff", "Entry", "FileFacts", "Inspector", "Listing", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A session's own worktree, as an inspector needs to know it.

    `tree` is where it is now, `registered` where git thinks that it is. `gitdir` is its registration, None when the
    repository has none; `common` the repository's git directory.
    """

    tree: str
    registered: str
    gitdir: str | None
    common: str
    branch: str
    base_commit: str
    base_ref: str | None


@dataclass(frozen=True, slots=True)
class Diff:
    """Changed files, and the patch; `truncated` when either is cut."""

    files: tuple[Change, ...]
    patch: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class Content:
    """An open file of a tree: `facts` at once, its octets (from `facts.start` to `facts.end`) by `chunks`."""

    facts: FileFacts
    _frames: Frames

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What there is of it. Raises Broken when it became shorter meanwhile, or its reader went away."""
        left = self.facts.end - self.facts.start
        while left > 0:
            data = await self._frames.next()
            if not 0 < len(data) <= left:
                raise Broken("the file changed its length while it was read")
            left -= len(data)
            yield data


class Inspector:
    """Asks through `ask` (the launcher's). `scratch` is a directory that inspectors may fill for a moment.

    All methods raise Refused: the inspector's own, `not_ready` when none comes up, `git_failed` when it does not keep
    to its form or its time.
    """

    def __init__(self, ask: Ask, scratch: str) -> None:
        self._ask = ask
        self._scratch = scratch
        self._places = trio.CapacityLimiter(AT_ONCE)

    async def gate(self, place: Place) -> GateFacts:
        """What speaks against taking this tree away. Never raises Refused: what went wrong is `unreadable`."""
        question = {key: getattr(place, key) for key in Place.__slots__}
        try:
            return await self._once("gate", question, GateFacts.from_json)
        except Refused as refused:
            return GateFacts(unreadable=(refused.detail,))

    async def diff(self, workspace: str, gitdir: str | None, against: str | None) -> Diff:
        """What the tree changed against a commit; None: HEAD. `gitdir` None: the repository around the workspace."""
        question = {"root": workspace, "gitdir": gitdir, "against": against}
        async with self._places, self._asking("diff", question) as frames:
            with _patience("diff"):
                files, truncated = _formed(changes, (await frames.told("diff"))["diff"])
                patch = bytearray()
                while data := await frames.next():
                    patch += data
                    if len(patch) > MAX_PATCH:
                        raise _formless()
        return Diff(files, patch.decode(errors="replace"), truncated)

    @contextlib.asynccontextmanager
    async def files(
        self, workspace: str, path: str, span: tuple[int | None, int | None] | None = None
    ) -> AsyncIterator[Listing | Content]:
        """A directory's entries, or an open file. `span` is the first and the last octet (None: to the end), or None
        and how many at the end; behind the end it is refused as `invalid` with the `size`.

        No cancel scope is open while this waits for its block, so the block may end in another task.
        """
        question = {"root": workspace, "path": path, "range": None if span is None else list(span)}
        async with self._asking("files", question) as frames:
            with _patience("files"):
                told = await frames.told("directory", "file")
            if "directory" in told:
                yield _formed(listing, told["directory"])
            else:
                yield Content(_formed(file_facts, told["file"]), frames)

    async def write(self, workspace: str, path: str, body: bytes, mode: int | None = None) -> FileFacts:
        """Put a file there, whole or not at all."""
        question = {"root": workspace, "path": path, "size": len(body), "mode": mode}
        async with self._asking("write", question) as frames:
            with _patience("write"):
                await frames.send(body)
                return _formed(file_facts, (await frames.told("written"))["written"])

    async def usage(self, directory: str) -> tuple[int, bool]:
        """Octets that a directory takes on the disk, and whether all of it could be looked at."""
        return await self._once("usage", {"root": directory}, usage)

    async def sweep(self) -> None:
        """At the start: take away what inspectors that were killed have left in `scratch`."""
        await trio.to_thread.run_sync(_sweep, self._scratch)

    async def _once(self, do: str, question: Mapping[str, object], form: Callable[[Any], Value]) -> Value:
        async with self._places, self._asking(do, question) as frames:
            with _patience(do):
                return _formed(form, (await frames.told(do))[do])

    @contextlib.asynccontextmanager
    async def _asking(self, do: str, question: Mapping[str, object]) -> AsyncIterator[Frames]:
        await trio.to_thread.run_sync(_make_directory, self._scratch)
        full = {"do": do, "scratch": self._scratch, **question}
        async with contextlib.AsyncExitStack() as stack:
            wish = {"do": "inspect", "question": full, "deadline": DEADLINES[do]}
            try:
                stream = await stack.enter_async_context(self._ask(wish))
            except Broken as error:
                raise Refused("not_ready", str(error), RETRY) from error
            yield Frames(stream)


@contextlib.contextmanager
def _patience(do: str) -> Iterator[None]:
    try:
        with trio.fail_after(DEADLINES[do] + GRACE):
            yield
    except trio.TooSlowError as error:
        raise Refused("git_failed", f"the tree gave no answer within {DEADLINES[do]:g} seconds", RETRY) from error


class Frames:
    """Frames of an answer, one after the other."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """What the question goes on with; who refuses it needs not read it."""
        with contextlib.suppress(trio.BrokenResourceError):
            await self._stream.send_all(data)

    async def told(self, *kinds: str) -> dict[str, Any]:
        """The JSON frame, with one of these keys. Raises Refused: the inspector's, or `git_failed` for another form."""
        try:
            value = json.loads(await self.next(MAX_TOLD))
        except (ValueError, RecursionError) as error:
            raise _formless() from error
        if isinstance(value, dict) and "error" in value:
            raise _formed(refusal, value["error"])
        if not isinstance(value, dict) or not any(kind in value for kind in kinds):
            raise _formless()
        return value

    async def next(self, most: int = MAX_CONTENT) -> bytes:
        """The next frame, of at most `most` octets; empty at the end, also at one that comes too early."""
        if not await self._have(LENGTH.size):
            return b""
        (length,) = LENGTH.unpack_from(self._buffer)
        if length > most:
            raise _formless()
        if not await self._have(LENGTH.size + length):
            return b""
        frame = bytes(self._buffer[LENGTH.size : LENGTH.size + length])
        del self._buffer[: LENGTH.size + length]
        return frame

    async def _have(self, size: int) -> bool:
        while len(self._buffer) < size:
            try:
                data = await self._stream.receive_some(RECEIVE)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                return False
            self._buffer += data
        return True


def _formed(form: Callable[[Any], Value], value: Any) -> Value:
    try:
        return form(value)
    except ValueError as error:
        raise _formless() from error


def _formless() -> Refused:
    return Refused("git_failed", "the inspector left without an answer that can be understood", RETRY)


def _sweep(scratch: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(scratch):
            removed = remove(scratch, name)
            if removed.left:
                log.warning("scratch_left", left=removed.left)


def _make_directory(path: str) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)
