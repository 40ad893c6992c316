"""Every verb by name: what it is for, and the module that knows it, which is loaded when the verb is called."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from supervisor.cli.arguments import Verb


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of `rc -h`."""

    module: str
    takes: str
    help: str


_GROUPS: dict[str, dict[str, Entry]] = {
    "The box": {
        "serve": Entry("serving", "[PROJECT…]", "serve these directories; by default the current one"),
        "status": Entry("box", "", "the box: every value, where it comes from, who set it"),
        "top": Entry("screens", "", "the status screen of a box that runs"),
        "mode": Entry("box", "[same-dir|worktree]", "show or switch where new sessions work"),
        "capacity": Entry("box", "[N]", "show or set how many sessions may run"),
        "project": Entry("projects", "ls|add|remove", "the directories that the box serves"),
        "restart": Entry("control", "", "start the installed version; sessions run on"),
        "shutdown": Entry("control", "[--sessions]", "end the supervisor; with --sessions everything"),
        "service": Entry("service", "install|remove|status", "have systemd keep the box running"),
        "login": Entry("login", "URL", "pair this device with a box elsewhere"),
        "box": Entry("boxes", "add|ls|use|remove", "names for boxes elsewhere"),
        "stdio": Entry("stdio", "", "stdin and stdout as a connection to the box, for ssh"),
        "doctor": Entry("screens", "[--agent A]", "what this machine has and lacks"),
        "version": Entry("box", "", "the version of this program and of the box"),
    },
    "Sessions": {
        "new": Entry("creating", "[PROMPT] [-- COMMAND…]", "start a session"),
        "run": Entry("creating", "AGENT [ARGS…]", "start a session here and stay attached to it"),
        "connect": Entry("creating", "[--new]", "your own session on this box"),
        "ls": Entry("listing", "[-a]", "list sessions"),
        "show": Entry("listing", "S…", "one session, in full"),
        "path": Entry("listing", "S…", "the directory a session works in"),
        "attach": Entry("attaching", "S [--view]", "the terminal, or the conversation, of a session"),
        "send": Entry("sending", "S [TEXT|-]", "send a prompt"),
        "interrupt": Entry("changing", "S…", "have the agent leave off what it does"),
        "wait": Entry("waiting", "[S…] --until idle|approval|exit", "wait for sessions"),
        "logs": Entry("logs", "S [-f]", "what a session has told"),
        "rename": Entry("changing", "S NAME", "call a session something else"),
        "stop": Entry("changing", "S…", "end the agent; files stay"),
        "suspend": Entry("changing", "S…", "end the agent but keep the session for resume"),
        "resume": Entry("changing", "S…", "start the agent of an ended session again"),
        "session": Entry("listing", "", "inside a session: where it can be reached"),
    },
    "Devices": {
        "pair": Entry("pairing", "[--accept NUMBER]", "let a new device in: link, QR and code"),
        "devices": Entry("devices", "", "the devices that may come in, with last use"),
        "revoke": Entry("devices", "DEVICE", "shut a device out, at once"),
    },
    "Workers elsewhere": {
        "bridge": Entry("bridging", "S [--out FILE]", "let a remote worker come in, for 15 minutes"),
        "worker": Entry("bridging", "URL [--bridge FILE]", "be the worker of a session made with --worker remote"),
    },
    "Files": {
        "diff": Entry("files", "S [--stat]", "what a session has changed"),
        "files": Entry("files", "S [PATH]", "list or read files of a session"),
        "cp": Entry("files", "SRC DST", "copy a file into or out of a session (S:PATH)"),
        "exec": Entry("executing", "S -- COMMAND…", "run a command where a session works"),
    },
    "Put away": {
        "archive": Entry("changing", "S…", "put ended sessions away; files stay"),
        "delete": Entry("changing", "S… [--keep-branch]", "remove sessions whose work is safe elsewhere"),
        "restore": Entry("changing", "S…", "undo archive or delete"),
        "trash": Entry("house", "", "what was deleted and can be restored"),
        "prune": Entry("house", "[--older 30d]", "empty the trash of what is older"),
        "df": Entry("house", "", "what the box keeps on disk"),
    },
}

VERBS: dict[str, Entry] = {name: entry for group in _GROUPS.values() for name, entry in group.items()}


def load(name: str) -> Verb:
    """The verb itself, with its module."""
    module = importlib.import_module(f"supervisor.cli.{VERBS[name].module}")
    verb = module.VERBS[name]
    assert isinstance(verb, Verb)
    return verb


def text() -> str:
    """What `rc -h` prints."""
    parts = ["usage: rc [--json] [--state-dir DIR] [--box BOX] COMMAND …\n"]
    for title, group in _GROUPS.items():
        parts.append(f"\n{title}\n")
        for name, entry in group.items():
            parts.append(f"  {f'{name} {entry.takes}'.rstrip():<38} {entry.help}\n")
    parts.append("\nS is a session: its name, its id, or the beginning of its uuid. rc COMMAND -h says more.\n")
    return "".join(parts)
