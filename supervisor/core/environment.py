"""The environment of an agent: the supervisor's own at its start, filtered, and what the session adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Protocol

from supervisor.core.agents import VARIABLE, AgentRow
from workers.core.spec import Spec
from workers.errors import Refused

PASS = (
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LC_*", "TZ", "TMPDIR", "COLORTERM", "XDG_*_HOME"),
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    "SSL_CERT_*",
)
# Not even where a row passes "*": what is ours, and how agents mark the programs that they start. An agent that finds
# the mark of another one behaves as a part of it.
NEVER = ("RC_*", "CLAUDECODE", "CLAUDE_CODE_*", "CODEX_SANDBOX*", "GEMINI_CLI", "OPENCODE", "OPENCODE_*")
TERM = "xterm-256color"  # what the page's terminal is
# By `env` of one session; the kernel takes 128 KiB for one string and some MiB for all, the API 256 KiB a message.
VARIABLES_MAX = 256


class Surroundings(Protocol):
    """What a box gives its agents; its settings are one. `own` is the supervisor's environment at its start."""

    @property
    def own(self) -> Mapping[str, str]: ...

    @property
    def state_dir(self) -> str: ...

    def row(self, name: str) -> AgentRow: ...


def agent_environment(box: Surroundings, spec: Spec, wished: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of this session's agent; nothing of whoever asked for the session is in it.

    `wished` is what was asked for with the session. The later of two that set one variable wins: box, row, terminal,
    session, rc. Raises Refused `invalid`, see `check_wished`.
    """
    check_wished(wished)
    row = box.row(spec.agent)
    passed = {key: value for key, value in box.own.items() if _any(key, (*PASS, *row.passes)) and not _any(key, NEVER)}
    on_terminal = {"TERM": TERM} if spec.adapter == "terminal" else {}
    return {**passed, **row.env, **on_terminal, **wished, **_of_rc(spec, box.state_dir)}


def check_wished(wished: Mapping[str, str]) -> None:
    """Raises Refused `invalid` for what cannot be, or must not be, in a session's environment."""
    if len(wished) > VARIABLES_MAX:
        raise _invalid(f"a session takes at most {VARIABLES_MAX} variables")
    for key, value in wished.items():
        if not VARIABLE.fullmatch(key):
            raise _invalid(f"{key!r} is no name of a variable")
        if key.startswith("RC_"):
            raise _invalid(f"{key} is set by rc itself")
        if "\0" in value:
            raise _invalid(f"the value of {key} holds a NUL")


def masked(environment: Mapping[str, str]) -> dict[str, str]:
    """As it may be shown: names, and how long each value is."""
    return {key: f"({len(value)} characters)" for key, value in sorted(environment.items())}


def _any(key: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _of_rc(spec: Spec, state_dir: str) -> dict[str, str]:
    ours = {
        "RC_STATE_DIR": state_dir,
        "RC_SESSION_ID": spec.id,
        "RC_PROJECT": spec.project,
        "RC_WORKSPACE": spec.workspace,
        "RC_BRANCH": spec.branch,
    }
    return {key: value for key, value in ours.items() if value is not None}


def _invalid(detail: str) -> Refused:
    return Refused("invalid", detail, "give variables as --env NAME=VALUE")
