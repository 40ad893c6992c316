"""systemd's user manager, asked through its own programs."""

from __future__ import annotations

import os
import shutil
import subprocess

from supervisor.cli import exits
from workers.errors import Refused

UNIT = "rcbox.service"
ANSWER_SECONDS = 60.0  # starting a box takes about a second; its manager may be busy with a login


def manages(pid: int) -> bool:
    """Whether this process is the main one of our unit, so that ending it by hand only has it started again."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            return any(line.rstrip("\n").endswith(f"/{UNIT}") for line in file)
    except OSError:
        return False


def systemctl(*words: str, check: bool = True) -> str:
    """What `systemctl --user` says. Raises Refused when there is none, or when it fails and `check` is set."""
    program = shutil.which("systemctl")
    if program is None:
        hint = "run rc serve -d, or have another supervisor of services run rc serve"
        raise Refused("configuration", "this machine has no systemctl", hint, exit=exits.CANNOT_BE_HAD)
    try:
        done = subprocess.run(
            [program, "--user", *words], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refused("failed", f"systemctl --user {' '.join(words)} does not return", "try it by hand") from error
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        detail = f"systemctl --user {' '.join(words)} failed: {said[-1] if said else done.returncode}"
        hint = "log in as this account itself (ssh, not su); where systemd does not run: rc serve -d"
        raise Refused("configuration", detail, hint)
    return done.stdout.strip()


def lingers() -> bool:
    """Whether this account's services outlive its last login."""
    program = shutil.which("loginctl")
    if program is None:
        return False
    words = [program, "show-user", str(os.getuid()), "--property=Linger", "--value"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    return done.stdout.strip() == "yes"
