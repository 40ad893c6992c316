import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.statelock import make_state_dir, take_lock
from tests.waiting import until
from workers.errors import Refused

HOLD = (
    "import sys, signal; from supervisor.statelock import take_lock; take_lock(sys.argv[1], take_over=False);"
    "print('held', flush=True); signal.pause()"
)


def holder(state_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(state_dir)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    child.stdout.close()
    return child


def test_a_state_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    make_state_dir(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["sessions", "trash", "worktrees"]


def test_a_path_too_long_for_a_socket_is_refused_before_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 30)
    with pytest.raises(Refused, match="socket"):
        make_state_dir(str(path))
    assert not path.exists()


def test_a_file_in_the_way_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(Refused, match="state cannot be used"):
        make_state_dir(str(tmp_path / "state"))


def test_the_second_supervisor_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    first = holder(tmp_path)
    try:
        with pytest.raises(Refused, match=f"pid {first.pid}") as refused:
            take_lock(str(tmp_path), take_over=False)
        assert refused.value.fields["pid"] == first.pid
    finally:
        first.kill()
        first.wait()
    os.close(take_lock(str(tmp_path), take_over=False))


def test_take_over_ends_the_first(tmp_path: Path) -> None:
    first = holder(tmp_path)
    lock = take_lock(str(tmp_path), take_over=True)
    until(lambda: first.poll() is not None, 5)
    assert first.returncode == -signal.SIGTERM
    os.close(lock)
