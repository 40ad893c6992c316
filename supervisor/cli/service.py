"""`rc service install|remove|status`: the box as a unit of systemd's user manager."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

import supervisor
from supervisor.cli import exits, printing, systemd
from supervisor.cli.address import state_dir
from supervisor.cli.arguments import Parser, Verb
from supervisor.cli.client import LOOK_SECONDS
from supervisor.client.address import of_state_dir
from supervisor.ownplace import refuse_inside
from workers.errors import Refused


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=("install", "remove", "status"), metavar="install|remove|status")


def _service(args: argparse.Namespace) -> int:
    return {"install": _install, "remove": _remove, "status": _status}[args.what](args)


def unit_path() -> str:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):  # the specification of base directories has a relative one be ignored
        base = os.path.expanduser("~/.config")
    return os.path.join(base, "systemd", "user", systemd.UNIT)


def unit_text(template: str, words: list[str], here: str, path: str) -> str:
    """The unit for this machine: `words` start the box, in `here`, with this search path for agents."""
    lines = []
    for line in template.splitlines():
        if line.startswith("ExecStart="):
            lines += [
                f"ExecStart={' '.join(map(_quoted, words))}",
                f"WorkingDirectory={here.replace('%', '%%')}",
                f"Environment={_quoted('PATH=' + path, dollar='$')}",
            ]
        elif not line.startswith("#") or "rc service install" not in line:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _quoted(word: str, dollar: str = "$$") -> str:
    """A word as systemd.syntax(7) reads it back; only in a command line does `$` mean something."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", dollar)
    return f'"{escaped}"'


def _template() -> str:
    package = os.path.dirname(os.path.abspath(supervisor.__file__))
    # In a wheel the examples lie inside the package, in a working copy beside it.
    for folder in (package, os.path.dirname(package)):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, "configs", systemd.UNIT)) as file:
            return file.read()
    raise Refused("failed", "the example of the unit is missing from this installation", "install rcbox again")


def _words(args: argparse.Namespace) -> list[str]:
    """How this very installation is started."""
    script = os.path.join(os.path.dirname(sys.executable), "rc")
    # -P: a directory called `supervisor` where the box is started must not be taken for ours.
    program = [script] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "supervisor"]
    named = args.state_dir or os.environ.get("RC_STATE_DIR")
    return [*program, "serve", "--log-json", *([f"--state-dir={state_dir(args)}"] if named else [])]


def _install(args: argparse.Namespace) -> int:
    refuse_inside(state_dir(args))
    systemd.systemctl("show-environment")  # before anything is written: whether there is somebody to read it
    _refuse_running(args)
    path = unit_path()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(unit_text(_template(), _words(args), os.getcwd(), os.environ.get("PATH", os.defpath)))
    systemd.systemctl("daemon-reload")
    systemd.systemctl("enable", "--now", systemd.UNIT)
    _tell(args, f"{path} is installed, and the box runs")
    if not systemd.lingers() and not args.json:
        printing.note("it ends with your last login; to keep it: loginctl enable-linger")
    return exits.DONE


def _refuse_running(args: argparse.Namespace) -> None:
    """Two supervisors cannot have one state directory; say so before the unit fails for it."""
    try:
        of_state_dir(state_dir(args)).transport.dial(LOOK_SECONDS).close()
    except Refused:
        return
    if systemd.systemctl("is-active", systemd.UNIT, check=False) == "active":
        return
    raise Refused(
        "invalid_state",
        "a box runs here already, and not as a service",
        "rc shutdown ends it (sessions run on), then try again",
        exit=exits.REFUSED,
    )


def _remove(args: argparse.Namespace) -> int:
    refuse_inside(state_dir(args))
    path = unit_path()
    if not os.path.exists(path):
        raise Refused("not_found", "no service is installed", "rc service install installs one")
    systemd.systemctl("disable", "--now", systemd.UNIT)
    os.unlink(path)
    systemd.systemctl("daemon-reload")
    _tell(args, "the service is removed and the box has ended; sessions run on, rc serve takes them up")
    return exits.DONE


def _status(args: argparse.Namespace) -> int:
    facts = _facts()
    if args.json:
        printing.value(facts)
    elif not facts["installed"]:
        printing.line("not installed; rc service install does it")
    else:
        printing.line(f"{facts['path']}: {facts['enabled']}, {facts['active']}")
    return exits.DONE if facts["active"] == "active" else exits.NOT_THERE


def _tell(args: argparse.Namespace, text: str) -> None:
    if args.json:
        printing.value(_facts())
    else:
        printing.line(text)


def _facts() -> dict[str, object]:
    path = unit_path()
    return {
        "installed": os.path.exists(path),
        "path": path,
        "enabled": systemd.systemctl("is-enabled", systemd.UNIT, check=False) or "unknown",
        "active": systemd.systemctl("is-active", systemd.UNIT, check=False) or "unknown",
    }


VERBS = {"service": Verb(_arguments, _service)}
