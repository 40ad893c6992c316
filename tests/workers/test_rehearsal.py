from __future__ import annotations

import os
from pathlib import Path

from supervisor.sessions.launcher import start_zygote
from tests.waiting import until
from tests.workers.parts import SECONDS, Workers, Zygote


class Rehearsed(Zygote):
    """A zygote that has a scratch directory."""

    def __init__(self, scratch: Path) -> None:
        self.process, self.control = start_zygote(str(scratch))
        self.control.setblocking(True)


def private_octets(pid: int) -> int:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Private_"))


def test_a_rehearsal_leaves_one_thread_and_nothing_of_it_on_disk(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    zygote = Rehearsed(scratch)
    workers = Workers(zygote, tmp_path)
    _, us = workers.run("cat")
    assert [path.name for path in scratch.iterdir()] == ["zygote.log"]
    assert os.listdir(f"/proc/{zygote.process.pid}/task") == [str(zygote.process.pid)]
    us.look()
    us.type(b"hello\r")
    us.see(b"hello\r\nhello")
    if os.getuid() == 0:  # nobody else may look into a worker's memory
        assert private_octets(us.state["worker_pid"]) < 3_000_000
        assert len(os.listdir(f"/proc/{zygote.process.pid}/fd")) == 4
    us.command("stop")
    us.hear_state("exited")
    zygote.close()
    workers.close()


def test_what_a_killed_rehearsal_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".rehearsal"
    left.mkdir()
    (left / "exit.json").write_text("{}")
    (left / "events-1.j").write_bytes(b"torn")
    zygote = Rehearsed(tmp_path)
    until(lambda: not left.exists())
    zygote.close()


def test_a_scratch_directory_that_cannot_be_used_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    zygote = Rehearsed(tmp_path / "file")
    workers = Workers(zygote, tmp_path)
    assert workers.run("cat")[1].state["worker_pid"]
    zygote.close()
    workers.close()


def test_a_zygote_that_rehearses_ends_with_its_supervisor(tmp_path: Path) -> None:
    zygote = Rehearsed(tmp_path)
    zygote.control.close()
    assert zygote.process.wait(SECONDS) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["zygote.log"]
