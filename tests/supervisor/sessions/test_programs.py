"""What a new session starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.core.agents import AgentRow
from supervisor.sessions.programs import Command, Program, check_remote, choose_elsewhere, choose_here
from supervisor.settings import Settings
from tests.supervisor.sessions.livebox import settings_of
from workers.errors import Refused

Choose = Callable[[Settings, str | None, Command | None], Program]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With an agent of a later release, and one whose program is not on this machine."""
    known = settings_of(tmp_path)
    return replace(known, agents={**known.agents, "later": AgentRow("later", "claude", ("claude",))})


@pytest.mark.parametrize("choose", [choose_here, choose_elsewhere])
def test_it_is_an_agent_or_a_command_in_place_of_a_shell(settings: Settings, choose: Choose) -> None:
    assert choose(settings, "echo", None) == Program("echo", "echo", ())
    assert choose(settings, None, ("ls", "-l")) == Program("shell", "terminal", ("ls", "-l"))
    assert choose(settings, None, None).agent == settings.default_agent
    wrong: list[tuple[str, Command | None, str]] = [("echo", ("ls",), "invalid"), ("nobody", None, "unknown_agent")]
    for agent, command, code in wrong:
        with pytest.raises(Refused) as caught:
            choose(settings, agent, command)
        assert caught.value.code == code


def test_only_here_it_is_looked_for(settings: Settings) -> None:
    assert choose_elsewhere(settings, "none", None).argv == ("no-such-program",)
    with pytest.raises(Refused) as caught:
        choose_here(settings, "none", None)
    assert caught.value.code == "agent_unavailable"


def test_what_works_beside_the_box_only_is_refused_elsewhere(settings: Settings) -> None:
    with pytest.raises(Refused, match="works beside the box only"):
        choose_elsewhere(settings, "later", None)


def test_a_worker_elsewhere_has_no_worktree_here() -> None:
    check_remote(None, None)
    check_remote("same-dir", None)
    for spawn_mode, base in (("worktree", None), (None, "head")):
        with pytest.raises(Refused, match="no worktree here"):
            check_remote(spawn_mode, base)
