"""Programs that are run once in a session's workspace: who has the ticket starts one, once, in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.core.claims import Deed
from supervisor.sessions.executions import MAX_COMMAND, MOST_TICKETS, TICKET_SECONDS, Executions
from supervisor.sessions.launcher import MAX_WISH
from supervisor.sessions.line import Line
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import LiveBox, live_box, spec_of
from workers.core.wire import Kind
from workers.errors import Refused


class Clock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Lending:
    """A box with one session, and what runs programs there."""

    def __init__(self, box: LiveBox) -> None:
        self.clock = Clock()
        self.executions = Executions(box.launcher, box.claims, self.clock)
        self.session = box.register(spec_of(box.home, "true"))
        self.other = box.register(spec_of(box.home, "true"))

    def ticket(self, *command: str) -> str:
        return self.executions.prepare(self.session, command or ("true",), 24, 80)

    async def refusal(self, ticket: str, session: Session | None = None) -> str:
        with pytest.raises(Refused) as refused:
            await self.executions.open(session or self.session, ticket)
        return refused.value.code


async def heard(line: Line) -> tuple[bytes, object]:
    """All that the program prints, and how it ended."""
    printed = b""
    while (frame := await line.next_frame()).kind is Kind.OUTPUT:
        printed += frame.payload
    return printed, frame.json()["exit"]


async def test_a_program_runs_in_the_workspace_with_the_sessions_environment(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        line = await lending.executions.open(
            lending.session, lending.ticket("sh", "-c", "pwd; echo $RC_SESSION_ID; exit 3")
        )
        printed, ended = await heard(line)
        line.close()
        assert printed.split() == [str(tmp_path).encode(), lending.session.id.encode()]
        assert ended == {"code": 3, "signal": None}


async def test_a_ticket_is_good_for_one_program_of_one_session(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        ticket = lending.ticket()
        (await lending.executions.open(lending.session, ticket)).close()
        assert await lending.refusal(ticket) == "unauthenticated"
        assert await lending.refusal("guessed") == "unauthenticated"
        assert await lending.refusal(lending.ticket(), lending.other) == "unauthenticated"


async def test_a_ticket_is_good_for_the_device_that_asked(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        executions, session = lending.executions, lending.session
        device, origin = "device_a", "https://box.example"

        def ticket() -> str:
            return executions.prepare(session, ("true",), 24, 80, device=device, origin=origin)

        mine = ticket()
        assert executions.holder(session.id, mine) == executions.holder(session.id, mine) == (device, origin)
        assert executions.holder(lending.other.id, mine) is executions.holder(session.id, "guessed") is None
        assert executions.holder(session.id, lending.ticket()) == (None, None)
        (await executions.open(session, mine, device)).close()
        assert executions.holder(session.id, mine) is None
        assert await lending.refusal(ticket()) == "unauthenticated"
        with pytest.raises(Refused):
            await executions.open(session, ticket(), "device_b")
        with pytest.raises(Refused):
            await executions.open(session, lending.ticket(), device)


async def test_a_ticket_is_good_for_a_while(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        ticket, late = lending.ticket(), lending.ticket()
        lending.clock.now += TICKET_SECONDS
        (await lending.executions.open(lending.session, ticket)).close()
        lending.clock.now += 0.001
        assert await lending.refusal(late) == "unauthenticated"


async def test_of_too_many_tickets_the_oldest_is_void(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        first, *others = [lending.ticket() for _ in range(MOST_TICKETS + 1)]
        assert await lending.refusal(first) == "unauthenticated"
        (await lending.executions.open(lending.session, others[0])).close()


async def test_a_command_that_no_message_holds_is_refused_at_once(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        with pytest.raises(Refused) as refused:
            Lending(box).ticket("x" * MAX_COMMAND)
        assert refused.value.code == "too_large"


@pytest.mark.parametrize("deed", [Deed.MAKE, Deed.DELETE])
async def test_nothing_is_run_where_a_session_comes_or_goes(tmp_path: Path, deed: Deed) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        async with box.claims.on(lending.session, deed):
            assert await lending.refusal(lending.ticket()) == "invalid_state"
        assert not box.claims.holds(lending.session.id)


async def test_an_environment_that_no_message_holds_is_refused_at_once(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        lending = Lending(box)
        lending.session = box.register(spec_of(tmp_path, "true", env={"LARGE": "x" * MAX_WISH}))
        with pytest.raises(Refused) as refused:
            lending.ticket()
        assert refused.value.code == "too_large"
