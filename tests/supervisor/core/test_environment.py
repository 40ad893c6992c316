"""What an agent finds in its environment, and what it must not find there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from supervisor.core.agents import AgentRow, built_in
from supervisor.core.environment import VARIABLES_MAX, agent_environment, check_wished, masked
from workers.core.spec import Spec
from workers.errors import Refused


@dataclass
class Box:
    own: Mapping[str, str]
    rows: Mapping[str, AgentRow] = field(default_factory=lambda: built_in("/bin/sh"))
    state_dir: str = "/state"

    def row(self, name: str) -> AgentRow:
        return self.rows[name]


def spec(agent: str = "shell", adapter: str = "terminal", branch: str | None = None) -> Spec:
    return Spec(
        id="session_1",
        name="one",
        agent=agent,
        adapter=adapter,
        argv=(),
        env={},
        workspace="/work/tree",
        project="app",
        project_path="/src/app",
        spawn_mode="worktree",
        created_at="2026-01-01T00:00:00.000Z",
        person="owner",
        branch=branch,
    )


OURS = {"RC_STATE_DIR": "/state", "RC_SESSION_ID": "session_1", "RC_PROJECT": "app", "RC_WORKSPACE": "/work/tree"}


def test_it_is_told_where_it_is() -> None:
    assert agent_environment(Box({}), spec(), {}) == {"TERM": "xterm-256color", **OURS}
    assert agent_environment(Box({}), spec(branch="rc/one"), {})["RC_BRANCH"] == "rc/one"


def test_only_a_terminal_has_a_terminals_name() -> None:
    assert agent_environment(Box({"TERM": "dumb"}), spec("echo", "echo"), {}) == OURS


def test_the_harmless_part_of_the_boxs_own_environment_is_passed() -> None:
    own = {
        "HOME": "/root",
        "PATH": "/bin",
        "LC_ALL": "C",
        "XDG_DATA_HOME": "/d",
        "https_proxy": "p",
        "SSL_CERT_DIR": "c",
    }
    assert agent_environment(Box(own), spec(), {}).items() >= own.items()


@pytest.mark.parametrize(
    "key",
    [
        *("SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "TMUX", "DISPLAY", "DOCKER_HOST"),
        *("KUBECONFIG", "AWS_SECRET_ACCESS_KEY", "RC_BOX", "CLAUDECODE", "XDG_RUNTIME_DIR", "LD_PRELOAD"),
    ],
)
def test_what_opens_other_doors_is_not_passed(key: str) -> None:
    assert key not in agent_environment(Box({key: "1"}), spec(), {})


def test_a_row_may_list_more_but_never_what_is_ours_or_another_agents() -> None:
    row = AgentRow("shell", "terminal", ("sh",), {"EDITOR": "vi"}, ("*",))
    own = {"DISPLAY": ":0", "CLAUDECODE": "1", "RC_SECRET": "1", "EDITOR": "nano"}
    made = agent_environment(Box(own, {"shell": row}), spec(), {})
    assert made == {"DISPLAY": ":0", "EDITOR": "vi", "TERM": "xterm-256color", **OURS}


def test_what_was_asked_for_with_the_session_wins_over_the_row() -> None:
    row = AgentRow("shell", "terminal", ("sh",), {"EDITOR": "vi"})
    made = agent_environment(Box({}, {"shell": row}), spec(), {"EDITOR": "ed", "TERM": "vt100"})
    assert (made["EDITOR"], made["TERM"]) == ("ed", "vt100")


@pytest.mark.parametrize(
    "wished",
    [
        *({"A=B": "1"}, {"": "1"}, {"1A": "1"}, {"RC_SESSION_ID": "x"}, {"A": "x\0y"}),
        {f"A{number}": "" for number in range(VARIABLES_MAX + 1)},
    ],
)
def test_what_cannot_or_must_not_be_a_variable_is_refused(wished: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        check_wished(wished)
    assert caught.value.code == "invalid"


def test_values_are_masked_where_people_look() -> None:
    assert masked({"TOKEN": "hunter2", "A": ""}) == {"A": "(0 characters)", "TOKEN": "(7 characters)"}
