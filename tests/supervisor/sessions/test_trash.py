"""The trash as a directory: what it tells, and what goes for good."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.core.trashed import Trashed
from supervisor.sessions.trash import Trash
from workers.errors import Refused

NS = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trash(tmp_path: Path, clock: Clock) -> Trash:
    return Trash(str(tmp_path), clock)


def put(trash: Trash, id: str, *, done: bool = True, age: int = 0) -> None:
    trash.write(Trashed(id, id, "worktree", "/w", "/p", trash.now_ns() - age * NS, done=done, branch="rc/x"))
    os.makedirs(trash.path(id, "tree", "d"))


def test_what_is_done_is_shown_last_deleted_first(trash: Trash) -> None:
    for id, age in (("a", 3), ("b", 1), ("c", 2)):
        put(trash, id, age=age)
    put(trash, "half", done=False)
    assert [row["id"] for row in trash.describe()] == ["b", "c", "a"]
    assert [entry.id for entry in trash.entries()] == ["half", "b", "c", "a"]


def test_an_empty_trash_and_one_that_was_never_made_are_empty(trash: Trash) -> None:
    assert trash.entries() == []


def test_a_record_that_cannot_be_read_is_passed_over_and_nothing_of_it_goes(trash: Trash) -> None:
    put(trash, "a")
    Path(trash.path("a", "trash.json")).write_text("{}")
    put(trash, "b")
    Path(trash.path("b")).rename(trash.path("c"))  # a record in a place that is not its own
    assert trash.entries() == []
    assert os.path.exists(trash.path("a", "tree"))


def test_what_people_put_there_is_passed_over_and_stays(trash: Trash) -> None:
    put(trash, "session_a")
    home = Path(os.path.dirname(trash.path("x")))
    (home / "note").write_text("mine")
    (home / "session_note").write_text("mine")
    (home / "session_link").symlink_to("session_a")
    (home / "mine").mkdir()
    (home / "session_odd" / "trash.json").mkdir(parents=True)
    (home / "session_odder" / ".trash.json.new").mkdir(parents=True)
    trash.tidy()
    assert [entry.id for entry in trash.entries()] == ["session_a"]
    left = ["mine", "note", "session_a", "session_link", "session_note", "session_odd", "session_odder"]
    assert sorted(os.listdir(home)) == left


def test_a_forgotten_record_leaves_what_else_lies_there(trash: Trash) -> None:
    put(trash, "a")
    trash.forget("a")
    assert trash.read("a") is None
    assert os.path.exists(trash.path("a", "tree"))
    os.rmdir(trash.path("a", "tree", "d"))
    os.rmdir(trash.path("a", "tree"))
    trash.forget("a")
    assert not os.path.exists(trash.path("a"))


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "../a", ".gone-a", "a" * 101, "a\n", "ä"])
def test_only_an_id_names_a_place(trash: Trash, id: str) -> None:
    with pytest.raises(Refused) as caught:
        trash.path(id)
    assert caught.value.code == "unknown_session"


async def test_only_what_is_old_done_and_at_rest_goes(trash: Trash) -> None:
    put(trash, "old", age=100)
    put(trash, "busy", age=100)
    put(trash, "half", age=100, done=False)
    put(trash, "young", age=99)
    answer = await trash.prune(100, lambda id: id == "busy")
    assert [row["id"] for row in answer["pruned"]] == ["old"]
    assert sorted(os.listdir(os.path.dirname(trash.path("x")))) == ["busy", "half", "young"]


async def test_what_an_earlier_time_left_half_removed_goes_the_next_time(trash: Trash) -> None:
    put(trash, "a", age=100)
    os.rename(trash.path("a"), os.path.join(os.path.dirname(trash.path("a")), ".gone-a-12345678"))
    answer = await trash.prune(10**9, lambda id: False)
    assert answer["pruned"] == []
    assert answer["left"] == []
    assert os.listdir(os.path.dirname(trash.path("a"))) == []


async def test_two_prunes_at_once_are_one_after_the_other(trash: Trash) -> None:
    for id in ("a", "b", "c"):
        put(trash, id, age=100)
    answers: list[dict[str, Any]] = []

    async def prune() -> None:
        answers.append(await trash.prune(0, lambda id: False))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(prune)
        nursery.start_soon(prune)
    assert sorted(len(answer["pruned"]) for answer in answers) == [0, 3]
    assert [answer["left"] for answer in answers] == [[], []]


async def test_what_was_restored_and_deleted_anew_since_it_was_listed_stays(trash: Trash, clock: Clock) -> None:
    for id in ("a", "b", "c"):
        put(trash, id, age=100)

    def change_others(id: str) -> bool:
        """Between the listing and its turn, one comes back and one is deleted again."""
        if id == "a":
            os.rename(trash.path("b"), trash.path("restored"))
            trash.write(Trashed("c", "c", "worktree", "/w", "/p", clock.now, done=True, branch="rc/x"))
        return False

    answer = await trash.prune(100, change_others)
    assert [row["id"] for row in answer["pruned"]] == ["a"]
    assert os.path.exists(trash.path("c", "tree"))
