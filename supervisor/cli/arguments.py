"""How the words of a command line are read.

argparse and not typer: typer 0.29 loads pydantic as soon as it parses one option, which is 0.3 s before `rc ls` has
done anything, against 0.02 s here.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from workers.errors import Refused

GUARD = "\0"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Parser(argparse.ArgumentParser):
    """Errors are refusals, which `main` tells like all others."""

    def error(self, message: str) -> NoReturn:
        raise usage(message, f"{self.prog} -h shows how")

    def for_a_name(self, words: list[str], error: str, behind_dashes: bool) -> str:
        """What a hint says besides when a word was taken for an option: names may begin with a dash, and whoever has
        such a session must be told how to say so. Empty where none was."""
        looks = (word for word in words if word.startswith("-") and word != "-")
        stranger = next((word for word in looks if word.partition("=")[0] not in self._option_string_actions), None)
        option = re.match(r"argument (?:-\w/)?(--[a-z-]+)", error)
        if stranger is None:
            return ""
        if option is not None:
            return f"; as a value: {option[1]}={stranger}"
        return f"; as a name: {self.prog} -- {stranger}" if behind_dashes and self._get_positional_actions() else ""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: what it takes (`arguments` adds that to a parser) and what it does; `run` gives the exit code.

    `command`: what follows the first `--` is a command for elsewhere, kept unread in `args.command`.
    `rest`: everything behind the first word belongs to somebody else, options too.
    """

    arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]
    command: bool = False
    rest: bool = False


def usage(detail: str, hint: str = "rc -h shows how") -> Refused:
    """A command line that cannot be meant: exit 2."""
    return Refused("invalid", detail, hint)


def add_globals(parser: argparse.ArgumentParser) -> None:
    """The options of every command. Without defaults, because they may stand before the verb as well as behind it."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("--state-dir", metavar="DIR", default=argparse.SUPPRESS, help="where the box keeps its state")
    group.add_argument(
        "--box",
        metavar="BOX",
        default=argparse.SUPPRESS,
        help="a name of rc box, https://…, ssh://[user@]host, unix:PATH",
    )
    group.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value on stdout")


def read(name: str, help: str, verb: Verb, words: list[str], known: argparse.Namespace) -> argparse.Namespace:
    """The words behind the verb as a namespace; `known` is what stood before it. Raises Refused, or SystemExit
    after `-h`."""
    parser = Parser(prog=f"rc {name}", description=help, allow_abbrev=False)
    verb.arguments(parser)
    add_globals(parser)
    if verb.command:
        words, known.command = _split(words)
    if verb.rest:
        return parser.parse_args(words, known)
    try:
        args: argparse.Namespace = parser.parse_intermixed_args(_guard(words), known)
    except Refused as refused:
        told = words[: words.index("--")] if "--" in words else words
        refused.hint += parser.for_a_name(told, refused.detail, behind_dashes=not verb.command)
        raise
    for key, value in vars(args).items():
        if isinstance(value, list) and key != "command":
            setattr(args, key, [_unguard(item) for item in value])
        else:
            setattr(args, key, _unguard(value))
    return args


def _guard(words: list[str]) -> list[str]:
    """Words behind `--` so that none looks like an option: argparse forgets about `--` between its two passes. No
    argument of a program holds a NUL, so nothing else looks like a guarded one."""
    if "--" not in words:
        return words
    at = words.index("--")
    return words[:at] + [GUARD + word if word.startswith("-") else word for word in words[at + 1 :]]


def _unguard(value: Any) -> Any:
    return value.removeprefix(GUARD) if isinstance(value, str) else value


def _split(words: list[str]) -> tuple[list[str], list[str] | None]:
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def seconds(text: str) -> float:
    """A `duration` as an argument's type."""
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `2h`, `7d`, `1w`. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw]?)", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a time like 90s, 15m, 2h or 7d")
    return float(match[1]) * _UNITS[match[2] or "s"]


_SESSION = "a session: its name, its id, or the beginning of its uuid"
_OR_OWN = f"{_SESSION}; inside a session its own where none is named"


def add_sessions(parser: Parser, some: bool = True) -> None:
    """`S…`: one session or several."""
    # With a default argparse does not name what may be left out among what must be given.
    parser.add_argument("sessions", nargs="+" if some else "*", default=[], metavar="S", help=_SESSION)


def add_session(parser: Parser) -> None:
    """`S`: exactly one."""
    parser.add_argument("session", metavar="S", help=_SESSION)


def add_sessions_or_own(parser: Parser) -> None:
    """`S…` of verbs that only look: inside a session it may be left out."""
    own = os.environ.get("RC_SESSION_ID")
    parser.add_argument(
        "sessions", nargs="*" if own else "+", metavar="S", help=_OR_OWN, default=[own] if own else None
    )


def add_session_or_own(parser: Parser) -> None:
    """`S` of a verb that only looks."""
    own = os.environ.get("RC_SESSION_ID")
    parser.add_argument("session", nargs="?" if own else None, metavar="S", help=_OR_OWN, default=own)


def nothing(parser: Parser) -> None:
    """For verbs without arguments of their own."""


def number(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers in this range."""

    def read_number(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read_number
