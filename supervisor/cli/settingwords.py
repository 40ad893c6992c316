"""Settings in words for people: what a value means, and where it comes from."""

from __future__ import annotations

from typing import Any

from supervisor.cli import printing

HEADS = ("SETTING", "VALUE", "SET")
_OCTETS = ("terminal_keep", "room_octets")
_SOURCES = {"flag": "by its flag", "environment": "by a variable", "file": "in the file", "default": "by default"}


def row(setting: dict[str, Any]) -> list[str]:
    """A line of `rc status` and `rc doctor`, under `HEADS`."""
    return [str(setting.get("key")), value(setting), origin(setting)]


def value(setting: dict[str, Any]) -> str:
    """As box.toml and the flags have it; `-` for what is empty."""
    found = setting.get("value")
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int) and setting.get("key") in _OCTETS:
        return printing.size(found)
    if isinstance(found, list | tuple):
        return " ".join(map(str, found)) or "-"
    return "-" if found in (None, "") else str(found)


def origin(setting: dict[str, Any]) -> str:
    """Who or what has set it."""
    source, where = str(setting.get("source")), setting.get("where")
    if source in _SOURCES:
        return _SOURCES[source] + (f" ({where})" if where else "")
    # A flag of an earlier start, or somebody since.
    words = ["by a flag" if where == "flag" else "at run time"]
    if setting.get("who"):
        words.append(f"by {setting['who']}")
    if setting.get("at"):
        words.append(f"at {setting['at']}")
    return " ".join(words)
