"""Whether we ourselves are a program of one of a box's sessions, which may neither start that box nor take it over.

The judgement is that of the box's socket (`core.peer`), made where no supervisor needs to run: who the workers are
stands in the bundles. A box of another state directory is no business of those sessions.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from supervisor import procfs
from supervisor.core.access import OWNER, Principal
from supervisor.core.peer import Inside, Peer, Process, judge
from workers.bundle import Bundle, boot_id, start_time
from workers.errors import Refused

LOOKS = 3
_Named = dict[str, object]


def refuse_inside(state_dir: str) -> None:
    """Raises Refused `not_allowed` inside a session of this state directory, or where that cannot be ruled out."""
    ourselves = judge_ourselves(state_dir)
    if ourselves.kind == "agent":
        where = ourselves.session or "a session, as far as can be told,"
        raise Refused(
            "not_allowed",
            f"this is inside {where} of the box at {state_dir}, and from there no box is started or taken over",
            "run it in a terminal outside every session",
            session=ourselves.session,
        )


def judge_ourselves(state_dir: str) -> Principal:
    """The owner, or the agent of a session of this state directory (of none that is known, when we cannot tell)."""
    sessions = os.path.join(state_dir, "sessions")
    bundles = [Bundle(os.path.join(sessions, name)) for name in _names(sessions)]
    workers: dict[int, str] = {}
    leaders: dict[int, str] = {}
    for bundle, named in _of_this_boot(bundles):
        id, pid, agent = os.path.basename(bundle.directory), named.get("pid"), named.get("agent_pid")
        began = start_time(pid) if isinstance(pid, int) else None
        if isinstance(pid, int) and began is not None and began == named.get("start_time"):
            workers[pid] = id
            if isinstance(agent, int):
                leaders[agent] = id
        elif _is_held(bundle):  # a worker that lives where we cannot see it: we may well be hidden from it, and inside
            return Principal("agent", None)
    # By this name, not by the number that we know ourselves by: in a namespace of processes that is another one.
    ourselves = int(os.readlink("/proc/self"))
    marked = procfs.marked(ourselves)
    marked = marked if any(marked == os.path.basename(each.directory) for each in bundles) else None
    if not workers and marked is None:
        return OWNER  # nothing lives here that we could be inside of
    return judge(_seen(ourselves, marked, workers), os.getuid(), Inside(workers, leaders, {}))


def _seen(pid: int, marked: str | None, workers: Collection[int]) -> Peer:
    """This process as the judgement takes it. A parent that ends while we look leaves a hole: then look again."""
    for _ in range(LOOKS):
        stat, chain, namespaces = procfs.stat(pid), procfs.chain(pid), procfs.namespaces(pid)
        if stat is not None and chain is not None and namespaces is not None:
            # A worker of another state directory among our parents is none of this box's.
            own = tuple(Process(each.pid, each.pid in workers) for each in chain)
            return Peer(os.getuid(), own, namespaces, stat.sid, marked=marked)
    return Peer(os.getuid(), None)


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:  # no box ever ran here, or it is not one that we can read: its start will say so
        return []


def _of_this_boot(bundles: list[Bundle]) -> list[tuple[Bundle, _Named]]:
    """Bundles in which somebody who may still live has written who runs them, and what was written."""
    boot = boot_id()
    found = []
    for bundle in bundles:
        try:
            named = bundle.read_json("worker.json")
        except OSError:
            continue
        if named is not None and named.get("boot_id") == boot:
            found.append((bundle, named))
    return found


def _is_held(bundle: Bundle) -> bool:
    """Whether a bundle whose worker is not among the processes here is held by one all the same."""
    if os.path.exists(bundle.path("exit.json")):
        return False
    try:
        lock = bundle.try_lock()
    except OSError:
        return False
    if lock is not None:
        os.close(lock)
    return lock is None
