"""Files that are handed to a session, on a real disk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from supervisor.core.uploads import UPLOADS_MAX
from supervisor.sessions.uploads import AT_ONCE, HALF, Uploads, tidy
from workers.errors import Refused


class Roomy:
    async def check(self) -> None:
        await trio.lowlevel.checkpoint()


class Full:
    async def check(self) -> None:
        raise Refused("disk_full", "no room", "rc df")


async def pieces(*octets: bytes) -> AsyncIterator[bytes]:
    for each in octets:
        await trio.lowlevel.checkpoint()
        yield each


async def refused(uploads: Uploads, bundle: Path, name: str = "a", *octets: bytes) -> str:
    with pytest.raises(Refused) as caught:
        await uploads.keep(str(bundle), name, pieces(*octets))
    return caught.value.code


async def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    uploads = Uploads(Roomy())
    kept = await uploads.keep(str(tmp_path), "a b.txt", pieces(b"one", b"", b"two"))
    assert (kept.size, kept.created, kept.path) == (6, True, str(tmp_path / "uploads" / "a b.txt"))
    assert Path(kept.path).read_bytes() == b"onetwo"
    assert Path(kept.path).stat().st_mode & 0o777 == 0o600
    again = await uploads.keep(str(tmp_path), "a b.txt", pieces())
    assert (again.size, again.created) == (0, False)
    assert os.listdir(tmp_path / "uploads") == ["a b.txt"]


async def test_what_is_not_whole_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    uploads = Uploads(Roomy())
    await uploads.keep(str(tmp_path), "a", pieces(b"old"))

    async def fails() -> AsyncIterator[bytes]:
        yield b"new"
        raise Refused("too_large", "too much", "less")

    with pytest.raises(Refused, match="too much"):
        await uploads.keep(str(tmp_path), "a", fails())

    async def hangs() -> AsyncIterator[bytes]:
        yield b"new"
        assert len(os.listdir(tmp_path / "uploads")) == 2
        await trio.sleep_forever()

    with trio.move_on_after(0.05):
        await uploads.keep(str(tmp_path), "a", hangs())
    assert os.listdir(tmp_path / "uploads") == ["a"]
    assert (tmp_path / "uploads" / "a").read_bytes() == b"old"


async def test_what_a_crash_left_half_is_removed_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "session_a" / "uploads"
    folder.mkdir(parents=True)
    (folder / f"{HALF}0123").write_bytes(b"half")
    (folder / "whole").write_bytes(b"whole")
    (tmp_path / "session_b").mkdir()
    (tmp_path / "session_c").symlink_to(folder.parent)
    (tmp_path / "file").touch()
    tidy(str(tmp_path))
    assert os.listdir(folder) == ["whole"]


async def test_only_so_many_are_written_at_once(tmp_path: Path) -> None:
    uploads, finish = Uploads(Roomy()), trio.Event()

    async def waits() -> AsyncIterator[bytes]:
        yield b"x"
        await finish.wait()

    async with trio.open_nursery() as nursery:
        for number in range(AT_ONCE):
            nursery.start_soon(uploads.keep, str(tmp_path), str(number), waits())
        while len(os.listdir(tmp_path / "uploads") if (tmp_path / "uploads").exists() else []) < AT_ONCE:
            await trio.lowlevel.checkpoint()
        assert await refused(uploads, tmp_path) == "rate_limited"
        finish.set()
    assert (await uploads.keep(str(tmp_path), "a", pieces())).created


async def test_a_session_keeps_only_so_many(tmp_path: Path) -> None:
    uploads = Uploads(Roomy())
    (tmp_path / "uploads").mkdir()
    for number in range(UPLOADS_MAX):
        (tmp_path / "uploads" / str(number)).touch()
    assert await refused(uploads, tmp_path) == "too_large"
    assert not (await uploads.keep(str(tmp_path), "0", pieces())).created


async def test_a_bad_name_and_a_full_disk_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    assert await refused(Uploads(Roomy()), tmp_path, "../a") == "invalid"
    assert await refused(Uploads(Full()), tmp_path) == "disk_full"
    assert os.listdir(tmp_path) == []


async def test_what_somebody_put_in_the_place_is_not_followed(tmp_path: Path) -> None:
    uploads, outside = Uploads(Roomy()), tmp_path / "outside"
    outside.mkdir()
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "uploads").symlink_to(outside)
    assert await refused(uploads, bundle, "a", b"x") == "invalid_state"
    assert os.listdir(outside) == []
    (bundle / "uploads").unlink()
    (bundle / "uploads").mkdir()
    (bundle / "uploads" / "a").mkdir()
    assert await refused(uploads, bundle, "a", b"x") == "invalid_state"
    (bundle / "uploads" / "b").symlink_to(outside / "victim")
    assert not (await uploads.keep(str(bundle), "b", pieces(b"x"))).created  # the link is replaced
    assert os.listdir(outside) == []
    assert sorted(os.listdir(bundle / "uploads")) == ["a", "b"]
