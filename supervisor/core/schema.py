"""The tables of the store, as the steps that lead to them. A step that was released is never changed."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # What the box knows of itself: `epoch`, the number of its start.
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        # What was set at run time: value is JSON, source says by which road (flag, mode, page…), `at` is RFC 3339.
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL, source TEXT NOT NULL, who TEXT NOT NULL,"
        " at TEXT NOT NULL) STRICT",
        # `place` keeps the order in which they were added: the first is the default.
        "CREATE TABLE projects (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE,"
        " added_at TEXT NOT NULL) STRICT",
        # An index of the bundles, which are the truth: facts is JSON.
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, facts TEXT NOT NULL) STRICT",
        # First answers, given again to a repeat. `body` is the SHA-256 of the request's; `at` is seconds since 1970.
        "CREATE TABLE idempotency (who TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL,"
        " body TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL, at REAL NOT NULL,"
        " PRIMARY KEY (who, method, path, key)) STRICT, WITHOUT ROWID",
        "CREATE INDEX idempotency_by_age ON idempotency (at)",
    ),
    (
        # Paired devices: `key` is the public key as base64url of its octets, created_by is JSON, times are RFC 3339.
        "CREATE TABLE devices (id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, label TEXT NOT NULL,"
        " created_at TEXT NOT NULL, created_by TEXT NOT NULL, last_used_at TEXT) STRICT",
    ),
)

SCHEMA_VERSION = len(MIGRATIONS)
