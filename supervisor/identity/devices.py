"""The devices that a box knows: written down in its store, each with what ends its open lines."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from supervisor.core.access import Principal
from supervisor.identity.clock import Clock
from supervisor.store import Store
from workers.errors import Refused

MOST_DEVICES = 1024  # a team's, and its scripts'; each costs some hundred octets and a line in a list
USE_SECONDS = 60.0  # between two writes of when devices were last used

log = structlog.get_logger()


@dataclass
class Device:
    """One paired device. `key` is the text of its public key, `created_by` as sessions have it; `lines` is how many
    streams it has open, and `revoked` is set when all of them must end."""

    id: str
    key: str
    kind: str
    label: str
    created_at: str
    created_by: dict[str, Any]
    last_used_at: str | None = None
    lines: int = 0
    revoked: trio.Event = field(default_factory=trio.Event, repr=False)

    @property
    def principal(self) -> Principal:
        """Who acts from it. Until people and roles come, that is the owner."""
        return Principal("owner", device=self.id, device_kind=self.kind)

    def show(self, principal: Principal) -> dict[str, Any]:
        """As the API shows it to this asker."""
        return {
            "id": self.id,
            "kind": self.kind,
            "label": self.label,
            "person": "owner",
            "role": "admin",
            "created_at": self.created_at,
            "created_by": self.created_by,
            "last_used_at": self.last_used_at,
            "lines": self.lines,
            "current": principal.device == self.id,
        }


class Devices:
    """All of them, in memory; the store has the same."""

    def __init__(self, store: Store, clock: Clock, known: list[Device]) -> None:
        self._store = store
        self._clock = clock
        self._by_id = {device.id: device for device in known}
        self._used: set[str] = set()
        self._writing = trio.Lock()  # two pairings of one key must not both find it unknown

    @classmethod
    async def load(cls, store: Store, clock: Clock) -> Devices:
        return cls(store, clock, await store.read(_rows))

    def __iter__(self) -> Iterator[Device]:
        return iter(self._by_id.values())

    def get(self, id: str) -> Device | None:
        """Any of the list, also one that is locked out and could not be taken from it."""
        return self._by_id.get(id)

    def find(self, id: str | None) -> Device | None:
        """One that may come in."""
        device = self._by_id.get(id or "")
        return device if device is not None and not device.revoked.is_set() else None

    def by_key(self, key: str) -> Device | None:
        """The one with this public key, if it may come in."""
        return next((each for each in self if each.key == key and not each.revoked.is_set()), None)

    def lock_out(self, principal: Principal) -> trio.Event | None:
        """What is set once their device is locked out, or the one that let them in; None for who acts from none."""
        id = principal.device or principal.let_in_by
        if id is None:
            return None
        device = self._by_id.get(id)
        return device.revoked if device is not None else _SET

    @contextlib.contextmanager
    def line(self, principal: Principal) -> Iterator[trio.Event | None]:
        """One open line, as long as the block runs: what ends it, None for the line of who acts from no device."""
        device = self._by_id.get(principal.device or "")
        if device is None:
            yield self.lock_out(principal)
            return
        device.lines += 1
        try:
            yield device.revoked
        finally:
            device.lines -= 1
            self.used(device)

    def check_room(self) -> None:
        """Raises Refused(`invalid_state`) when the box knows as many as it can."""
        if len(self._by_id) >= MOST_DEVICES:
            detail = f"this box knows {MOST_DEVICES} devices already"
            raise Refused("invalid_state", detail, "rc devices shows them, rc revoke DEVICE lets one go")

    async def add(self, key: str, kind: str, label: str, by: Principal) -> Device:
        """Write a device down. One that the box knows by its key stays who it is, under the new label."""
        async with self._writing:
            known = next((each for each in self if each.key == key), None)
            if known is None:
                self.check_room()
            id = known.id if known else f"device_{uuid.uuid4()}"
            created_at, made_by = known.created_at if known else self._clock.text_in(), by.by()
            device = Device(id, key, kind, label, created_at, made_by)
            await self._store.write(lambda connection: _put(connection, device))
            if known is not None and not known.revoked.is_set():  # it keeps what it has open
                known.label, known.kind = label, kind
                device = known
            self._by_id[id] = device
        log.info("device_added", device=id, kind=kind, by=made_by["device"])
        return device

    async def remove(self, device: Device) -> None:
        """Let go of one that is locked out. If that cannot be written, it stays in the list, to be revoked again."""
        async with self._writing:
            if self._by_id.get(device.id) is device:  # its key may have been let in anew meanwhile, under the same id
                await self._store.write(lambda connection: _delete(connection, device.id))
                del self._by_id[device.id]
        log.info("device_revoked", device=device.id)

    def used(self, device: Device) -> None:
        """Note that it was used now; `keep_uses` writes that down."""
        device.last_used_at = self._clock.text_in()
        self._used.add(device.id)

    async def keep_uses(self) -> None:
        """Write down what `used` noted, at most once a minute, for ever."""
        while True:
            await trio.sleep(USE_SECONDS)
            await self.write_uses()

    async def write_uses(self) -> None:
        """Write down what `used` noted; what finds no room on the disk is not worth more than a line of the log."""
        used, self._used = self._used, set()
        rows = [(device.last_used_at, device.id) for device in self if device.id in used]
        try:
            if rows:
                await self._store.write(lambda connection: _put_uses(connection, rows))
        except Refused as refused:
            log.warning("device_uses_not_kept", detail=refused.detail)


_SET = trio.Event()  # of a device that is gone altogether
_SET.set()
_COLUMNS = "id, key, kind, label, created_at, created_by, last_used_at"


def _rows(connection: sqlite3.Connection) -> list[Device]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM devices ORDER BY rowid")
    return [Device(id, key, kind, label, at, json.loads(by), used) for id, key, kind, label, at, by, used in rows]


def _put(connection: sqlite3.Connection, device: Device) -> None:
    by = json.dumps(device.created_by)
    row = (device.id, device.key, device.kind, device.label, device.created_at, by, device.last_used_at)
    connection.execute(
        f"INSERT INTO devices ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, label = excluded.label",
        row,
    )


def _delete(connection: sqlite3.Connection, id: str) -> None:
    connection.execute("DELETE FROM devices WHERE id = ?", (id,))


def _put_uses(connection: sqlite3.Connection, rows: list[tuple[str | None, str]]) -> None:
    connection.executemany("UPDATE devices SET last_used_at = ? WHERE id = ?", rows)
