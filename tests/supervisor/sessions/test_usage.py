"""What a box keeps on disk."""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.core.trashed import Trashed
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.trash import Trash
from supervisor.sessions.usage import described, df
from tests.workers.asking import Zygote
from workers.core.spec import Spec


def spec(id: str, workspace: Path, branch: str | None) -> Spec:
    return Spec(
        id=id,
        name=id,
        agent="shell",
        adapter="terminal",
        argv=(),
        env={},
        workspace=str(workspace),
        project="app",
        project_path="/app",
        spawn_mode="worktree" if branch else "same-dir",
        created_at="",
        person=None,
        branch=branch,
    )


def fill(directory: Path, size: int) -> None:
    directory.mkdir(parents=True)
    (directory / "file").write_bytes(os.urandom(size))


async def test_journals_trees_and_trash_are_counted_and_the_largest_comes_first(
    inspectors: Zygote, tmp_path: Path
) -> None:
    trash = Trash(str(tmp_path))
    inspector = Inspector(inspectors.stream, str(tmp_path / "scratch"))
    fill(tmp_path / "sessions" / "one", 10_000)
    fill(tmp_path / "sessions" / "two", 10_000)
    fill(tmp_path / "tree", 500_000)
    trash.write(Trashed("old", "old", "worktree", "/w", "/p", 1, done=True))
    fill(tmp_path / "trash" / "old" / "tree", 200_000)
    sessions = [
        (spec("one", tmp_path, None), "first"),
        (spec("two", tmp_path / "tree", "rc/x"), "second"),
        (spec("gone", tmp_path / "none", "rc/y"), "third"),
    ]
    told = await df(str(tmp_path), sessions, trash, inspector)
    assert [(row["id"], row["name"], row["whole"]) for row in told["sessions"]] == [
        ("two", "second", True),
        ("one", "first", True),
        ("gone", "third", False),
    ]
    second, first, third = told["sessions"]
    assert second["bytes"] == second["journal"] + second["tree"] >= 510_000
    assert first["tree"] is None
    assert third["bytes"] == 0
    assert told["trash"][0]["bytes"] >= 200_000
    assert told["bytes"] == sum(row["bytes"] for row in (*told["sessions"], *told["trash"]))
    assert 0 < told["disk"]["free"] <= told["disk"]["total"]


async def test_what_was_deleted_is_shown_with_what_it_takes(inspectors: Zygote, tmp_path: Path) -> None:
    trash = Trash(str(tmp_path))
    for at, (id, size) in enumerate((("large", 200_000), ("small", 10))):
        trash.write(Trashed(id, id, "worktree", "/w", "/p", 9 - at, done=True))
        fill(tmp_path / "trash" / id / "tree", size)
    large, small = await described(trash, Inspector(inspectors.stream, str(tmp_path / "scratch")))
    assert (large["id"], small["id"], large["whole"]) == ("large", "small", True)
    assert large["bytes"] >= 200_000 > small["bytes"] > 0
