"""A box as one who follows `/v1/stream` knows it: a fold of its messages. The counterpart is whoever sends them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from supervisor.core.pairingview import PairingView
from workers.core.lifecycle import HOLDS_SLOT

NOTES_KEPT = 5  # lines shown at once; who wants more reads the log


class BoxView:
    """`box` and `sessions` (by id) are whole objects as the API shows them, `pairing` is who wants in, `notes` are the
    last lines to be told."""

    def __init__(self) -> None:
        self.box: Mapping[str, Any] = {}
        self.sessions: dict[str, Mapping[str, Any]] = {}
        self.pairing = PairingView()
        self.notes: deque[str] = deque(maxlen=NOTES_KEPT)

    def apply(self, message: Mapping[str, Any]) -> None:
        """Take in one message; one of a kind that we do not know changes nothing."""
        match message.get("type"):
            case "hello":
                self.box = message["box"]
                self.sessions = {session["id"]: session for session in message["sessions"]}
                self.notes += self.pairing.begin(message.get("pairings", ()))
            case "box":
                self.box = message["box"]
            case "session":
                self.sessions[message["session"]["id"]] = message["session"]
            case "session_gone":
                self.sessions.pop(message["id"], None)
            case "pairing":
                self.notes += self.pairing.apply(message["pairing"])
            case "pairing_gone":
                self.notes += self.pairing.drop(message["id"])
            case "notice":
                self.notes.append(str(message["text"]))

    @property
    def shown(self) -> list[Mapping[str, Any]]:
        """Sessions that are not archived: those that live first, of both the oldest first."""
        kept = (session for session in self.sessions.values() if not session.get("archived"))
        return sorted(kept, key=lambda s: (s["state"] not in HOLDS_SLOT, s["created_at"]))

    @property
    def running(self) -> list[Mapping[str, Any]]:
        return [session for session in self.shown if session["state"] == "running"]

    @property
    def other_mode(self) -> str:
        """What the switch switches to."""
        return "same-dir" if self.box.get("spawn_mode") == "worktree" else "worktree"
