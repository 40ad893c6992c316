"""The browser's process, and that nothing of it stays."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.chromium import chromium


def test_nothing_of_the_browser_is_left() -> None:
    with chromium() as url:
        profile = _profile(f"{url.split(':')[2].partition('/')[0]}\n")
        assert len(_processes(profile)) > 1
    assert _processes(profile) == []
    assert not profile.parent.exists()


def _profile(port: str) -> Path:
    """Of the browser whose DevTools listen there. Others may run, and end while we look."""
    for word in {word for words in _command_lines() for word in words if word.startswith("--user-data-dir=")}:
        profile = Path(word.removeprefix("--user-data-dir="))
        with contextlib.suppress(OSError):
            if (profile / "DevToolsActivePort").read_text().startswith(port):
                return profile
    raise AssertionError("no browser listens there")


def _processes(profile: Path) -> list[list[str]]:
    return [words for words in _command_lines() if any(str(profile) in word for word in words)]


def _command_lines() -> list[list[str]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace").split("\0"))
    return found
