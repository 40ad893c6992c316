"""What a supervisor finds when it starts: every bundle becomes a session again, alive or ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import structlog

from supervisor.core.facts import Facts
from supervisor.sessions.endings import first_facts, read_facts
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session
from workers.bundle import Bundle

log = structlog.get_logger()


def take_inventory(registry: Registry, index: Mapping[str, dict[str, Any]]) -> tuple[list[Session], list[Session]]:
    """Register every bundle there is: the sessions that may live and need a keeper, and those that have ended.

    `index` holds facts by session id as the store knows them; where it has none, or where the note that a worker left
    tells of an end that the index has not seen, the journal is read. Blocks on the disk.
    """
    living: list[Session] = []
    ended: list[Session] = []
    for name in sorted(os.listdir(registry.directory)):
        bundle = Bundle(os.path.join(registry.directory, name))
        if bundle.is_void():
            continue
        try:
            spec = bundle.spec()
        except ValueError as error:
            log.error("bundle_unreadable", session=name, detail=str(error))
            continue
        note = bundle.read_json("exit.json")
        facts = _indexed(index.get(spec.id)) or first_facts(spec)
        if note is None or not facts.ended:
            facts = read_facts(bundle, facts)
        history = (bundle.read_json("journal.json") or {}).get("history", "")
        session = registry.add(spec, facts)
        session.set_facts(history=history)
        (ended if note is not None and session.ended else living).append(session)
    return living, ended


def _indexed(value: dict[str, Any] | None) -> Facts | None:
    try:
        return Facts.from_json(value) if value is not None else None
    except (TypeError, KeyError, ValueError):
        return None


def highest_epoch(registry_directory: str) -> int:
    """The highest epoch that a worker of this box has seen, so that a lost store never makes us look older."""
    epochs = [0]
    for name in os.listdir(registry_directory):
        seen = (Bundle(os.path.join(registry_directory, name)).read_json("epoch.json") or {}).get("epoch", 0)
        epochs.append(seen if isinstance(seen, int) else 0)
    return max(epochs)
