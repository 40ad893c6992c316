from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from workers.processes import GIVE_UP_SECONDS, descendants, descends


def run(script: str) -> str:
    """What a Python of its own says, which becomes the subreaper of what it starts."""
    head = "import os, signal, sys, time\nfrom workers.drivers.prctl import become_subreaper\nbecome_subreaper()\n"
    command = [sys.executable, "-c", head + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with a child in a session of its own, which has a child."""
    script = "setsid sh -c 'sleep 100 & echo $!; wait' & wait"
    made = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    yield made
    for pid in (made.pid, *descendants(made.pid)):
        os.kill(pid, signal.SIGKILL)
    made.wait()
    assert made.stdout is not None
    made.stdout.close()


def test_descendants_are_found_through_sessions_parents_first(family: subprocess.Popen[bytes]) -> None:
    assert family.stdout is not None
    sleeper = int(family.stdout.readline())
    found = descendants(family.pid)
    assert found[-1] == sleeper
    assert len(found) == 2
    assert descendants(sleeper) == []
    assert set(found) < set(descendants(os.getpid()))


def test_who_descends_from_whom(family: subprocess.Popen[bytes]) -> None:
    assert family.stdout is not None
    sleeper = int(family.stdout.readline())
    assert descends(sleeper, family.pid)
    assert descends(family.pid, family.pid)
    assert not descends(os.getpid(), family.pid)
    assert not descends(1, family.pid)


def test_a_process_whose_parents_cannot_be_read_may_descend_from_anybody() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert descends(child.pid, os.getpid())
    assert descends(0, os.getpid())
    assert descends(-1, os.getpid())


def test_the_dead_are_no_descendants() -> None:
    child = subprocess.Popen(["true"])
    until(lambda: b") Z" in Path(f"/proc/{child.pid}/stat").read_bytes())
    assert child.pid not in descendants(os.getpid())
    child.wait()


def test_a_ladder_asks_then_kills() -> None:
    said = run("""
        from workers.processes import Ladder, child_signals, descendants, reap
        import select
        signals = child_signals()
        ready, up = os.pipe()
        stubborn = os.fork()
        if stubborn == 0:
            for name in (signal.SIGHUP, signal.SIGTERM):
                signal.signal(name, signal.SIG_IGN)
            os.setsid()
            os.write(up, b"!")
            time.sleep(100)
        polite = os.fork()
        if polite == 0:
            time.sleep(100)
        os.read(ready, 1)
        ladder = Ladder(100.0, 10.0)
        assert ladder.next_at == 110.0
        ended = []
        while not ended:
            select.select([signals], [], [])
            ended = reap(signals)
        assert [pid for pid, _ in ended] == [polite]
        assert os.WTERMSIG(ended[0][1]) == signal.SIGHUP
        assert not ladder.killing
        ladder.hurry(101.0, 1.0)
        assert ladder.next_at == 101.0
        assert ladder.tick(101.5) is False
        assert not ladder.killing
        assert ladder.tick(102.0) is False
        assert ladder.killing
        while not (ended := reap(signals)):
            select.select([signals], [], [])
        assert [pid for pid, _ in ended] == [stubborn]
        assert ladder.tick(102.1) is True
        print("over")
    """)
    assert said == "over\n"


def test_a_stopped_program_is_asked_too() -> None:
    run("""
        from workers.processes import Ladder, descendants
        child = os.fork()
        if child == 0:
            time.sleep(100)
        os.kill(child, signal.SIGSTOP)
        os.waitpid(child, os.WUNTRACED)
        Ladder(0.0, 10.0)
        pid, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) in (signal.SIGHUP, signal.SIGTERM)
    """)


def test_what_cannot_be_killed_is_given_up() -> None:
    said = run(f"""
        from workers.processes import Ladder
        child = os.fork()
        if child == 0:
            time.sleep(100)
        ladder = Ladder(0.0, 0.0)
        def again():  # as soon as one is killed there is another
            if os.fork() == 0:
                time.sleep(100)
        again()
        print(ladder.tick(1.0))
        again()
        print(ladder.tick({GIVE_UP_SECONDS}))
    """)
    assert said == "False\nTrue\n"


def test_children_that_end_together_are_all_reaped() -> None:
    run("""
        from workers.processes import child_signals, reap
        import select
        signals = child_signals()
        children = set()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                os._exit(3)
            children.add(pid)
        while children:
            select.select([signals], [], [])
            for pid, status in reap(signals):
                assert os.waitstatus_to_exitcode(status) == 3
                children.remove(pid)
        assert reap(signals) == []
    """)


def test_all_descriptors_but_those_to_keep_are_closed() -> None:
    said = run("""
        from workers.processes import close_all_but
        a, b = os.pipe()
        os.dup2(a, 900)
        close_all_but(b)
        print([os.path.exists(f"/proc/self/fd/{fd}") for fd in (0, 1, 2, a, b, 900)])
    """)
    assert said == "[True, True, True, False, True, False]\n"
