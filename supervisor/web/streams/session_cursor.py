"""A reader of a session: two cursors, next event and next octet, and what comes next for them.

What is cached is taken from the hub as it stands; what is older is read from disk, a page at a time. Nothing is
stored for a reader but one page, so nothing overflows, and no gap and no duplicate follow from the numbers.
"""

from __future__ import annotations

from collections import deque

import trio

from supervisor.core.frames import NORMAL, OUTPUT
from supervisor.sessions.hub import Chunk
from supervisor.sessions.session import Session
from supervisor.web.problems import to_json
from supervisor.web.streams.dialect import Dialect, Place
from supervisor.web.streams.lease import Clock, lease_message
from supervisor.web.streams.pages import Pages
from supervisor.web.streams.sizes import Sizes
from supervisor.web.streams.snapshot import Span
from supervisor.web.streams.source import Batch, Ending

BEHIND = 1 << 20  # octets; a reader that is further from the end is told `behind` and goes on at the end
NEWS_SECONDS = 0.25  # until the disk is asked again for what the hub says is there
DELETED = Ending(NORMAL, "session_deleted")


class Cursor:
    """`batch` says what comes next, `advance` how much of it went out, `fetch` brings what is not in memory.

    With `wants_all` the reader gets every kept octet, however late. Without, one that is left behind loses what it
    missed: it is told so, and gets the screen.
    """

    def __init__(self, session: Session, dialect: Dialect, clock: Clock, *, wants_all: bool) -> None:
        self.seq, self.offset = session.hub.last_seq, session.hub.end
        self.stalled = False  # told by whoever sends: nothing went out for a second
        self._session = session
        self._hub = session.hub
        self._lease = session.lease
        self._is_terminal = session.is_terminal
        self._dialect = dialect
        self._clock = clock
        self._wants_all = wants_all
        self._history = session.facts.history
        self._lease_told: int | None = None
        self._said: deque[bytes] = deque()
        self._sizes = Sizes(self._hub.last_seq)
        self._pages = Pages(session, dialect, self._sizes)
        self._page = self._pages.page
        self._credit: int | None = None

    # What others tell it

    @property
    def unsaid(self) -> int:
        """How many messages of ours still wait; whoever makes them keeps that low."""
        return len(self._said)

    @property
    def ending(self) -> Ending | None:
        """Set when nothing more will come."""
        return DELETED if self._session.gone else None

    def start(self, seq: int, offset: int) -> None:
        """Everything up to here is known already."""
        self.seq, self.offset = seq, offset

    def say(self, **message: object) -> None:
        """A message of ours; it goes before everything else."""
        self._said.append(to_json(message))

    def show_screen(self) -> None:
        """A snapshot comes next, then what is live."""
        if self._is_terminal:
            self._pages.show_screen()

    def credit(self, offset: int) -> None:
        """The client has drawn the output up to here."""
        self._credit = max(self._credit or 0, min(offset, self.offset))

    # What comes next

    def batch(self) -> Batch:
        """From memory, and without waiting. No pieces but `more`: `fetch` is needed."""
        self._look_around()
        batch = Batch(said=len(self._said))
        place = (self.seq, self.offset)
        for body in self._said:
            batch.add(self._dialect.text(body, None), place)
        if self._page:
            for piece, place in self._page:
                if batch.is_full:
                    break
                batch.add(piece, place)
                batch.paged += 1
            batch.more = True
        elif self._pages.shows_screen:
            batch.more = True
        elif self._add_events(batch):
            self._add_output(batch)
        return batch

    def advance(self, batch: Batch, count: int) -> None:
        """The first `count` pieces of `batch` have gone out, or will without fail."""
        if not count:
            return
        if batch.said or batch.paged:
            self._drop(min(count, batch.said), min(count - batch.said, batch.paged))
        self.seq, self.offset = batch.places[count - 1]
        if self._sizes.waiting or self._sizes.coming:
            self._said += self._sizes.take_due(self.seq, self.offset)

    def _drop(self, said: int, paged: int) -> None:
        for _ in range(said):
            self._said.popleft()
        for _ in range(paged):
            self._page.popleft()

    def direct(self, chunk: Chunk) -> bytes | None:
        """New output as it goes to a reader who had everything else, if it is what comes next for this one. Whoever
        sends it says so by `went`. The shortest way of an echo: `batch` would come to the same."""
        if chunk.offset != self.offset or self._sizes.waiting or self._credit is not None:
            return None
        return self._dialect.output(chunk, (self.seq, chunk.end))

    def went(self, chunk: Chunk) -> None:
        """This chunk has gone out, or will without fail."""
        self.offset = chunk.end

    def is_done(self, batch: Batch, count: int) -> bool:
        """Whether after `advance` nothing is left to send: all there is to do is to wait for news."""
        return count == len(batch.pieces) and not (batch.more or self._said)

    def _add_events(self, batch: Batch) -> bool:
        """False: what comes after these has to wait for another batch."""
        events = [] if self._sizes.is_full else self._hub.events_after(self.seq)
        if events is None:
            batch.more = True
            return False
        for seq, body in events:
            if batch.is_full:
                batch.more = True
                return False
            place = (seq, self.offset)
            batch.add(self._dialect.text(body, place), place)
            if self._sizes.notice(seq, body):
                batch.more = True
                return False
        return True

    def _add_output(self, batch: Batch) -> None:
        if not self._is_terminal or self._is_held:
            return
        chunks = self._hub.output_from(self.offset)
        if chunks is None:
            batch.more = True
            return
        seq = batch.places[-1][0] if len(batch.places) > batch.said else self.seq
        at, stop = self.offset, self._sizes.stop(self._hub.end)
        for chunk in chunks:
            if batch.is_full or at >= stop:
                batch.more = True
                return
            end = min(chunk.end, stop)
            place = (seq, end)
            if chunk.offset == at and chunk.end == end:
                batch.add(self._dialect.output(chunk, place), place)
            else:
                batch.add(self._cut(chunk, at, end, place), place)
            at = end

    def _cut(self, chunk: Chunk, start: int, end: int, place: Place) -> bytes:
        return self._dialect.octets(OUTPUT, start, chunk.octets(start, end), place)

    @property
    def _is_held(self) -> bool:
        """Whether the client that wants everything has so much undrawn that it gets no more for now."""
        return self._wants_all and self._credit is not None and self.offset - self._credit > BEHIND

    # What has changed besides

    def _look_around(self) -> None:
        if self._session.facts.history != self._history:
            known, self._history = self._history, self._session.facts.history
            if known:  # else the session has only now been met
                self.tell_history()
        if self._lease_told != self._lease.version:
            self._said.append(lease_message(self._lease, self._clock))
            self._lease_told = self._lease.version
        if not self._wants_all and not self._pages.shows_screen and self._is_behind():
            self._skip_to_end()
            self.say(type="behind", last_seq=self.seq, terminal_offset=self.offset)
            self.show_screen()
        self.stalled = False

    def tell_history(self) -> None:
        """The numbers that the client knows are not ours: begin where ours stand."""
        self._skip_to_end()
        place = {"last_seq": self.seq, "terminal_offset": self.offset}
        self.say(type="history_changed", history=self._history, **place)
        if not self._wants_all:
            self.show_screen()

    def _is_behind(self) -> bool:
        drawn = self.offset if self._credit is None else self._credit
        if self._is_terminal and self._hub.end - drawn > BEHIND:
            return True
        return self.stalled and (self._hub.last_seq > self.seq or self._hub.end > self.offset)

    def _skip_to_end(self) -> None:
        self.seq, self.offset = self._hub.last_seq, self._hub.end
        self._page.clear()
        self._credit = None if self._credit is None else self.offset
        self._sizes.clear()

    async def fetch(self) -> None:
        """Bring the next page from disk, or the next steps of a snapshot. Called by one task only."""
        pages = self._pages
        if pages.shows_screen:
            self.offset = await pages.bring_screen(self.seq, self.offset)
            if self._credit is not None:
                self._credit = max(self._credit, self.offset)  # of what it missed it draws nothing
        elif not self._sizes.is_full and self._hub.events_after(self.seq) is None:
            await pages.bring_events(self.seq, self.offset)
        else:
            await pages.bring_output(self.seq, Span(self.offset, self._sizes.stop(self._hub.end)))
        if pages.is_empty:
            # The disk is behind the hub, for a moment; nothing says when it will have caught up.
            with trio.move_on_after(NEWS_SECONDS):
                await self._hub.wait_news()
