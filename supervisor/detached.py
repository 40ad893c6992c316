"""Starts a box in the background: the same program without a terminal, its log in the state directory."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from supervisor.serveoptions import ServeOptions
from workers.errors import Refused

LOG = "serve.log"
READY_SECONDS = 30.0  # a box is ready after about a second; on a loaded machine, with many sessions, after some
NONE: Mapping[str, str] = {}
LINE = 64 << 10  # octets of the line that says ready, or of the problem that says why not


def words(options: ServeOptions) -> list[str]:
    """The command line that asks for these options, without `--detach`."""
    valued = {
        "--spawn": options.spawn,
        "--capacity": options.capacity,
        "--name": options.name,
        "--agent": options.agent,
        "--tls-cert": options.tls_cert,
        "--tls-key": options.tls_key,
        "--config": options.config,
        "--state-dir": options.state_dir,
    }
    switched = {
        "--verbose": options.verbose,
        "--log-json": options.log_json,
        "--take-over": options.take_over,
        "--continue": options.continue_,
        "--create-session-in-dir": options.create_session_in_dir is True,
        "--no-create-session-in-dir": options.create_session_in_dir is False,
    }
    given = [f"{name}={value}" for name, value in valued.items() if value is not None]
    given += [name for name, on in switched.items() if on]
    for name, values in (
        ("--listen", options.listen),
        ("--behind-proxy", options.behind_proxy),
        ("--public-url", options.public_url),
    ):
        given += [f"{name}={value}" for value in values or ()]
    return [*given, "--", *options.projects]


def start_box(arguments: Sequence[str], state_dir: str, variables: Mapping[str, str] = NONE) -> dict[str, Any]:
    """Start `rc serve` with these arguments in the background and wait until it is ready: its ready line.

    `variables` are added to its environment. Raises Refused with what it refused; nothing runs then.
    """
    log = os.open(os.path.join(state_dir, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        began = os.lseek(log, 0, os.SEEK_END)
        child = subprocess.Popen(
            # -P: or what lies in the current directory, a project, would be imported in place of our packages
            [sys.executable, "-P", "-m", "supervisor", "serve", "--json", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **variables},
            start_new_session=True,
        )
    finally:
        os.close(log)
    assert child.stdout is not None
    with child.stdout as out:
        line = _read_line(out.fileno(), time.monotonic() + READY_SECONDS)
    if line:
        ready: dict[str, Any] = json.loads(line)
        return ready
    if child.poll() is None:
        child.kill()
    child.wait()
    raise _why(os.path.join(state_dir, LOG), began)


def serve_detached(options: ServeOptions, state_dir: str) -> int:
    """`rc serve -d`: return when the box is ready, and print its links."""
    ready = start_box(words(options), state_dir)
    if options.json:
        print(json.dumps(ready))  # noqa: T201  # the one line that is promised
    else:
        for url in ready["urls"]:
            print(url)  # noqa: T201
        print(f"the box runs in the background, pid {ready['pid']}; end it with: rc shutdown")  # noqa: T201
    return 0


def _read_line(descriptor: int, until: float) -> bytes:
    """The first line; empty when the other side is done without one, or late."""
    data = b""
    while b"\n" not in data and len(data) < LINE:
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            return b""
        more = os.read(descriptor, LINE)
        if not more:
            return b""
        data += more
    return data


def _why(log: str, began: int) -> Refused:
    """The problem object that a start with --json leaves as its last line, as the refusal that it was."""
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(began)
        lines = [line for line in file.read(LINE).splitlines() if line.strip()]
    try:
        problem: dict[str, Any] = json.loads(lines[-1])
        return Refused(problem["code"], problem["detail"], problem["hint"], log=log)
    except (IndexError, ValueError, KeyError, TypeError):
        return Refused("configuration", "the box did not start", f"its log says more: {log}", log=log)
