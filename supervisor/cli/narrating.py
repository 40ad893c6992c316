"""Events in words: a line each for `rc logs`, running text for a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervisor.cli import describe

Update = dict[str, Any]
Event = dict[str, Any]


def log_line(event: Event) -> str:
    """Number, time of day and what happened; may hold anything that somebody wrote."""
    return f"{event['seq']:>6}  {str(event['at'])[11:23]}  {said(event)}"


def said(event: Event) -> str:
    """What happened, without number and time."""
    update = event["update"]
    kind = str(update.get("sessionUpdate"))
    teller = _TELLERS.get(kind)
    words = teller(update) if teller else kind.removeprefix("_rc/").replace("_", " ")
    cut = update.get("truncated")
    more = f" […{cut.get('bytes')} octets in all]" if isinstance(cut, dict) else ""
    return f"{_who(event, kind)}{words}{more}"


def _who(event: Event, kind: str) -> str:
    person = (event.get("by") or {}).get("person")
    if kind == "agent_message_chunk":
        return "agent: "
    if kind == "agent_thought_chunk":
        return "agent thinks: "
    if kind == "user_message_chunk":
        return f"{person or 'somebody'}: "
    return f"{person} " if person else ""


def text_of(update: Update) -> str:
    """The text of a chunk; what is no text is named."""
    content = update.get("content")
    if not isinstance(content, dict):
        return ""
    return str(content.get("text", "")) if content.get("type") == "text" else f"[{content.get('type')}]"


def _process(update: Update) -> str:
    state = update.get("state")
    if state == "running":
        return f"running, pid {update['pid']}" if update.get("pid") else "running"
    if update.get("reason") or update.get("code") is not None:
        detail = f" ({update['detail']})" if update.get("detail") else ""
        return f"{state}: {describe.ending(update)}{detail}"
    return str(state)


def _tool(update: Update) -> str:
    words = ("tool", update.get("title") or update.get("toolCallId"), update.get("status"))
    return " ".join(str(word) for word in words if word)


def _state(update: Update) -> str:
    reason = update.get("stopReason")
    return f"{update.get('state')} ({reason})" if reason not in (None, "end_turn") else str(update.get("state"))


_TELLERS: dict[str, Callable[[Update], str]] = {
    "user_message_chunk": text_of,
    "agent_message_chunk": text_of,
    "agent_thought_chunk": text_of,
    "tool_call": _tool,
    "tool_call_update": _tool,
    "plan": lambda update: f"plan of {len(update.get('entries') or ())} steps",
    "state_update": _state,
    "_rc/process": _process,
    "_rc/command": lambda update: f"asked: {str(update.get('kind')).replace('_', ' ')}",
    "_rc/message_state": lambda update: f"message {update.get('state')}",
    "_rc/resized": lambda update: f"resized to {update.get('rows')} rows, {update.get('columns')} columns",
    "_rc/notice": lambda update: f"{update.get('level')}: {update.get('text')}",
    "_rc/renamed": lambda update: f"renamed to {update.get('name')}",
}


class Narrator:
    """A conversation as running text: chunks of one speaker are put together, everything else has its own lines.

    `own` are texts that the asker has typed and sees already.
    """

    def __init__(self) -> None:
        self._open: str | None = None  # whose words the last line holds, while it is not ended
        self._own: list[str] = []

    def typed_here(self, text: str) -> None:
        """The asker has sent this from this very screen: it is not shown to them again."""
        self._own.append(text)

    def tell(self, event: Event) -> str:
        """What to print for this event; empty for what tells a person nothing."""
        update = event["update"]
        kind = str(update.get("sessionUpdate"))
        if kind in ("agent_message_chunk", "agent_thought_chunk"):
            return self._chunk(kind, text_of(update))
        if kind == "user_message_chunk":
            text = text_of(update)
            if text in self._own:
                self._own.remove(text)
                return self.close()
            return f"{self.close()}> {said(event)}\n"
        if kind in _SILENT or update.get("state") in _PASSING:
            return self.close() if kind == "state_update" else ""
        return f"{self.close()}[{said(event)}]\n"

    def _chunk(self, kind: str, text: str) -> str:
        before = "" if self._open in (None, kind) else self.close()
        self._open = None if text.endswith("\n") else kind
        return before + text

    def close(self) -> str:
        """End a line that is still open."""
        was_open, self._open = self._open, None
        return "\n" if was_open else ""


_PASSING = ("starting", "running", "stopping")  # states of a process that is there, or will be gone at once
_SILENT = ("state_update", "_rc/command", "_rc/message_state", "usage_update", "available_commands_update")
