"""Rows of the store, written and read back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from supervisor import records
from supervisor.core.schema import MIGRATIONS
from supervisor.records import ANSWERS_KEPT, Answer, Remembered


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for statement in (statement for step in MIGRATIONS for statement in step):
            connection.execute(statement)
        yield connection


def test_a_setting_made_at_run_time_comes_with_who_when_and_how(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO settings VALUES ('capacity', '4', 'runtime', 'owner', '2026-01-01T00:00:00.000Z')")
    assert records.remembered(db) == {"capacity": Remembered(4, "runtime", "owner", "2026-01-01T00:00:00.000Z")}


def test_a_new_store_has_no_epoch(db: sqlite3.Connection) -> None:
    assert records.meta(db, "epoch") is None
    records.put_meta(db, "epoch", "1")
    records.put_meta(db, "epoch", "2")
    assert records.meta(db, "epoch") == "2"


def test_a_first_answer_is_given_again_for_a_day(db: sqlite3.Connection) -> None:
    answer = Answer("sha", 201, '{"id":"session_1"}')
    request = ("owner", "POST", "/v1/code/sessions", "k1")
    assert records.kept_answer(db, *request, now=0.0) is None
    records.keep_answer(db, *request, answer, now=0.0)
    assert records.kept_answer(db, *request, now=ANSWERS_KEPT - 1) == answer
    assert records.kept_answer(db, "somebody else", *request[1:], now=1.0) is None
    assert records.kept_answer(db, *request, now=ANSWERS_KEPT) is None


def test_answers_that_are_too_old_take_no_room(db: sqlite3.Connection) -> None:
    for day in range(3):
        records.keep_answer(db, "owner", "POST", "/", str(day), Answer("", 200, ""), now=day * ANSWERS_KEPT)
    assert db.execute("SELECT count(*) FROM idempotency").fetchone() == (1,)
