from __future__ import annotations

import os
from collections.abc import Callable

from workers.drivers import prctl


def in_a_child(act: Callable[[], str]) -> str:
    """What `act` says in a process of its own."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(theirs, act().encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with open(ours) as file:
        return file.read()


def test_a_process_is_called_as_it_wants() -> None:
    def act() -> str:
        prctl.set_name("a-name-that-is-too-long")
        with open("/proc/self/comm") as file:
            return file.read()

    assert in_a_child(act) == "a-name-that-is-\n"


def test_a_process_that_is_not_dumpable_belongs_to_root() -> None:
    def act() -> str:
        os.setresuid(65534, 65534, 65534) if os.getuid() == 0 else None
        owners = []
        for dumpable in (True, False):
            prctl.set_dumpable(dumpable)
            owners.append(os.stat("/proc/self/environ").st_uid == os.getuid())
        return str(owners)

    assert in_a_child(act) == "[True, False]"


def test_orphans_come_to_a_subreaper() -> None:
    def act() -> str:
        prctl.become_subreaper()
        if os.fork() == 0:
            orphan = os.fork()
            os._exit(0) if orphan else os._exit(7)
        os.waitpid(-1, 0)
        return str(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]))

    assert in_a_child(act) == "7"


def test_large_blocks_can_be_mapped_by_themselves() -> None:
    def act() -> str:
        prctl.give_memory_back(32 << 10)
        before = len(maps())
        block = bytearray(40 << 20)
        return f"{len(maps()) >= before} {len(block)}"

    def maps() -> list[str]:
        with open("/proc/self/maps") as file:
            return file.readlines()

    assert in_a_child(act) == f"True {40 << 20}"
