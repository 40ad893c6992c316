"""What a reader gets that is not in memory: older events, older output, and the snapshot of a screen."""

from __future__ import annotations

from collections import deque

from supervisor.core.frames import MAX_PIECE, OUTPUT, STATE
from supervisor.sessions.session import Session
from supervisor.web.problems import to_json
from supervisor.web.streams.dialect import Dialect, Place
from supervisor.web.streams.sizes import Sizes
from supervisor.web.streams.snapshot import Span, State, Step, steps_of
from workers.core.events import client_frame

PAGE_EVENTS = 256
SNAPSHOT_OCTETS = 192 << 10  # of output before the live end; a screen of 50 by 200 is painted by far less


class Pages:
    """One page for one reader: brought when the one before has gone out, so that nothing piles up.

    Where the reader stands does not change while a page is brought: only the task that sends does either.
    """

    def __init__(self, session: Session, dialect: Dialect, sizes: Sizes) -> None:
        self.page: deque[tuple[bytes, Place]] = deque()
        self._session = session
        self._hub = session.hub
        self._dialect = dialect
        self._sizes = sizes
        self._steps: deque[Step] | None = None  # of the snapshot under way; empty: one is due

    @property
    def shows_screen(self) -> bool:
        """Whether a snapshot is due or has steps left."""
        return self._steps is not None

    @property
    def is_empty(self) -> bool:
        return not self.page and self._steps is None

    def show_screen(self) -> None:
        """A snapshot comes next. One that is under way gives way to it."""
        self._steps = deque()

    async def bring_events(self, seq: int, offset: int) -> None:
        """The events that follow `seq`, for a reader that has the output up to `offset`."""
        page = await self._hub.read_events(seq, PAGE_EVENTS)
        if page.gap is not None:
            self._add_gap("gap", *page.gap, place=(page.gap[1], offset))
        for number, at_ns, body in page.records:
            frame, place = client_frame(number, at_ns, body), (number, offset)
            self.page.append((self._dialect.text(frame, place), place))
            if self._sizes.notice(number, frame):
                break

    async def bring_output(self, seq: int, span: Span) -> None:
        """The beginning of this span, for a reader that has the events up to `seq`."""
        page = await self._hub.read_terminal(span.start, min(MAX_PIECE, span.end - span.start))
        start = min(page.start, span.end)
        if not page.data and self._session.ended:
            start = span.end  # nobody will write what is missing
        if start > span.start:
            self._add_gap("terminal_gap", span.start, start, place=(seq, start))
        data = page.data[: span.end - start]
        if data:
            place = (seq, start + len(data))
            self.page.append((self._dialect.octets(OUTPUT, start, data, place), place))

    async def bring_screen(self, seq: int, offset: int) -> int:
        """The next steps of the snapshot: the offset from which it is live, which is where the reader then stands."""
        if not self._steps:
            snapshot = await self._session.snapshot(SNAPSHOT_OCTETS)
            self._steps = steps_of(snapshot)
            offset = snapshot.live_at
        place = (seq, offset)  # the end of the snapshot: nobody can resume from within
        while self._steps:
            step = self._steps.popleft()
            if isinstance(step, Span):
                await self._bring_span(self._steps, step, place)
                break
            if isinstance(step, State):
                self.page.append((self._dialect.octets(STATE, step.offset, step.data, None), place))
            else:
                self.page.append((self._dialect.text(step, None), place))
        if not self._steps:
            self._steps = None
        return offset

    async def _bring_span(self, steps: deque[Step], span: Span, place: Place) -> None:
        page = await self._hub.read_terminal(span.start, min(MAX_PIECE, span.end - span.start))
        data = page.data[: max(span.end - page.start, 0)]
        if data:
            self.page.append((self._dialect.octets(OUTPUT, page.start, data, None), place))
        if data and page.start + len(data) < span.end:
            steps.appendleft(Span(page.start + len(data), span.end))

    def _add_gap(self, kind: str, first: int, last: int, place: Place) -> None:
        body = to_json({"type": kind, "from": first, "to": last})
        self.page.append((self._dialect.text(body, place), place))
