"""Questions through a real zygote, and answers that nobody should believe."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.core.answers import Listing
from supervisor.core.gate import reasons
from supervisor.sessions.inspect import MAX_TOLD, Content, Inspector, Place
from supervisor.sessions.launcher import Launcher
from tests.workers.asking import Ground
from workers.errors import Broken, Refused


@pytest.fixture
async def inspector(nursery: trio.Nursery, tmp_path: Path) -> Inspector:
    launcher = Launcher()
    await nursery.start(launcher.run)
    return Inspector(launcher.ask, str(tmp_path / "scratch"))


def place(ground: Ground) -> Place:
    where = str(ground.tree)
    common = str(ground.repository / ".git")
    return Place(where, where, str(ground.gitdir), common, "rc/fix", ground.base, "main")


async def test_the_gate_is_asked_and_its_facts_come_back(inspector: Inspector, ground: Ground) -> None:
    assert reasons(await inspector.gate(place(ground))) == []
    (ground.tree / "new").touch()
    assert [reason.code for reason in reasons(await inspector.gate(place(ground)))] == ["untracked"]


async def test_a_diff_comes_with_its_patch(inspector: Inspector, ground: Ground) -> None:
    (ground.tree / "a").write_bytes(b"\xff\n")
    diff = await inspector.diff(str(ground.tree), str(ground.gitdir), ground.base)
    assert [(file.path, file.status) for file in diff.files] == [("a", "M")]
    assert "+\ufffd\n" in diff.patch
    assert not diff.truncated


async def test_files_are_listed_read_and_written(inspector: Inspector, ground: Ground) -> None:
    root = str(ground.tree)
    body = os.urandom(600_000)
    written = await inspector.write(root, "d/new", body, 0o755)
    assert (written.size, written.created, written.mode) == (len(body), True, 0o755)
    async with inspector.files(root, "d/new") as found:
        assert isinstance(found, Content)
        assert b"".join([chunk async for chunk in found.chunks()]) == body
    async with inspector.files(root, "d/new", (None, 3)) as found:
        assert isinstance(found, Content)
        assert b"".join([chunk async for chunk in found.chunks()]) == body[-3:]
    async with inspector.files(root, "d") as found:
        assert isinstance(found, Listing)
        assert [entry.name for entry in found.entries] == ["c", "new"]


async def test_usage_is_counted(inspector: Inspector, ground: Ground) -> None:
    octets, whole = await inspector.usage(str(ground.tree))
    assert octets > 0
    assert whole


async def test_a_refusal_of_the_inspector_is_ours(inspector: Inspector, ground: Ground) -> None:
    with pytest.raises(Refused) as caught:
        await inspector.diff(str(ground.top / "home"), None, None)
    assert caught.value.code == "not_a_repository"
    with pytest.raises(Refused) as caught:
        async with inspector.files(str(ground.tree), "../x"):
            pass
    assert caught.value.code == "invalid"
    with pytest.raises(Refused) as caught:
        await inspector.write(str(ground.tree), "none/x", b"x" * 1_000_000)
    assert caught.value.code == "not_found"


async def test_a_tree_that_cannot_be_looked_at_is_unreadable_for_the_gate(inspector: Inspector, ground: Ground) -> None:
    (ground.gitdir / "HEAD").write_text("nonsense")
    assert [reason.code for reason in reasons(await inspector.gate(place(ground)))] == ["unreadable"]


async def test_what_a_killed_inspector_has_left_is_swept_away(inspector: Inspector, tmp_path: Path) -> None:
    await inspector.sweep()  # nothing there yet
    (tmp_path / "scratch" / "inspect-1" / "objects").mkdir(parents=True)
    (tmp_path / "scratch" / "inspect-1" / "index").touch()
    await inspector.sweep()
    assert os.listdir(tmp_path / "scratch") == []


class Liar:
    """In the place of a launcher: hands out streams on which somebody else has answered."""

    def __init__(self, nursery: trio.Nursery, said: bytes, *, ends: bool = True) -> None:
        self._nursery = nursery
        self._said = said
        self._ends = ends

    @contextlib.asynccontextmanager
    async def ask(self, wish: dict[str, object]) -> AsyncIterator[trio.SocketStream]:
        ours, theirs = trio.socket.socketpair()
        self._nursery.start_soon(self._speak, trio.SocketStream(theirs))
        async with trio.SocketStream(ours) as stream:
            yield stream

    async def _speak(self, stream: trio.SocketStream) -> None:
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(self._said)
            if not self._ends:
                await trio.sleep_forever()


def frame(*pieces: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(piece)) + piece for piece in pieces)


def told(value: object) -> bytes:
    return frame(json.dumps(value).encode())


LIES = {
    "nothing": b"",
    "half a length": b"\0\0",
    "half a frame": b"\0\0\0\x09{}",
    "a frame of 4 GiB": b"\xff\xff\xff\xff",
    "a frame too long": struct.pack(">I", MAX_TOLD + 1),
    "no JSON": frame(b"nonsense"),
    "a list": told([]),
    "a tower": frame(b"[" * 100_000),
    "another kind": told({"gate": {}}),
    "a diff of another form": told({"diff": {"files": [1], "truncated": False}}),
    "an error of another form": told({"error": {"code": "unauthenticated", "detail": "x", "hint": "x"}}),
    "a patch without end": told({"diff": {"files": [], "truncated": False}}) + frame(*[b"x" * (1 << 18)] * 9),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_of_another_form_is_refused(lie: str, nursery: trio.Nursery, tmp_path: Path) -> None:
    inspector = Inspector(Liar(nursery, LIES[lie]).ask, str(tmp_path / "scratch"))
    with pytest.raises(Refused) as caught:
        await inspector.diff("/x", None, None)
    assert caught.value.code == "git_failed"


async def test_a_lie_about_the_gate_keeps_the_tree(nursery: trio.Nursery, tmp_path: Path) -> None:
    asked = Place("/x", "/x", None, "/x", "rc/x", "1" * 40, None)
    for lie in LIES.values():
        inspector = Inspector(Liar(nursery, lie).ask, str(tmp_path / "scratch"))
        assert [reason.code for reason in reasons(await inspector.gate(asked))] == ["unreadable"]


async def test_content_that_is_not_what_was_announced_is_broken(nursery: trio.Nursery, tmp_path: Path) -> None:
    announced = told({"file": {"size": 10, "start": 0, "end": 10, "mode": 1, "modified_ns": 1}})
    for content in (b"", frame(b"short"), frame(b"much too long")):
        inspector = Inspector(Liar(nursery, announced + content).ask, str(tmp_path / "scratch"))
        async with inspector.files("/x", "y") as found:
            assert isinstance(found, Content)
            with pytest.raises(Broken):
                assert [chunk async for chunk in found.chunks()] == []


async def test_silence_ends_in_time(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    inspector = Inspector(Liar(nursery, b"", ends=False).ask, str(tmp_path / "scratch"))
    for question in (inspector.diff("/x", None, None), inspector.usage("/x"), inspector.write("/x", "y", b"z")):
        with pytest.raises(Refused, match="within") as caught:
            await question
        assert caught.value.code == "git_failed"


async def test_without_a_zygote_it_is_not_ready(tmp_path: Path) -> None:
    @contextlib.asynccontextmanager
    async def nobody(wish: dict[str, object]) -> AsyncIterator[trio.SocketStream]:
        raise Broken("the process that starts workers does not come up")
        yield

    with pytest.raises(Refused) as caught:
        await Inspector(nobody, str(tmp_path / "scratch")).usage("/x")
    assert caught.value.code == "not_ready"
