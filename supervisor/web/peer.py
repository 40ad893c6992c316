"""Looks at the process at the other end of the box's socket, once, at accept."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog
import trio

from supervisor import procfs
from supervisor.core.access import Principal
from supervisor.core.peer import Inside, Peer, judge
from supervisor.sessions.session import Session

SO_PEERPIDFD = 77  # since Linux 6.5; Python has no name for it yet
NO_PIDFD = (errno.ENOPROTOOPT, errno.EINVAL)  # what older kernels say to that
LOOKS = 3  # a parent that ends while we look leaves a hole in the chain: look again, then fail closed
LOOK_SECONDS = 2.0  # a look takes a millisecond, but one at a process that does not let itself be read has no end
LOOKERS = trio.CapacityLimiter(8)  # threads: a look that has no end must not take those that read journals

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Connector:
    """Who connected, as the kernel kept it. `pidfd` is None on a kernel without, `pid` when the process was gone."""

    pid: int | None
    uid: int
    pidfd: int | None


@dataclass(frozen=True, slots=True)
class _Agent:
    """A session that runs, as far as it matters here."""

    session: str
    worker: int | None
    leader: int | None
    is_terminal: bool


async def judge_peer(connection: socket.socket, sessions: Iterable[Session]) -> Principal:
    """Who asks on this connection of the box's socket. Never raises: what cannot be seen counts as inside.

    Whom it is about is settled before anything is awaited, and held by its pidfd: a number that another process gets
    meanwhile is noticed. The look itself is a thread's.
    """
    who = _connector(connection)
    running = [
        _Agent(session.id, session.worker_pid, session.facts.pid, session.is_terminal)
        for session in sessions
        if not (session.ended or session.spec.is_remote)  # whose pid is another machine's
    ]
    principal = judge(Peer(who.uid, None), os.getuid(), Inside({}, {}, {}))  # unless we see better
    try:
        with trio.move_on_after(LOOK_SECONDS):
            principal = await trio.to_thread.run_sync(_judge, who, running, abandon_on_cancel=True, limiter=LOOKERS)
    finally:
        if who.pidfd is not None:
            os.close(who.pidfd)  # a thread that still looks finds another process there, and nobody asks it any more
    if principal.kind == "agent":
        log.info("peer_inside_session", session=principal.session, uid=who.uid)
    return principal


def _connector(connection: socket.socket) -> _Connector:
    pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return _Connector(pid, uid, connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD))
    except OSError as error:
        # Before Linux 6.5 the start times must do; a peer that is gone has no pidfd on any kernel.
        return _Connector(pid if error.errno in NO_PIDFD else None, uid, None)


def _judge(who: _Connector, running: list[_Agent]) -> Principal:
    inside = _inside(running)
    for _ in range(LOOKS):
        found = _look(who.pid, who.uid, inside) if who.pid is not None else None
        if found is not None and (who.pidfd is None or procfs.pid_of(who.pidfd) == who.pid):
            return found
    return judge(Peer(who.uid, None), os.getuid(), inside)


def _look(pid: int, uid: int, inside: Inside) -> Principal | None:
    """None when it was not to be seen whole, or was another process in the end."""
    first = procfs.stat(pid)
    chain = procfs.chain(pid)
    namespaces = procfs.namespaces(pid)
    if first is None or chain is None or namespaces is None:
        return None
    peer = Peer(uid, chain, namespaces, first.sid, first.tty)
    found = judge(peer, os.getuid(), inside)
    if found.session is None:  # only then ask its memory, which may answer when it likes
        found = judge(replace(peer, marked=procfs.marked(pid)), os.getuid(), inside)
    again = procfs.stat(pid)
    return found if again is not None and again.began == first.began else None


def _inside(running: list[_Agent]) -> Inside:
    workers = {agent.worker: agent.session for agent in running if agent.worker is not None}
    leaders = {agent.leader: agent.session for agent in running if agent.leader is not None}
    terminals: dict[int, str] = {}
    for agent in running:
        known = procfs.stat(agent.leader) if agent.is_terminal and agent.leader is not None else None
        if known is not None and known.tty:
            terminals[known.tty] = agent.session
    return Inside(workers, leaders, terminals)
