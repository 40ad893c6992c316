"""The settings of a box, each with where it comes from: flag, environment, run time, file or default."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from supervisor.boxfile import BoxFile
from supervisor.core.agents import AgentRow, agent_rows, built_in
from supervisor.core.options import Found, Option, Origin, Unusable, find, options, settle
from supervisor.core.room import Limits
from supervisor.core.unfit import Unfit
from supervisor.records import Remembered, remembered
from supervisor.statedir import state_dir_of
from workers.errors import Refused

if TYPE_CHECKING:
    from supervisor.store import Store  # settings are read where nothing loads trio

NO_LOGIN = {"nologin", "false", "sync"}  # shells of accounts that are not to log in


class Flags(Protocol):
    """What `rc serve` was given of settings. None was not given; a switch that is False was not given either."""

    @property
    def name(self) -> str | None: ...
    @property
    def spawn(self) -> str | None: ...
    @property
    def capacity(self) -> int | None: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def listen(self) -> tuple[str, ...] | None: ...
    @property
    def tls_cert(self) -> str | None: ...
    @property
    def tls_key(self) -> str | None: ...
    @property
    def behind_proxy(self) -> tuple[str, ...] | None: ...
    @property
    def public_url(self) -> tuple[str, ...] | None: ...
    @property
    def create_session_in_dir(self) -> bool | None: ...
    @property
    def verbose(self) -> bool: ...
    @property
    def log_json(self) -> bool: ...
    @property
    def config(self) -> str | None: ...
    @property
    def state_dir(self) -> str | None: ...


@dataclass(frozen=True)
class Settings:
    """Everything that was settled when the box started; `changed` gives the settings with one value made new.

    `own` is the supervisor's environment at its start. `terminal_keep` is in octets. `environment` is the part of
    session ids that tells test boxes apart, or empty. `tls_cert` and `tls_key` are files, or empty; `behind_proxy` are
    addresses and networks, `public_url` origins. `config` is the file that was read, None where there was none.
    """

    name: str
    spawn_mode: str
    capacity: int
    default_agent: str
    listen: tuple[str, ...]
    tls_cert: str
    tls_key: str
    behind_proxy: tuple[str, ...]
    public_url: tuple[str, ...]
    create_session_in_dir: bool
    environment: str
    terminal_keep: int
    room_octets: int
    room_percent: int
    verbose: bool
    log_json: bool
    agents: Mapping[str, AgentRow]
    state_dir: str
    config: str | None
    own: Mapping[str, str]
    origins: Mapping[str, Origin]

    @property
    def room(self) -> Limits:
        """How much of the disk is kept free."""
        return Limits(self.room_octets, self.room_percent)

    def row(self, name: str) -> AgentRow:
        """Raises Refused `unknown_agent`."""
        if name not in self.agents:
            known = ", ".join(self.agents)
            raise Refused("unknown_agent", f"there is no agent {name}", f"this box knows {known}; rc new -- COMMAND")
        return self.agents[name]

    def agent(self, name: str) -> AgentRow:
        """The row of an agent that can be started. Raises Refused `unknown_agent` or `agent_unavailable`."""
        row = self.row(name)
        why = self.why_not(row)
        if why is not None:
            raise Refused(
                "agent_unavailable", f"{name} cannot be started: {why}", "install it, or choose another agent"
            )
        return row

    def why_not(self, row: AgentRow) -> str | None:
        """Why an agent cannot be started, None when it can: looked up each time, because programs come and go."""
        if row.adapter == "echo" or shutil.which(row.command[0], path=self.own.get("PATH", os.defpath)):
            return None
        return f"there is no program {row.command[0]}"

    def describe_agents(self) -> list[dict[str, object]]:
        """As `GET /v1/box` shows them."""
        return [{"name": name, **self._describe_agent(row)} for name, row in self.agents.items()]

    def _describe_agent(self, row: AgentRow) -> dict[str, object]:
        why = self.why_not(row)
        return {"adapter": row.adapter, "available": why is None, "why": why, "command": list(row.command)}

    def describe(self) -> list[dict[str, object]]:
        """Each value with its source, for `rc status` and `rc doctor`."""
        return [
            {"key": key, "value": getattr(self, key), **dataclasses.asdict(origin)}
            for key, origin in self.origins.items()
        ]

    def changed(self, key: str, value: object, origin: Origin) -> Settings:
        """With one value that was set at run time; whoever calls this has checked and stored it."""
        values: dict[str, Any] = {key: value, "origins": {**self.origins, key: origin}}
        return dataclasses.replace(self, **values)

    def to_remember(self) -> dict[str, object]:
        """What flags have set and the next start finds again. `session` mode, and what it sets, is not remembered."""
        known = options(self.name, tuple(self.agents))
        given = {o.key for o in known if o.remembered and self.origins[o.key].source == "flag"}
        if self.spawn_mode == "session":
            given -= {"spawn_mode", "capacity"}
        return {key: getattr(self, key) for key in sorted(given)}


async def resolve(flags: Flags, environ: Mapping[str, str], store: Store) -> Settings:
    """What counts now. Raises Refused `configuration` naming file, line and key, or the flag or variable."""
    return settle_all(flags, environ, await store.read(remembered))


def settle_all(flags: Flags, environ: Mapping[str, str], runtime: Mapping[str, Remembered]) -> Settings:
    """The same, with the values that were made at run time."""
    file = BoxFile.read(flags.config, environ)
    try:
        agents = agent_rows(file.values.get("agents", {}), built_in(login_shell(environ)))
        known = options(socket.gethostname() or "box", tuple(agents))
        file.refuse_strangers([*(option.path for option in known), *(("agents", name) for name in agents)])
    except Unfit as unfit:
        raise file.refuse(unfit) from unfit
    values, origins = _settle_each(known, flags, environ, runtime, file)
    if values["spawn_mode"] == "session":
        # It serves exactly one session, whatever capacity says.
        values["capacity"], origins["capacity"] = 1, Origin(origins["spawn_mode"].source, "session mode")
    return Settings(
        **values,
        agents=agents,
        state_dir=state_dir_of(flags.state_dir, environ),
        config=None if file.text is None else file.path,
        own=dict(environ),
        origins=origins,
    )


def _settle_each(
    known: tuple[Option, ...],
    flags: Flags,
    environ: Mapping[str, str],
    runtime: Mapping[str, Remembered],
    file: BoxFile,
) -> tuple[dict[str, Any], dict[str, Origin]]:
    given = _given(flags)
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for option in known:
        kept = runtime.get(option.key) if option.remembered else None
        at_run_time = Found(kept.value, Origin("runtime", kept.source, kept.who, kept.at)) if kept else None
        try:
            found = find(option, given, environ, at_run_time, file.find(option))
            values[option.key], origins[option.key] = settle(option, found)
        except Unusable as unusable:
            raise _refusal(unusable, file) from unusable
    return values, origins


def _given(flags: Flags) -> dict[str, object]:
    """By the names of the settings. Switches that only switch on are not given when they are False."""
    return {
        "name": flags.name,
        "spawn_mode": flags.spawn,
        "capacity": flags.capacity,
        "default_agent": flags.agent,
        "listen": flags.listen,
        "tls_cert": flags.tls_cert,
        "tls_key": flags.tls_key,
        "behind_proxy": flags.behind_proxy,
        "public_url": flags.public_url,
        "create_session_in_dir": flags.create_session_in_dir,
        "verbose": flags.verbose or None,
        "log_json": flags.log_json or None,
    }


def _refusal(unusable: Unusable, file: BoxFile) -> Refused:
    if unusable.origin.source == "file":
        return file.refuse(unusable.unfit)
    where = str(unusable.origin.where)
    return Refused("configuration", f"{where}: {unusable.unfit.cause}", "rc serve --help", key=where)


def login_shell(environ: Mapping[str, str]) -> str:
    """The program of the agent `shell`: $SHELL, else that of the account, else /bin/sh."""
    named = environ.get("SHELL", "")
    if not os.path.isabs(named):
        try:
            named = pwd.getpwuid(os.getuid()).pw_shell
        except KeyError:  # a container may run as a number that no account has
            named = ""
    usable = os.access(named, os.X_OK) and os.path.basename(named) not in NO_LOGIN
    return named if usable else "/bin/sh"
