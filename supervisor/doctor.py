"""`rc doctor`: what this machine has and lacks for a box, how fast its disk is, and every setting with its source."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from statistics import median
from typing import Any

from supervisor import waysin
from supervisor.core.environment import agent_environment, masked
from supervisor.core.findings import Finding
from supervisor.core.room import Disk
from supervisor.records import Remembered, remembered
from supervisor.settings import Flags, Settings, settle_all
from supervisor.statedir import find_state_dir, state_dir_of
from workers.core.spec import Spec
from workers.errors import Refused

KERNEL_MIN = (5, 15)
GIT_MIN = (2, 31)  # `git worktree add --lock --reason`; what was measured is 2.39
PACKAGES = ("rcbox", "trio", "hypercorn", "fastapi", "trio-websocket", "gitpython", "rich", "structlog")
FSYNCS = 9  # the median of these; a single one may have met somebody else's
FSYNC_SLOW = 0.05  # seconds; each accepted prompt waits for one, and people notice what is slower
GIT_SECONDS = 5.0  # to tell its version; a home on a network that is down hangs for ever
SO_PEERPIDFD = 77  # Linux 6.5; Python has no name for it yet


def examine(flags: Flags, environ: Mapping[str, str]) -> dict[str, Any]:
    """Everything, as `rc doctor --json` prints it: `ok`, `versions`, `findings`, `settings`. Changes nothing."""
    state_dir, source, where = find_state_dir(flags.state_dir, environ)
    findings = [_kernel(), _git(environ), _name_clash(), _peers(), *_disk(state_dir)]
    shown: list[dict[str, object]] = []
    try:
        settings = _settings(flags, environ, state_dir)
    except Refused as refused:
        findings.append(Finding("settings", False, refused.detail, refused.hint))
    else:
        shown = [{"key": "state_dir", "value": state_dir, "source": source, "where": where}, *settings.describe()]
        findings += [_agent(settings, name) for name in settings.agents]
        findings += waysin.look(settings, environ, datetime.now(UTC))
    return {
        "ok": all(finding.ok for finding in findings),
        "versions": _versions(),
        "findings": [asdict(finding) for finding in findings],
        "settings": shown,
    }


def environment_of(agent: str, flags: Flags, environ: Mapping[str, str]) -> dict[str, str]:
    """What this agent would find in its environment, values masked. Raises Refused."""
    settings = _settings(flags, environ, state_dir_of(flags.state_dir, environ))
    row = settings.row(agent)
    example = Spec("…", "…", agent, row.adapter, row.command, {}, "…", "…", "…", "same-dir", "…", None, branch="…")
    return masked(agent_environment(settings, example, {}))


def _settings(flags: Flags, environ: Mapping[str, str], state_dir: str) -> Settings:
    return settle_all(flags, environ, _remembered(os.path.join(state_dir, "box.sqlite")))


def _remembered(path: str) -> dict[str, Remembered]:
    """What was set at run time, read beside a box that may be running. Nothing where there is no store to read."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return remembered(connection)
    except sqlite3.Error:
        return {}


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "kernel": platform.release(), "sqlite": sqlite3.sqlite_version}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _kernel() -> Finding:
    release = platform.release()
    ok = sys.platform == "linux" and _numbers(release) >= KERNEL_MIN
    wanted = ".".join(map(str, KERNEL_MIN))
    return Finding("kernel", ok, f"{platform.system()} {release}", "" if ok else f"a box needs Linux {wanted} or later")


def _git(environ: Mapping[str, str]) -> Finding:
    try:
        asked = ["git", "--version"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=GIT_SECONDS, env=dict(environ), check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("git", False, f"git does not run: {error}", "install git: worktrees and diffs need it")
    ok = _numbers(told.stdout) >= GIT_MIN
    return Finding("git", ok, told.stdout.strip(), "" if ok else f"install {'.'.join(map(str, GIT_MIN))} or later")


def _name_clash() -> Finding:
    """PyPI's `supervisor` overwrites files of a package of ours when both are in one environment."""
    ours = str(import_module("supervisor").__file__)
    try:
        other = importlib.metadata.version("supervisor")
    except importlib.metadata.PackageNotFoundError:
        return Finding("package names", True, f"supervisor is ours: {os.path.dirname(ours)}")
    hint = "install rcbox into a virtual environment of its own"
    return Finding("package names", False, f"supervisord {other} is installed beside us and overwrites {ours}", hint)


def _peers() -> Finding:
    """How well a program at `rc.sock` can be told from another one that took over its number."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            os.close(ours.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD))
        except OSError:
            return Finding("who asks", True, "by pid and start time; from Linux 6.5 on by a descriptor")
    return Finding("who asks", True, "by a descriptor of the asking process")


def _disk(state_dir: str) -> list[Finding]:
    """Looked at where the state will be, also before there is any."""
    folder = state_dir
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    found = os.statvfs(folder)
    disk = Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
    free = f"{disk.free / (1 << 30):.1f} of {disk.size / (1 << 30):.1f} GiB free for {state_dir}"
    room = Finding("disk", disk.free > 0, free, "" if disk.free else "make room: without it nothing can be kept")
    return [room, _fsync(folder)]


def _fsync(folder: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            seconds = median(_timed(lambda: _write_through(file.fileno())) for _ in range(FSYNCS))
    except OSError as error:
        return Finding("fsync", False, f"{folder}: {error.strerror}", "choose another one with --state-dir")
    ok = seconds <= FSYNC_SLOW
    hint = "" if ok else "every prompt waits for one: put the state on a local disk with --state-dir"
    return Finding("fsync", ok, f"{seconds * 1000:.2f} ms on the disk of {folder}", hint)


def _write_through(descriptor: int) -> None:
    os.write(descriptor, b"\0" * 4096)
    os.fdatasync(descriptor)


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _agent(settings: Settings, name: str) -> Finding:
    row = settings.row(name)
    why = settings.why_not(row)
    if why is None:
        return Finding(f"agent {name}", True, f"{row.adapter}: {' '.join(row.command) or 'inside rc'}")
    return Finding(f"agent {name}", False, why, f"install it, or correct [agents.{name}]")


def _numbers(text: str) -> tuple[int, ...]:
    """The first version number in a text; () where there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report for people, but for the settings. The caller sees that what others wrote is printed harmlessly."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    told = [f"versions: {versions}", ""]
    for finding in report["findings"]:
        told.append(f"{'ok  ' if finding['ok'] else 'BAD '} {finding['check']}: {finding['detail']}")
        if finding["hint"]:
            told.append(f"     → {finding['hint']}")
    return told
