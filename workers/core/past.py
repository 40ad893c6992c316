"""What a session's own journal says to a worker that takes it up again: used message ids, open prompts, the size."""

from __future__ import annotations

import json

REMEMBERED = 10_000  # message ids by which a repeat is known; clients may count on this many


class Past:
    """Empty for a new session. `last_seq` is the newest event; `size` the rows and columns last set, if ever."""

    def __init__(self, last_seq: int = 0) -> None:
        self.last_seq = last_seq
        self.size: tuple[int, int] | None = None
        self._seqs: dict[str, int] = {}  # in the order of their numbers
        self._open: dict[str, None] = {}  # a set that keeps its order

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Prompts of an earlier worker that were neither completed nor cancelled."""
        return tuple(self._open)

    def seq_of(self, message_id: str) -> int | None:
        """The number under which a message id was first accepted."""
        return self._seqs.get(message_id)

    def remember(self, message_id: str, seq: int) -> None:
        self._seqs[message_id] = seq
        if len(self._seqs) > REMEMBERED:
            del self._seqs[next(iter(self._seqs))]

    def read(self, seq: int, body: bytes) -> None:
        """One event of the journal, in the order of the numbers."""
        self.last_seq = max(self.last_seq, seq)
        if b'"_rc/' not in body:  # most events are the agent's: not worth parsing
            return
        event = json.loads(body)
        if event["origin"] == "agent":  # it may say what it likes, but not of the session itself
            return
        update = event["update"]
        kind, message_id = update["sessionUpdate"], update.get("message_id")
        if kind == "_rc/resized":
            self.size = (update["rows"], update["columns"])
        elif message_id is None:
            return
        elif kind == "_rc/message_state":
            self._read_state(message_id, update["state"])
        elif kind == "_rc/command" and update["kind"] != "cancel_message":
            self.remember(message_id, seq)

    def _read_state(self, message_id: str, state: str) -> None:
        if state in ("queued", "started"):
            self._open[message_id] = None
        else:
            self._open.pop(message_id, None)
