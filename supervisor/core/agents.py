"""Agents as rows of the settings: which program, by which adapter, with what environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from supervisor.core.unfit import Unfit, a_table, strings

ADAPTERS = ("terminal", "echo")
LATER = ("claude", "acp", "codex")  # names that are kept for a later release, which speaks them
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")  # goes into session names and labels
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEYS = ("adapter", "command", "env", "pass")


@dataclass(frozen=True, slots=True)
class AgentRow:
    """`[agents.NAME]`: `command` is the program and its first arguments (empty for `echo`, which lives inside the
    product), `env` is added to its environment, `passes` are patterns of variables that it gets from the box's own."""

    name: str
    adapter: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    passes: tuple[str, ...] = ()


def built_in(login_shell: str) -> dict[str, AgentRow]:
    """The rows that are there without a file."""
    rows = (AgentRow("shell", "terminal", (login_shell,)), AgentRow("echo", "echo"))
    return {row.name: row for row in rows}


def agent_rows(tables: object, known: Mapping[str, AgentRow]) -> dict[str, AgentRow]:
    """The known rows with those of the file; a row of a known name changes only what it says. Raises Unfit."""
    rows = dict(known)
    for name, table in a_table(tables, ("agents",)).items():
        rows[name] = _row(name, a_table(table, ("agents", name)), known.get(name))
    return rows


def _row(name: str, table: Mapping[str, object], known: AgentRow | None) -> AgentRow:
    here = ("agents", name)
    if not NAME.fullmatch(name):
        raise Unfit(here, "an agent's name is 1 to 32 characters of a-z, 0-9 and . _ -")
    for key in table:
        if key not in KEYS:
            raise Unfit((*here, key), f"there is no such key; a row has {', '.join(KEYS)}")
    adapter = _adapter(table.get("adapter", known.adapter if known else None), here)
    command = strings(table["command"], (*here, "command")) if "command" in table else known.command if known else ()
    if adapter == "terminal" and not command:
        raise Unfit((*here, "command"), 'a terminal needs a command: ["program", "argument"]')
    return AgentRow(
        name,
        adapter,
        command,
        _variables(table["env"], (*here, "env")) if "env" in table else known.env if known else {},
        strings(table["pass"], (*here, "pass")) if "pass" in table else known.passes if known else (),
    )


def _adapter(value: object, here: tuple[str, ...]) -> str:
    where = (*here, "adapter")
    if value is None:
        raise Unfit(here, f"it needs an adapter: {', '.join(ADAPTERS)}")
    if value in LATER:
        raise Unfit(where, f"this release does not speak {value!r} yet, only {', '.join(ADAPTERS)}")
    if not isinstance(value, str) or value not in ADAPTERS:
        raise Unfit(where, f"{value!r} is none of {', '.join(ADAPTERS)}")
    return value


def _variables(value: object, where: tuple[str, ...]) -> dict[str, str]:
    variables = {}
    for key, text in a_table(value, where).items():
        if not VARIABLE.fullmatch(key) or not isinstance(text, str) or "\0" in text:
            raise Unfit((*where, key), "a variable has a name of letters, digits and _, and a text for a value")
        variables[key] = text
    return variables
