"""Agents from the file, on top of those that are there without one."""

from __future__ import annotations

import pytest

from supervisor.core.agents import AgentRow, agent_rows, built_in
from supervisor.core.unfit import Unfit

KNOWN = built_in("/bin/bash")


def test_a_shell_and_an_echo_are_there_without_a_file() -> None:
    rows = agent_rows({}, KNOWN)
    assert rows["shell"] == AgentRow("shell", "terminal", ("/bin/bash",))
    assert rows["echo"] == AgentRow("echo", "echo")


def test_a_new_agent_is_a_row() -> None:
    table = {"adapter": "terminal", "command": ["htop", "-t"], "env": {"A": "1"}, "pass": ["SSH_*"]}
    rows = agent_rows({"htop": table}, KNOWN)
    assert rows["htop"] == AgentRow("htop", "terminal", ("htop", "-t"), {"A": "1"}, ("SSH_*",))


def test_a_row_of_a_known_name_changes_only_what_it_says() -> None:
    rows = agent_rows({"shell": {"env": {"EDITOR": "vi"}}}, KNOWN)
    assert rows["shell"] == AgentRow("shell", "terminal", ("/bin/bash",), {"EDITOR": "vi"})
    assert agent_rows({"shell": {"command": ["fish"]}}, KNOWN)["shell"].command == ("fish",)


@pytest.mark.parametrize(
    ("tables", "path", "cause"),
    [
        (1, ("agents",), "table"),
        ({"x": 1}, ("agents", "x"), "table"),
        ({"X y": {}}, ("agents", "X y"), "characters"),
        ({"x": {"comand": []}}, ("agents", "x", "comand"), "no such key"),
        ({"x": {}}, ("agents", "x"), "needs an adapter"),
        ({"x": {"adapter": "claude"}}, ("agents", "x", "adapter"), "does not speak 'claude' yet"),
        ({"x": {"adapter": "telnet"}}, ("agents", "x", "adapter"), "'telnet' is none of"),
        ({"x": {"adapter": ["terminal"]}}, ("agents", "x", "adapter"), "is none of"),
        ({"x": {"adapter": "terminal"}}, ("agents", "x", "command"), "needs a command"),
        ({"x": {"adapter": "terminal", "command": "htop"}}, ("agents", "x", "command"), "list of texts"),
        ({"x": {"adapter": "echo", "env": {"A": 1}}}, ("agents", "x", "env", "A"), "a text for a value"),
        ({"x": {"adapter": "echo", "env": {"A": "\0"}}}, ("agents", "x", "env", "A"), "a text for a value"),
        ({"x": {"adapter": "echo", "env": {"A=B": "1"}}}, ("agents", "x", "env", "A=B"), "letters"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_place(tables: object, path: tuple[str, ...], cause: str) -> None:
    with pytest.raises(Unfit) as caught:
        agent_rows(tables, KNOWN)
    assert caught.value.path == path
    assert cause in caught.value.cause
