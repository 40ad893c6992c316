"""Who is at the other end of the box's socket: a uid is not a person, because agents have it too.

A rail, not a wall: an agent that kills its own worker first is seen as the owner. What cannot be ruled out counts as
inside a session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from supervisor.core.access import ANONYMOUS, OWNER, Principal


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a chain of parents. `is_worker`: it carries a worker's name."""

    pid: int
    is_worker: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """What was seen of a peer. `chain` is the process and its parents up to the first of the machine, None when it
    could not be read, or when the process was gone. `namespaces` is how many process namespaces it is in. `sid` is
    its session leader, `tty` the number of its terminal (0: none), `marked` the session in its environment, if that
    could be read and names one."""

    uid: int
    chain: tuple[Process, ...] | None
    namespaces: int = 1
    sid: int = 0
    tty: int = 0
    marked: str | None = None


@dataclass(frozen=True, slots=True)
class Inside:
    """What belongs to which session: pids of workers, session leaders and terminals of agents."""

    workers: Mapping[int, str]
    leaders: Mapping[int, str]
    terminals: Mapping[int, str]


def judge(peer: Peer, box_uid: int, inside: Inside) -> Principal:
    """The owner of the box, the agent of a session (of none that is known, when it cannot be told), or nobody."""
    if peer.uid not in (box_uid, 0):
        return ANONYMOUS
    if peer.chain is None:
        return Principal("agent", None)
    session = _session(peer, inside)
    is_inside = session is not None or peer.namespaces != 1 or any(process.is_worker for process in peer.chain)
    if is_inside:
        return Principal("agent", session)
    return OWNER if peer.uid == box_uid else ANONYMOUS


def _session(peer: Peer, inside: Inside) -> str | None:
    by_parent = next((inside.workers[p.pid] for p in peer.chain or () if p.pid in inside.workers), None)
    by_terminal = inside.terminals.get(peer.tty) if peer.tty else None
    return by_parent or inside.leaders.get(peer.sid) or by_terminal or peer.marked
