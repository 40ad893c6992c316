"""What is in a workspace is told by the one who made it: which tree, from which commit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from supervisor.core.access import OWNER
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.contents import registration_of
from supervisor.sessions.creation import Wish
from tests.gitrepos import repository
from tests.supervisor.sessions.wholebox import whole_box
from workers.errors import Refused


async def test_changes_are_told_since_the_beginning_or_since_the_last_commit(tmp_path: Path) -> None:
    repository(tmp_path / "app")
    async with whole_box(tmp_path, ServeOptions(spawn="worktree")) as parts:
        box = parts.box
        session = await box.create(Wish(command=("sleep", "600")), OWNER)
        readme = Path(session.spec.workspace) / "README"
        before = readme.read_text()
        await box.contents.write(session, "README", b"newer\n")
        for against in ("base", "head"):
            patch = (await box.contents.diff(session, against)).patch
            assert [each.path for each in (await box.contents.diff(session, against)).files] == ["README"]
            assert "+newer" in patch and f"-{before.splitlines()[0]}" in patch
        assert await registration_of(session.spec) is not None


async def test_a_session_in_the_project_itself_has_no_registration(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        session = await parts.box.create(Wish(command=("sleep", "600")), OWNER)
        assert await registration_of(session.spec) is None


async def test_without_its_registration_nothing_is_believed_about_a_tree(tmp_path: Path) -> None:
    repository(tmp_path / "app")
    async with whole_box(tmp_path, ServeOptions(spawn="worktree")) as parts:
        session = await parts.box.create(Wish(command=("sleep", "600")), OWNER)
        registration = await registration_of(session.spec)
        assert registration is not None
        shutil.rmtree(registration)
        with pytest.raises(Refused) as refused:
            await parts.box.contents.diff(session, "base")
        assert refused.value.code == "git_failed"
