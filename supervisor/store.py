"""The store: what a box must not lose and no bundle holds, in SQLite; one thread writes, commits are grouped."""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, TypeVar
from urllib.parse import quote

import outcome
import trio

from supervisor.core.schema import MIGRATIONS, SCHEMA_VERSION
from workers.errors import Refused

# Writes that wait for their commit: one for each of 1,024 sessions at one instant. One more waits for its turn.
WRITES_WAITING = 1024
# Writes in one commit. It bounds how long the first of them waits for the others; a commit costs one fsync (1.7 ms).
GROUP = 128
BUSY_MS = 5000  # nobody else writes this file, but a person with the sqlite3 shell might look into it

Value = TypeVar("Value")
Act = Callable[[sqlite3.Connection], Value]


class _Write(Generic[Value]):
    """One write on its way: what to do, then how it went."""

    def __init__(self, act: Act[Value]) -> None:
        self.act = act
        self.outcome: outcome.Maybe[Value] | None = None
        self.settled = trio.Event()


class Store:
    """Methods may be called from any task. `notice` says in one sentence what was wrong with the file, else None."""

    def __init__(self, path: str, notice: str | None, token: trio.lowlevel.TrioToken, busy_ms: int) -> None:
        self.notice = notice
        self._path = path
        self._busy_ms = busy_ms
        self._token = token
        # Unbounded as a queue, bounded by the turns below: who holds no turn has put nothing in.
        self._writes: queue.SimpleQueue[_Write[object] | None] = queue.SimpleQueue()
        self._turns = trio.Semaphore(WRITES_WAITING)
        self._reading = trio.CapacityLimiter(1)  # one connection reads, and a connection serves one thread at a time
        self._reader = _connect(path, busy_ms)
        self._reader.execute("PRAGMA query_only = ON")
        self._thread = threading.Thread(target=self._write_until_closed, name="store", daemon=True)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: str, busy_ms: int = BUSY_MS) -> AsyncIterator[Store]:
        """The store at `path`, made if there is none, brought to the newest schema.

        A damaged file is moved aside and a new one begun; `notice` says so. Raises Refused `configuration` for the
        store of a newer release, `disk_full` where it cannot be written. Whoever else has the file is waited for
        `busy_ms` milliseconds.
        """
        notice = await trio.to_thread.run_sync(_prepare, path)
        store = cls(path, notice, trio.lowlevel.current_trio_token(), busy_ms)
        store._thread.start()
        try:
            yield store
        finally:
            store._writes.put(None)
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(store._thread.join)
                await trio.to_thread.run_sync(store._reader.close)

    async def write(self, act: Act[Value]) -> Value:
        """Call `act(connection)` in the writer's thread, in a transaction; what it gives, when that is on disk.

        What `act` raises undoes its own statements and comes out here. Raises Refused `disk_full` when there is no
        room, `not_ready` when the file is damaged or somebody else keeps it; then nothing is written. Once begun it is
        not cancelled.
        """
        async with self._turns:
            write = _Write(act)
            self._writes.put(write)  # type: ignore[arg-type]  # the loop gives each its own kind of value back
            with trio.CancelScope(shield=True):  # a commit cannot be called back: who asked learns how it went
                await write.settled.wait()
        assert write.outcome is not None
        return write.outcome.unwrap()

    async def read(self, act: Act[Value]) -> Value:
        """Call `act(connection)` in a thread, on what is committed. It cannot write."""

        def look() -> Value:
            with _translated():
                return act(self._reader)

        return await trio.to_thread.run_sync(look, limiter=self._reading)

    def _write_until_closed(self) -> None:
        connection = _connect(self._path, self._busy_ms)
        closing = False
        while not closing:
            group = self._next_group()
            closing = None in group
            writes = [write for write in group if write is not None]
            _commit(connection, writes)
            self._token.run_sync_soon(_settle, writes)
        connection.close()

    def _next_group(self) -> list[_Write[object] | None]:
        """Wait for one write, then take all that came meanwhile."""
        group = [self._writes.get()]
        with contextlib.suppress(queue.Empty):
            while len(group) < GROUP:
                group.append(self._writes.get_nowait())
        return group


def _settle(writes: list[_Write[object]]) -> None:
    for write in writes:
        write.settled.set()


def _commit(connection: sqlite3.Connection, writes: list[_Write[object]]) -> None:
    """Carry a group out in one transaction. One that raises is undone alone; a full disk undoes and refuses all."""
    try:
        with _translated(), _transaction(connection):
            for write in writes:
                _carry_out(connection, write)
    except (Refused, sqlite3.Error) as error:  # whatever it is, nobody may wait for an outcome that never comes
        for write in writes:
            write.outcome = outcome.Error(error)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _carry_out(connection: sqlite3.Connection, write: _Write[object]) -> None:
    connection.execute("SAVEPOINT one")
    write.outcome = outcome.capture(write.act, connection)
    if isinstance(write.outcome, outcome.Error):
        error = write.outcome.error
        if isinstance(error, sqlite3.Error) and _refusal(error) is not None:
            raise error  # SQLite may have undone the whole transaction with it: nothing of this group can stay
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of the disk or the file become refusals; those of a statement are bugs and stay what they are."""
    try:
        yield
    except sqlite3.Error as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: sqlite3.Error) -> Refused | None:
    code = _primary(error)
    if code == sqlite3.SQLITE_FULL:
        return Refused("disk_full", "the disk of the state directory is full", "rc df shows what takes the room")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return Refused("not_ready", f"box.sqlite cannot be used: {error}", "look at the disk of the state directory")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Refused("not_ready", "somebody else is using box.sqlite", "close what has it open, then try again")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Refused("not_ready", f"box.sqlite is damaged: {error}", "rc restart moves it aside and makes a new one")
    return None


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary code; the octets above the lowest tell more of the same."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _connect(path: str, busy_ms: int = BUSY_MS) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=busy_ms / 1000)
    connection.execute("PRAGMA synchronous = FULL")  # an answer that was given survives a power cut
    return connection


def _prepare(path: str) -> str | None:
    """Make the file ready for use; what was wrong with it, if something was."""
    with _translated():
        try:
            _bring_up(path)
        except sqlite3.DatabaseError as error:
            if _primary(error) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            aside = _move_aside(path)
            _bring_up(path)
            return f"box.sqlite was damaged ({error}): it is kept as {aside}, settings made at run time are lost"
    return None


def _bring_up(path: str) -> None:
    with contextlib.closing(_connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        _migrate(connection)


def peek(path: str, act: Act[Value], otherwise: Value) -> Value:
    """What `act` makes of a store that another may be writing: nothing is changed. `otherwise` where there is none, or
    none that can be read so. Raises Refused `configuration` for that of a newer release. Blocks on the disk."""
    if not os.path.exists(path):
        return otherwise
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
            _readable_version(connection)
            return act(connection)
    except sqlite3.Error:  # damaged, or of an older release: the start makes the best of it
        return otherwise


def _readable_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise Refused(
            "configuration",
            f"box.sqlite was written by a newer release (schema {version}, this one reads {SCHEMA_VERSION})",
            "install that release again, or choose another --state-dir",
        )
    return int(version)


def _migrate(connection: sqlite3.Connection) -> None:
    version = _readable_version(connection)
    for step in range(version, SCHEMA_VERSION):
        with _transaction(connection):
            for statement in MIGRATIONS[step]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step + 1}")


def _move_aside(path: str) -> str:
    """Take a damaged file and its companions out of the way, under a name that no earlier one has."""
    number = 1
    while os.path.exists(f"{path}.damaged-{number}"):
        number += 1
    aside = f"{path}.damaged-{number}"
    for companion in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + companion, aside + companion)
    return os.path.basename(aside)
