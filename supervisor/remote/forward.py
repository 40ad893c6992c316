"""The way up: two cursors over a worker's own journal, and one task that tells the box what lies behind them."""

from __future__ import annotations

import json

from supervisor.client.line import Line
from supervisor.remote.records import record_of
from supervisor.sessions.session import Session

OUTPUT = b"\x01"
PIECE = 64 << 10  # octets of output in one message
PAGE_EVENTS = 200


class Forwarder:
    """Goes on behind the event `number` and the output's `offset`: as far as the box says that it has come."""

    def __init__(self, session: Session, line: Line, number: int, offset: int) -> None:
        self._session = session
        self._hub = session.hub
        self._line = line
        self._number = number
        self._offset = offset

    async def run(self) -> None:
        """Until the line is cut. Raises Broken."""
        with self._hub.looking():
            while True:
                end, last = self._hub.end, self._hub.last_seq
                if self._number < last or self._offset < end:
                    # Seen at one instant: whatever changed the size of the output up to here is among these events.
                    await self._tell_events(last)
                    await self._tell_output(end)
                else:
                    await self._hub.wait_news()

    async def _tell_events(self, last: int) -> None:
        while self._number < last:
            page = await self._hub.read_events(self._number, PAGE_EVENTS)
            for seq, _at, body in page.records:
                await self._tell_event(seq, json.loads(body))
                self._number = seq
            if not page.records:  # lost to damage, which is told when the journal is opened
                self._number = last

    async def _tell_event(self, seq: int, event: dict[str, object]) -> None:
        record = record_of(seq, event)
        if record is None:
            return
        update = event["update"]
        at = update.get("terminal_offset") if isinstance(update, dict) else None
        if isinstance(at, int):  # a size, or the end: what was printed before belongs before it
            await self._tell_output(at)
        await self._line.send(record)

    async def _tell_output(self, end: int) -> None:
        while self._offset < end:
            data = self._cached() or await self._read()
            data = data[: max(0, end - self._offset)]  # what was printed behind it belongs behind the next event
            if not data:
                return
            await self._line.send_octets(OUTPUT + self._offset.to_bytes(8, "big") + data)
            self._offset += len(data)

    def _cached(self) -> bytes:
        """What comes next, where it is in memory: the shortest way of an echo."""
        chunks = self._hub.output_from(self._offset) or ()
        pieces = [chunk.octets(max(chunk.offset, self._offset), chunk.end) for chunk in chunks]
        return b"".join(pieces)[:PIECE]

    async def _read(self) -> bytes:
        page = await self._hub.read_terminal(self._offset, PIECE)
        self._offset = max(self._offset, page.start)  # what is not kept any more the box will miss, and say so
        return page.data
