"""The settings of a box as a table: what each is called, what it may be, and what it is when nobody says."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from supervisor.core import unfit
from supervisor.core.names import check_name
from supervisor.core.reach import origin_of
from supervisor.core.unfit import Unfit
from workers.errors import Refused

Path = tuple[str, ...]

SpawnMode = Literal["same-dir", "worktree"]  # what a box can be switched to, and a session asked to be made in
SWITCHABLE_MODES: tuple[str, ...] = get_args(SpawnMode)
SPAWN_MODES = (*SWITCHABLE_MODES, "session")
CAPACITY_MAX = 1024  # a worker costs some 2 MB and a shell more, so that memory says stop before this
TERMINAL_KEEP_MIN = 8 << 20  # two segments of 4 MiB: with less, trimming would take what was just printed
TERMINAL_KEEP_MAX = 1 << 40


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `path` is its place in the file, `flag` its name on the command line (without dashes).

    `check(value, path)` gives the value as it is kept, or raises Unfit; `read(text)` makes of a variable's text what
    `check` takes. A `remembered` one, given as a flag or changed at run time, counts until it is given again.
    """

    key: str
    path: Path
    flag: str | None
    default: Any
    check: Callable[[object, Path], Any]
    read: Callable[[str], object]
    remembered: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """Names in the environment: by the setting, and by its flag where that is called otherwise."""
        names = [self.key] if self.flag in (None, self.key) else [self.key, str(self.flag)]
        return tuple(dict.fromkeys(f"RC_{name.upper().replace('-', '_')}" for name in names))


def _text(text: str) -> object:
    return text


def _list(text: str) -> object:
    return [item.strip() for item in text.split(",") if item.strip()]


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() else text


def _truth(text: str) -> object:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower(), text)


def _name(value: object, path: Path) -> str:
    if not isinstance(value, str):
        raise Unfit(path, "this is a text")
    try:
        return check_name(value)
    except Refused as refused:
        raise Unfit(path, refused.detail) from refused


def _spawn_mode(value: object, path: Path) -> str:
    return unfit.choice(value, path, SPAWN_MODES)


def _capacity(value: object, path: Path) -> int:
    return unfit.whole(value, path, 1, CAPACITY_MAX)


def _environment(value: object, path: Path) -> str:
    return unfit.choice(value, path, ("", "staging", "local"))


def _terminal_keep(value: object, path: Path) -> int:
    return unfit.size(value, path, TERMINAL_KEEP_MIN, TERMINAL_KEEP_MAX)


def _room_octets(value: object, path: Path) -> int:
    return unfit.size(value, path, 0, TERMINAL_KEEP_MAX)


def _room_percent(value: object, path: Path) -> int:
    return unfit.whole(value, path, 0, 50)


def _file(value: object, path: Path) -> str:
    """Of a file, or empty. From the command line it comes absolute: the next start is made somewhere else."""
    if not isinstance(value, str) or "\0" in value:
        raise Unfit(path, "this is a text")
    if value and not value.startswith(("/", "~/")):
        raise Unfit(path, f"{value!r} is no absolute path")
    return value


def _proxies(value: object, path: Path) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(text)) for text in unfit.strings(value, path) if text)
    except ValueError as error:
        raise error if isinstance(error, Unfit) else Unfit(path, f"this is an address or a network: {error}") from error


def _urls(value: object, path: Path) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(origin_of(text) for text in unfit.strings(value, path) if text))
    except ValueError as error:
        raise error if isinstance(error, Unfit) else Unfit(path, str(error)) from error


def options(host: str, agents: tuple[str, ...]) -> tuple[Option, ...]:
    """All settings but the agents themselves, whose names these are.

    `host` is the machine's name, by which a box is called when nobody says.
    """

    def agent(value: object, path: Path) -> str:
        return unfit.choice(value, path, agents)

    return (
        Option("name", ("name",), "name", host, _name, _text, remembered=True),
        Option("spawn_mode", ("spawn_mode",), "spawn", "same-dir", _spawn_mode, _text, remembered=True),
        Option("capacity", ("capacity",), "capacity", 32, _capacity, _number, remembered=True),
        Option("default_agent", ("default_agent",), "agent", "shell", agent, _text, remembered=True),
        Option("listen", ("listen",), "listen", ("127.0.0.1:7420",), unfit.strings, _list, remembered=True),
        Option("tls_cert", ("tls_cert",), "tls-cert", "", _file, _text, remembered=True),
        Option("tls_key", ("tls_key",), "tls-key", "", _file, _text, remembered=True),
        Option("behind_proxy", ("behind_proxy",), "behind-proxy", (), _proxies, _list, remembered=True),
        Option("public_url", ("public_url",), "public-url", (), _urls, _list, remembered=True),
        Option(
            "create_session_in_dir",
            ("create_session_in_dir",),
            "create-session-in-dir",
            True,
            unfit.boolean,
            _truth,
            remembered=True,
        ),
        Option("environment", ("environment",), None, "", _environment, _text),
        Option("terminal_keep", ("journal", "terminal_keep"), None, 64 << 20, _terminal_keep, _text),
        Option("room_octets", ("disk", "keep_free"), None, 1 << 30, _room_octets, _text),
        Option("room_percent", ("disk", "keep_free_percent"), None, 5, _room_percent, _number),
        Option("verbose", ("log", "verbose"), "verbose", False, unfit.boolean, _truth),
        Option("log_json", ("log", "json"), "log-json", False, unfit.boolean, _truth),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: `flag`, `environment`, `runtime`, `file` or `default`. `where` is the variable or the
    file and line; `who` and `at` (RFC 3339) are known of those made at run time."""

    source: str
    where: str | None = None
    who: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One place in which a setting may stand: its value there, not yet checked."""

    value: object
    origin: Origin


def settle(option: Option, found: list[Found]) -> tuple[Any, Origin]:
    """The value that counts: that of the first place in which it was found, else the default.

    Raises Unusable when that one cannot be used. One that was made at run time and has become unusable (by another
    release, or because its agent is gone) is passed over, because nobody can correct it while the box is down.
    """
    for one in found:
        try:
            return option.check(one.value, option.path), one.origin
        except Unfit as unfit:
            if one.origin.source != "runtime":
                raise Unusable(unfit, one.origin) from unfit
    return option.default, Origin("default")


class Unusable(ValueError):
    """An unfit value with the place where it was found."""

    def __init__(self, unfit: Unfit, origin: Origin) -> None:
        super().__init__(f"{origin.where}: {unfit.cause}")
        self.unfit = unfit
        self.origin = origin


def find(
    option: Option, flags: Mapping[str, object], environ: Mapping[str, str], runtime: Found | None, file: Found | None
) -> list[Found]:
    """All places in which this setting stands, the strongest first. A flag of None was not given."""
    found = []
    if flags.get(option.key) is not None:
        found.append(Found(flags[option.key], Origin("flag", f"--{option.flag}")))
    found += [Found(option.read(environ[v]), Origin("environment", v)) for v in option.variables if v in environ]
    return found + [one for one in (runtime, file) if one is not None]
