"""Looks at the process at the other end of the box's socket, once, at accept."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from supervisor.core.access import Principal
from supervisor.core.peer import Inside, Peer, Process, judge
from supervisor.sessions.session import Session

SO_PEERPIDFD = 77  # since Linux 6.5; Python has no name for it yet
LOOKS = 3  # a parent that ends while we look leaves a hole in the chain: look again, then fail closed
MOST_PARENTS = 1024  # deeper than any chain of real processes; a loop would be a bug of the kernel
WORKER_NAME = "rc-worker"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Stat:
    """Of /proc/<pid>/stat, see proc(5)."""

    name: str
    parent: int
    sid: int
    tty: int
    began: int


def judge_peer(connection: socket.socket, sessions: Iterable[Session]) -> Principal:
    """Who asks on this connection of the box's socket. Never raises: what cannot be seen counts as inside."""
    peer = look_at(connection)
    principal = judge(peer, os.getuid(), _inside(sessions))
    if principal.kind == "agent":
        log.info("peer_inside_session", session=principal.session, uid=peer.uid)
    return principal


def look_at(connection: socket.socket) -> Peer:
    """What can be seen of the process that connected."""
    pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        pidfd: int | None = connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        # Before Linux 6.5 there is none, and the start times must do; a peer that is gone has none on any kernel.
        if error.errno not in (92, 22):  # ENOPROTOOPT, EINVAL
            return Peer(uid, None)
        pidfd = None
    try:
        for _ in range(LOOKS):
            peer = _look(pid, uid)
            if peer is not None:
                return peer if pidfd is None or _pid_of(pidfd) == pid else Peer(uid, None)
        return Peer(uid, None)
    finally:
        if pidfd is not None:
            os.close(pidfd)


def _look(pid: int, uid: int) -> Peer | None:
    first = _stat(pid)
    chain = _chain(pid)
    namespaces = _namespaces(pid)
    if first is None or chain is None or namespaces is None:
        return None
    marked = _marked(pid)
    again = _stat(pid)
    if again is None or again.began != first.began:
        return None
    return Peer(uid, chain, namespaces, first.sid, first.tty, marked)


def _pid_of(pidfd: int) -> int:
    """The pid behind a pidfd; -1 when the process is gone."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pid:")), -1)


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            head, _, tail = file.read().rpartition(b")")
    except OSError:
        return None
    words = tail.split()
    name = head.partition(b"(")[2].decode(errors="replace")
    return (
        None if words[0] in (b"Z", b"X") else _Stat(name, int(words[1]), int(words[3]), int(words[4]), int(words[19]))
    )


def _chain(pid: int) -> tuple[Process, ...] | None:
    """The process and its parents; None when one of them could not be read."""
    chain: list[Process] = []
    while pid and len(chain) < MOST_PARENTS:
        stat = _stat(pid)
        if stat is None:
            return None
        chain.append(Process(pid, stat.name == WORKER_NAME))
        pid = stat.parent
    return tuple(chain)


def _namespaces(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return next((len(line.split()) - 1 for line in file if line.startswith("NSpid:")), None)
    except OSError:
        return None


def _marked(pid: int) -> str | None:
    """The session that the environment names. Unreadable counts as none: an ordinary account's own programs may be
    undumpable, and an agent that hides its environment is still seen by its parents."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return None
    found = next((word for word in words if word.startswith(b"RC_SESSION_ID=")), None)
    return None if found is None else found.partition(b"=")[2].decode(errors="replace")


def _inside(sessions: Iterable[Session]) -> Inside:
    workers: dict[int, str] = {}
    leaders: dict[int, str] = {}
    terminals: dict[int, str] = {}
    for session in sessions:
        if session.ended:
            continue
        if session.worker_pid is not None:
            workers[session.worker_pid] = session.id
        if session.facts.pid is not None:
            leaders[session.facts.pid] = session.id
            stat = _stat(session.facts.pid)
            if stat is not None and stat.tty and session.is_terminal:
                terminals[stat.tty] = session.id
    return Inside(workers, leaders, terminals)
