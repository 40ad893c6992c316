"""Sessions and the box in words for people."""

from __future__ import annotations

from typing import Any

from supervisor.cli import printing

_ENDS = {
    "stopped": "stopped",
    "killed": "killed after it was asked to stop",
    "suspended": "suspended",
    "lost": "lost: its worker is gone without a word",
    "rebooted": "lost when the machine went down",
    "launch_failed": "its command could not be started",
}


def ending(exit: dict[str, Any] | None) -> str:
    """How an agent ended: `exit 3`, `SIGKILL`, and why, where that is not by itself."""
    if not exit:
        return ""
    code, signal, reason = exit.get("code"), exit.get("signal"), str(exit.get("reason") or "ended")
    words = []
    if signal:
        words.append(f"SIG{str(signal).removeprefix('SIG')}" if not str(signal).isdigit() else f"signal {signal}")
    elif code is not None:
        words.append(f"exit {code}")
    if reason != "ended":
        words.append(_ENDS.get(reason, reason))
    return ", ".join(words) or "ended"


def state(session: dict[str, Any]) -> str:
    """The state in a few words: `running`, `running (busy)`, `exited (exit 1)`…"""
    notes = []
    if session.get("unresponsive"):
        notes.append("unresponsive")
    if session.get("turn") not in (None, "idle"):
        notes.append(str(session["turn"]).replace("_", " "))
    if session.get("state") in ("exited", "lost") and session.get("exit"):
        notes.append(ending(session["exit"]))
    if session.get("archived"):
        notes.append("archived")
    return f"{session.get('state')} ({', '.join(notes)})" if notes else str(session.get("state"))


def row(session: dict[str, Any]) -> list[object]:
    """A line of `rc ls`, under `HEADS`."""
    return [
        session.get("name"),
        state(session),
        session.get("agent"),
        session.get("project"),
        session.get("branch"),
        (session.get("created_by") or {}).get("person"),
        printing.age(session.get("created_at")),
        session.get("id"),
    ]


HEADS = ("NAME", "STATE", "AGENT", "PROJECT", "BRANCH", "BY", "AGE", "ID")


def in_full(session: dict[str, Any]) -> str:
    """All that is known of a session, a line each, with what is nothing left out."""
    terminal = session.get("terminal") or {}
    size = f"{terminal.get('rows')} rows, {terminal.get('columns')} columns" if terminal else None
    base = session.get("base_commit")
    by = session.get("created_by") or {}
    facts = {
        "name": session.get("name"),
        "id": session.get("id"),
        "state": state(session),
        "doing": session.get("doing"),
        "agent": session.get("agent"),
        "project": session.get("project"),
        "spawn mode": session.get("spawn_mode"),
        "workspace": session.get("workspace"),
        "worker": session.get("worker") if session.get("worker") == "remote" else None,
        "branch": session.get("branch"),
        "base": f"{base[:12]} ({session.get('base_ref')})" if base else None,
        "created": f"{session.get('created_at')} by {by.get('person')}",
        "url": session.get("url"),
        "terminal": size,
        "output kept": _kept(terminal),
        "events": session.get("last_seq"),
        "viewers": session.get("viewers"),
        "agent's pid": session.get("pid"),
        "worker's pid": session.get("worker_pid"),
        "ended": ending(session.get("exit")),
    }
    lines = [
        f"{name + ':':<14} {printing.visible(str(fact))}" for name, fact in facts.items() if fact not in (None, "")
    ]
    return "\n".join(lines)


def _kept(terminal: dict[str, Any]) -> str | None:
    if not terminal:
        return None
    start, end = int(terminal.get("start") or 0), int(terminal.get("offset") or 0)
    return printing.size(end - start) + (f", from {printing.size(start)} on" if start else "")


def short(session: dict[str, Any]) -> str:
    """One line that says which session and in which state."""
    return f"{session.get('name')}  {state(session)}  {session.get('id')}"
