"""A browser as a process: Debian's Chromium without a window. `browser` is what drives it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until

PROGRAM = "chromium"
START_SECONDS = 60.0  # on a machine that runs other tests too
END_SECONDS = 10.0
FLAGS = [
    *("--headless=new", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--mute-audio"),
    # Nobody but the test is to be asked anything over the network.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *("--disable-extensions", "--disable-breakpad", "--no-pings", "--password-store=basic"),
    "--no-sandbox",  # root and most containers cannot have one, and all pages here are our own
    "--disable-dev-shm-usage",  # 64 MiB in a container
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--remote-debugging-port=0",
]


@contextlib.contextmanager
def chromium(*flags: str, preferences: object = None) -> Iterator[str]:
    """A browser with these flags beside `FLAGS`: where its DevTools listen. Nothing of it is left at the end.

    `preferences` are what its person has chosen in its settings, as in the file of this name.
    """
    program = shutil.which(PROGRAM)
    assert program is not None, "there is no chromium here: apt-get install chromium"
    home = Path(tempfile.mkdtemp(prefix="rc-browser-"))
    (home / "profile/Default").mkdir(parents=True)
    (home / "profile/Default/Preferences").write_text(json.dumps(preferences or {}))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RC_", "XDG_", "DBUS_"))}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *FLAGS, *flags, f"--user-data-dir={home / 'profile'}", "about:blank"],
            env={**environment, "HOME": str(home), "TMPDIR": str(home)},  # it leaves things in both
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that it ends with its children
        )
    try:
        yield until(lambda: _listening(home, process), START_SECONDS)
    finally:
        _end(process)
        shutil.rmtree(home)


def _listening(home: Path, process: subprocess.Popen[bytes]) -> str | None:
    assert process.poll() is None, (home / "log").read_text(errors="replace")
    told = home / "profile/DevToolsActivePort"
    port, _, path = told.read_text().partition("\n") if told.exists() else ("", "", "")
    return f"ws://127.0.0.1:{port}{path.strip()}" if path else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """All of it: its children are in its group, and none of them has anything to save."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(END_SECONDS)
    until(lambda: not _group(process.pid), END_SECONDS)


def _group(id: int) -> list[str]:
    """Living processes of this group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == id and state != "Z":
                found.append(stat.parent.name)
    return found
