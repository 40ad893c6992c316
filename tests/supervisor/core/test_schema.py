"""The steps of the schema lead from an empty file to the tables that the store uses."""

from __future__ import annotations

import contextlib
import sqlite3

from supervisor.core.schema import MIGRATIONS, SCHEMA_VERSION


def test_the_steps_make_the_tables_one_after_the_other() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for step in MIGRATIONS:
            for statement in step:
                connection.execute(statement)
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {name for (name,) in rows} == {"meta", "settings", "projects", "sessions", "idempotency", "devices"}


def test_the_version_is_the_number_of_steps() -> None:
    assert len(MIGRATIONS) == SCHEMA_VERSION
