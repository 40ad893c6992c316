"""Rows of the store besides the index of sessions: settings made at run time, the box's epoch, first answers.

Each function takes the connection that `Store.write` or `Store.read` gives it.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

ANSWERS_KEPT = 24 * 3600.0  # seconds for which a repeated Idempotency-Key gets the first answer again


@dataclass(frozen=True, slots=True)
class Remembered:
    """A setting made at run time. `source` is the road it came by, `at` RFC 3339."""

    value: Any
    source: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a request that carried an Idempotency-Key. `body` is the SHA-256 of the request's body."""

    body: str
    status: int
    answer: str


def remembered(connection: sqlite3.Connection) -> dict[str, Remembered]:
    """All settings made at run time."""
    rows = connection.execute("SELECT key, value, source, who, at FROM settings ORDER BY key")
    return {key: Remembered(json.loads(value), source, who, at) for key, value, source, who, at in rows}


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """What the box knows of itself by this name, as `epoch`. None in a new store."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))


def kept_answer(
    connection: sqlite3.Connection, who: str, method: str, path: str, key: str, now: float
) -> Answer | None:
    """The first answer to this key, if one was given in the last 24 hours. `now` is seconds since 1970."""
    row = connection.execute(
        "SELECT body, status, answer FROM idempotency WHERE who = ? AND method = ? AND path = ? AND key = ? AND at > ?",
        (who, method, path, key, now - ANSWERS_KEPT),
    ).fetchone()
    return None if row is None else Answer(*row)


def keep_answer(
    connection: sqlite3.Connection, who: str, method: str, path: str, key: str, answer: Answer, now: float
) -> None:
    """Keep an answer, and let those go that are too old to be given again."""
    connection.execute("DELETE FROM idempotency WHERE at <= ?", (now - ANSWERS_KEPT,))
    connection.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (who, method, path, key, answer.body, answer.status, answer.answer, now),
    )
