"""The table of verbs."""

from __future__ import annotations

import pytest

from supervisor.cli import overview

LATER = "approvals approve deny share trust audit notify adopt acp relay grant people invite"
ALSO_LATER = "shell-init reload drain"


@pytest.mark.parametrize("name", overview.VERBS)
def test_every_verb_is_where_the_table_says(name: str) -> None:
    assert callable(overview.load(name).run)


def test_every_verb_is_told_of() -> None:
    text = overview.text()
    assert all(f"\n  {name} " in text for name in overview.VERBS)


def test_verbs_of_later_releases_are_not_there() -> None:
    assert not set(overview.VERBS) & {*LATER.split(), *ALSO_LATER.split()}
