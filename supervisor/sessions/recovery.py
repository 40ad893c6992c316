"""What a supervisor finds when it starts: every bundle becomes a session again, alive or ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from supervisor.core.facts import Facts
from supervisor.core.names import SESSION_ID
from supervisor.sessions.creation import remove_bundle
from supervisor.sessions.endings import first_facts, read_facts
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.segments import segments

# What a bundle holds before its worker has told anything. A worker takes its lock, and opens `err` and its socket.
MADE = frozenset({"key", "spec.json", "lock", "err", "link", "worker.json", "journal.json", "epoch.json", "reserve"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle that can be read. `is_over`: it left a note of its end, so nobody needs to look for its worker."""

    spec: Spec
    facts: Facts
    is_over: bool


def take_inventory(directory: str, index: Mapping[str, dict[str, Any]]) -> list[Found]:
    """Every bundle there is. `index` holds facts by session id as the store knows them. Blocks on the disk."""
    found = [_recover(directory, name, index.get(name)) for name in _names(directory)]
    return [each for each in found if each is not None]


def has_bundle(directory: str, id: str) -> bool:
    """Whether there is one of this session that counts, though nobody may be able to read it."""
    bundle = Bundle(os.path.join(directory, id))
    return os.path.isdir(bundle.directory) and not bundle.is_void()


def _names(directory: str) -> list[str]:
    """Of every bundle there; what people have put beside them is none of ours."""
    with os.scandir(directory) as entries:
        ours = (entry for entry in entries if SESSION_ID.fullmatch(entry.name))
        return sorted(entry.name for entry in ours if entry.is_dir(follow_symlinks=False))


def _recover(directory: str, name: str, indexed: dict[str, Any] | None) -> Found | None:
    """One bundle, None where there is none to serve: what is wrong with one keeps no box from starting."""
    bundle = Bundle(os.path.join(directory, name))
    try:
        return None if _take_back(bundle, name) else look(bundle.directory, indexed)
    except OSError as error:  # such as one that nobody may read: it stays for a person to see
        log.error("bundle_unreadable", bundle=bundle.directory, detail=str(error))
        return None


def _take_back(bundle: Bundle, name: str) -> bool:
    """Whether this bundle was still being made, or taken back, when a supervisor was killed; then it goes.

    No worker ever wrote in it, and none lives: a worker's first acts are to take the lock and to say `starting`.
    """
    if not bundle.is_void() and (segments(bundle.directory, "events") or not _is_ours_alone(bundle)):
        return False
    lock = bundle.try_lock()
    if lock is None:
        return False
    os.close(lock)
    log.warning("session_never_began", session=name)
    remove_bundle(bundle)
    return True


def _is_ours_alone(bundle: Bundle) -> bool:
    """Whether nothing lies there but what is made before a worker starts."""
    return set(os.listdir(bundle.directory)) <= MADE | {f".{name}.new" for name in MADE}


def look(directory: str, indexed: dict[str, Any] | None) -> Found | None:
    """One bundle; None, and a line in the log, for what is none. Blocks on the disk.

    The journal is read where the index knows nothing, or knows of no end: it may have come since.
    """
    bundle = Bundle(directory)
    if bundle.is_void():
        return None
    try:
        spec = bundle.spec()
    except ValueError as error:
        log.error("bundle_unreadable", bundle=directory, detail=str(error))
        return None
    if spec.id != os.path.basename(directory):  # a copy: two sessions of one id would follow one worker
        log.error("bundle_not_in_its_place", bundle=directory, session=spec.id)
        return None
    facts, note = _indexed(indexed) or first_facts(spec), bundle.read_json("exit.json")
    if not (facts.ended and note):
        facts = read_facts(bundle, facts)
    history = str((bundle.read_json("journal.json") or {}).get("history", ""))
    return Found(spec, replace(facts, history=history), is_over=facts.ended and note is not None)


def _indexed(value: dict[str, Any] | None) -> Facts | None:
    try:
        return Facts.from_json(value) if value is not None else None
    except (TypeError, KeyError, ValueError):
        return None


def highest_epoch(registry_directory: str) -> int:
    """The highest epoch that a worker of this box has seen, so that a lost store never makes us look older."""
    epochs = [0]
    for name in _names(registry_directory):
        try:
            seen = (Bundle(os.path.join(registry_directory, name)).read_json("epoch.json") or {}).get("epoch", 0)
        except OSError:  # told when the inventory is taken
            continue
        epochs.append(seen if isinstance(seen, int) else 0)
    return max(epochs)
