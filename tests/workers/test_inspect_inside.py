"""Processes are found in a tree by everything that holds them there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from workers.inspect_inside import sitting


@contextmanager
def running(*argv: str, cwd: Path | str = "/") -> Iterator[int]:
    """A process that has said that it is ready."""
    with subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            yield child.pid
        finally:
            child.kill()


def how(tree: Path, pid: int) -> str | None:
    return next((one["how"] for one in sitting(str(tree))["found"] if one["pid"] == pid), None)


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", f"import os, time\n{code}\nprint(flush=True)\ntime.sleep(1000)"


def test_an_empty_tree_holds_nobody(tmp_path: Path) -> None:
    assert sitting(str(tmp_path)) == {"count": 0, "found": []}


def test_a_directory_an_open_file_and_a_mapped_file_hold_a_process(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").write_text("x" * 10_000)
    file = tmp_path / "file"
    with running(*python(""), cwd=tmp_path / "sub") as pid:
        assert how(tmp_path, pid) == "works in it"
    with running(*python(f"f = open({str(file)!r})")) as pid:
        assert how(tmp_path, pid) == "has a file of it open"
    mapping = f"import mmap\nf = open({str(file)!r}, 'rb')\nm = mmap.mmap(f.fileno(), 0, prot=1)"
    with running(*python(f"{mapping}\nos.closerange(3, 100)")) as pid:
        assert how(tmp_path, pid) == "has a file of it mapped"


def test_a_program_that_lies_in_the_tree_holds_a_process(tmp_path: Path) -> None:
    program = shutil.copy("/bin/sh", tmp_path / "program")
    with running(str(program), "-c", "echo; read x") as pid:
        assert how(tmp_path, pid) == "runs a program of it"


def test_a_neighbour_with_a_longer_name_is_not_inside(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree2").mkdir()
    with running(*python(""), cwd=tmp_path / "tree2") as pid:
        assert how(tmp_path / "tree", pid) is None
        assert how(tmp_path / "tree2", pid) == "works in it"


def test_who_was_in_the_tree_when_it_was_renamed_is_still_in_it(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with running(*python(""), cwd=tmp_path / "tree") as pid:
        (tmp_path / "tree").rename(tmp_path / "trash")
        assert how(tmp_path / "trash", pid) == "works in it"


def test_a_process_that_has_ended_but_was_not_waited_for_is_nowhere(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"], cwd=tmp_path)
    until(lambda: ") Z " in Path(f"/proc/{child.pid}/stat").read_text())
    assert how(tmp_path, child.pid) is None
    child.wait()


def _namespaces() -> bool:
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not _namespaces(), reason="this machine forbids namespaces of an account's own")
def test_mounts_of_its_own_do_not_hide_a_process(tmp_path: Path) -> None:
    for name in ("tree/sub", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    enter = f"mount --bind {tmp_path}/tree {tmp_path}/elsewhere && cd {tmp_path}/elsewhere/sub"
    script = f"{enter} && umount -l {tmp_path}/elsewhere && echo && exec sleep 1000"
    with running("unshare", "-rm", "sh", "-c", script) as pid:
        shown = os.readlink(f"/proc/{pid}/cwd")
        assert not shown.startswith(str(tmp_path))
        assert how(tmp_path / "tree", pid) == "works in it"
