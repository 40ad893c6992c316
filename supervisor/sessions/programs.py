"""What a new session starts: an agent of the settings or a command, on this box or where a remote worker runs."""

from __future__ import annotations

from typing import NamedTuple

from supervisor.core.agents import AgentRow
from supervisor.settings import Settings
from workers.errors import Refused

REMOTE_ADAPTERS = ("terminal", "echo")  # what `rc worker` can run: a program on a PTY, or the agent in the product
Command = tuple[str, ...]


class Program(NamedTuple):
    """An agent of the settings, or a command in its place."""

    agent: str
    adapter: str
    argv: Command


def choose_here(settings: Settings, agent: str | None, command: Command | None) -> Program:
    """Looks for the program on the disk. Raises Refused: `unknown_agent`, `agent_unavailable`, `invalid`."""
    name = agent or ("shell" if command is not None else settings.default_agent)
    return _program(settings.agent(name), command)


def choose_elsewhere(settings: Settings, agent: str | None, command: Command | None) -> Program:
    """Likewise for another machine, where this box cannot look. Raises Refused: `unknown_agent`, `invalid`."""
    row = settings.row(agent or ("shell" if command is not None else settings.default_agent))
    if row.adapter not in REMOTE_ADAPTERS:
        detail = f"{row.name} needs the adapter {row.adapter}, which works beside the box only"
        raise Refused("invalid", detail, f"a remote worker runs {' and '.join(REMOTE_ADAPTERS)} agents")
    return _program(row, command)


def _program(row: AgentRow, command: Command | None) -> Program:
    if command is None:
        return Program(row.name, row.adapter, tuple(row.command))
    if row.adapter != "terminal":
        raise Refused("invalid", f"{row.name} takes no command of its own", "leave --agent out to run a command")
    return Program(row.name, row.adapter, command)


def check_remote(spawn_mode: str | None, base: str | None) -> None:
    """Raises Refused `invalid` for what only this box could do."""
    if spawn_mode == "worktree" or base is not None:
        detail = "a session with a remote worker has no worktree here: it works where its worker is started"
        raise Refused("invalid", detail, "leave --spawn and --base out")
