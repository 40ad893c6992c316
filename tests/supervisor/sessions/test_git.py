"""Git is run scrubbed, alone in its group, and under a deadline."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
import trio

from supervisor.sessions import git
from tests.gitrepos import alive, repository
from tests.waiting import until
from workers.errors import Refused


def test_what_steers_git_stays_outside() -> None:
    outside = {"GIT_DIR": "/x", "GIT_SSH_COMMAND": "evil", "SSH_ASKPASS": "/x", "HOME": "/h", "LC_ALL": "de_DE"}
    inside = git.environment(outside)
    assert "GIT_DIR" not in inside and "GIT_SSH_COMMAND" not in inside and "SSH_ASKPASS" not in inside
    assert inside["HOME"] == "/h"
    assert (inside["LC_ALL"], inside["GIT_TERMINAL_PROMPT"], inside["GIT_OPTIONAL_LOCKS"]) == ("C", "0", "0")


async def test_an_answer_comes_with_its_exit_code_and_its_lines(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    ran = await git.run("ls-files", cwd=str(path))
    assert (ran.code, ran.lines) == (0, ["README", "sub/deep/file"])
    ran = await git.run("hash-object", "--stdin", cwd=str(path), stdin=b"hello\n")
    assert ran.lines == ["ce013625030ba8dba906f756967f9e9ca394464a"]


async def test_a_failure_carries_the_words_of_git(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    with pytest.raises(Refused) as refusal:
        await git.succeed("rev-parse", "--verify", "nothing", cwd=str(path))
    assert refusal.value.code == "git_failed"
    assert refusal.value.detail == "git rev-parse: Needed a single revision"
    assert refusal.value.fields == {"stderr": "fatal: Needed a single revision\n"}


def test_a_project_that_is_read_only_is_named_as_the_cause() -> None:
    words = "fatal: cannot lock ref: Unable to create 'x.lock': Read-only file system\n"
    refused = git.failure(git.Ran("update-ref", 128, b"", words), "/")
    assert refused.detail == "git update-ref: / is on a file system that is read-only"
    assert refused.hint == "make / writable, and try again"


async def test_a_directory_that_is_gone_is_told_from_a_git_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        await git.run("version", cwd=str(tmp_path / "gone"))
    assert refusal.value.code == "project_gone"
    with pytest.raises(Refused) as refusal:
        await git.run("version", cwd=str(tmp_path), env={"PATH": str(tmp_path)})
    assert refusal.value.code == "git_failed"
    assert "install git" in refusal.value.hint


def hanging(note: Path) -> tuple[str, ...]:
    """A git that hangs with a child which does not hear SIGTERM; the child writes its number to `note`."""
    script = f"trap '' TERM; echo $$ > {note}.new; mv {note}.new {note}; while :; do sleep 100 & wait; done"
    return ("-c", f'alias.hang=!sh -c "{script.replace("$", chr(92) + "$")}"', "hang")


async def test_past_its_deadline_the_whole_group_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(Refused, match="it took longer than"):
        await git.run(*hanging(note), cwd=str(tmp_path), seconds=0.2)
    assert not alive(int(note.read_text()))


async def test_when_cancelled_it_returns_after_the_whole_group_has_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with trio.open_nursery() as nursery:

        async def cancel_when_it_hangs() -> None:
            await trio.to_thread.run_sync(until, note.exists)
            nursery.cancel_scope.cancel()

        nursery.start_soon(cancel_when_it_hangs)
        await git.run(*hanging(note), cwd=str(tmp_path))
    assert not alive(int(note.read_text()))


async def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="it wrote more than 4 MiB"):
        await git.run("-c", "alias.flood=!yes", "flood", cwd=str(tmp_path))


async def test_of_long_complaints_the_end_is_kept(tmp_path: Path) -> None:
    ran = await git.run("-c", "alias.moan=!seq 10000 >&2; exit 3", "moan", cwd=str(tmp_path))
    assert ran.code == 3
    assert len(ran.errors) == git.ERRORS_KEPT and ran.errors.endswith("10000\n")


async def test_a_daemon_that_keeps_the_pipes_open_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    began = time.monotonic()
    ran = await git.run("-c", f"alias.leave=!sleep 60 & echo $! > {note}; echo done", "leave", cwd=str(tmp_path))
    os.kill(int(note.read_text()), 9)
    assert ran.lines == ["done"]
    assert time.monotonic() - began < 5


async def test_a_git_that_reads_no_further_says_why_itself(tmp_path: Path) -> None:
    ran = await git.run("-c", "alias.deaf=!exit 4", "deaf", cwd=str(tmp_path), stdin=b"x" * 1_000_000)
    assert ran.code == 4


async def test_a_descriptor_that_git_holds_is_open_in_its_children(tmp_path: Path) -> None:
    file = os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        ran = await git.run("-c", f"alias.look=!readlink /proc/self/fd/{file}", "look", cwd=str(tmp_path), holds=file)
    finally:
        os.close(file)
    assert ran.lines == [str(tmp_path / "held")]


@pytest.mark.parametrize(
    ("code", "errors", "cause"),
    [
        (128, "warning: x\nerror: first\nfatal: the reason\n", "the reason"),
        (1, "error: second best\nhint: no\n", "second best"),
        (1, "something\nlast words\n", "last words"),
        (-9, "", "it was ended by SIGKILL"),
        (3, "", "it ended with 3"),
    ],
)
def test_the_cause_is_one_line(code: int, errors: str, cause: str) -> None:
    assert git.cause(git.Ran("fetch", code, b"", errors)) == cause


def test_a_full_disk_has_its_own_code(tmp_path: Path) -> None:
    ran = git.Ran("read-tree", 128, b"", "error: unable to write file a: No space left on device\n")
    assert git.failure(ran, str(tmp_path)).code == "disk_full"
    assert git.failure(git.Ran("read-tree", 128, b"", ""), str(tmp_path / "gone")).code == "git_failed"
    assert git.refused_by(OSError(errno.ENOSPC, "No space left on device"), "move it").code == "disk_full"
    refusal = git.refused_by(OSError(errno.EROFS, "Read-only file system"), "move it")
    assert (refusal.code, refusal.detail) == ("git_failed", "cannot move it: Read-only file system")


def disk(blocks: int, room: int, files: int, names: int) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, blocks, room, room, files, names, names, 0, 255))


def test_a_disk_without_room_is_seen_where_git_does_not_say_so() -> None:
    assert git.is_full(disk(1000, 0, 100, 10))
    assert git.is_full(disk(1000, 16, 100, 10))
    assert git.is_full(disk(1000, 500, 100, 0))
    assert not git.is_full(disk(1000, 17, 100, 1))


def test_a_disk_that_tells_nothing_of_its_room_is_not_full() -> None:
    assert not git.is_full(disk(0, 0, 0, 0))


async def test_what_runs_in_the_background_lets_others_go_first(tmp_path: Path) -> None:
    how = "alias.how=!cat >/dev/null; nice"  # the input ends when git has been told its place
    usual, behind = [
        await git.run("-c", how, "how", cwd=str(tmp_path), stdin=b"", background=background)
        for background in (False, True)
    ]
    assert int(behind.output) - int(usual.output) == git.NICE
