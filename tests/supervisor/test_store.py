"""What the store has acknowledged is there the next time, and a damaged file never keeps a box from starting."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
import trio

from supervisor import records
from supervisor.core.schema import SCHEMA_VERSION
from supervisor.store import Store, peek
from workers.errors import Refused


def scribble(path: str, start: int) -> None:
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(os.urandom(os.path.getsize(path) - start))


async def keys(store: Store) -> list[str]:
    return await store.read(lambda c: [row[0] for row in c.execute("SELECT key FROM meta ORDER BY key")])


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "box.sqlite")
    async with Store.open(path) as store:
        assert store.notice is None
        await store.write(lambda c: records.put_meta(c, "epoch", "7"))
    async with Store.open(path) as store:
        assert await store.read(lambda c: records.meta(c, "epoch")) == "7"


async def test_a_write_gives_back_what_its_function_gives(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        assert await store.write(lambda c: 42) == 42


async def test_a_commit_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        assert await store.write(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)
        assert await store.write(lambda c: c.execute("PRAGMA journal_mode").fetchone()) == ("wal",)


async def test_many_writers_at_once_are_all_served(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:

        async def write(number: int) -> None:
            await store.write(lambda c: records.put_meta(c, f"{number:03}", "1"))

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(write, number)
        assert len(await keys(store)) == 200


async def test_one_that_raises_undoes_its_own_statements_and_nobody_elses(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        refused = []

        def half(connection: sqlite3.Connection) -> None:
            records.put_meta(connection, "half", "1")
            raise Refused("invalid", "changed my mind")

        async def fail() -> None:
            with pytest.raises(Refused) as caught:
                await store.write(half)
            refused.append(caught.value.code)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(store.write, lambda c, n=number: records.put_meta(c, f"whole {n}", "1"))
                nursery.start_soon(fail)
        assert refused == ["invalid"] * 3
        assert await keys(store) == ["whole 0", "whole 1", "whole 2"]


async def test_a_full_disk_is_a_refusal_and_what_was_there_stays(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        await store.write(lambda c: records.put_meta(c, "before", "1"))
        pages = await store.write(lambda c: int(c.execute("PRAGMA page_count").fetchone()[0]))
        await store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(Refused) as caught:
            await store.write(lambda c: records.put_meta(c, "large", "x" * 100_000))
        assert caught.value.code == "disk_full"
        await store.write(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone())
        await store.write(lambda c: records.put_meta(c, "later", "1"))
        assert await keys(store) == ["before", "later"]


async def test_a_person_who_keeps_the_file_for_too_long_is_a_refusal_and_not_the_end(tmp_path: Path) -> None:
    path = str(tmp_path / "box.sqlite")
    async with Store.open(path, busy_ms=10) as store:
        person = sqlite3.connect(path, isolation_level=None)
        person.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused) as caught, trio.fail_after(5):
            await store.write(lambda c: records.put_meta(c, "now", "1"))
        assert caught.value.code == "not_ready"
        person.close()
        await store.write(lambda c: records.put_meta(c, "later", "1"))
        assert await keys(store) == ["later"]


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        with pytest.raises(Refused) as caught:
            await store.read(lambda c: records.put_meta(c, "a", "1"))
        assert caught.value.code == "not_ready"


async def test_a_mistaken_statement_is_a_bug_and_not_a_refusal(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        with pytest.raises(sqlite3.OperationalError):
            await store.write(lambda c: c.execute("SELECT * FROM nowhere"))


async def test_a_write_once_begun_is_carried_out_though_who_asked_goes_away(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait()
        records.put_meta(connection, "slow", "1")

    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        async with trio.open_nursery() as asker:
            asker.start_soon(store.write, slow)
            await trio.to_thread.run_sync(begun.wait)
            asker.cancel_scope.cancel()
            go_on.set()
        assert await keys(store) == ["slow"]


@pytest.mark.parametrize("damage", [b"this is no database" * 400, b"SQLite format 3\0" + b"\xff" * 8000])
async def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "box.sqlite"
    path.write_bytes(damage)
    async with Store.open(str(path)) as store:
        assert store.notice and "box.sqlite.damaged-1" in store.notice
        await store.write(lambda c: records.put_meta(c, "a", "1"))
    assert (tmp_path / "box.sqlite.damaged-1").read_bytes() == damage


async def test_damage_in_the_middle_is_found_at_the_start(tmp_path: Path) -> None:
    path = str(tmp_path / "box.sqlite")
    async with Store.open(path) as store:
        await store.write(lambda c: records.put_meta(c, "large", "x" * 50_000))
    scribble(path, 8192)
    async with Store.open(path) as store:
        assert store.notice is not None
        assert await keys(store) == []


async def test_the_store_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "box.sqlite")
    async with Store.open(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(Refused) as caught:
        async with Store.open(path):
            pass
    assert caught.value.code == "configuration"
    assert os.listdir(tmp_path) == ["box.sqlite"]
    with pytest.raises(Refused, match="newer release"):
        peek(path, lambda c: records.meta(c, "epoch"), None)


async def test_a_store_may_be_looked_into_while_another_writes_it(tmp_path: Path) -> None:
    path = str(tmp_path / "a #1?.sqlite")

    def look() -> str:
        return peek(path, lambda c: str(records.meta(c, "epoch")), "none")

    assert look() == "none" and not os.path.exists(path)
    async with Store.open(path) as store:
        await store.write(lambda c: records.put_meta(c, "epoch", "7"))
        assert await trio.to_thread.run_sync(look) == "7"
    assert look() == "7"
    scribble(path, 0)
    assert look() == "none"


async def test_a_state_directory_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        async with Store.open(str(tmp_path / "gone" / "box.sqlite")):
            pass
    assert caught.value.code == "not_ready"
