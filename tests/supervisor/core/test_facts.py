from dataclasses import replace

import pytest

from supervisor.core.facts import DOING_LIMIT, Facts, fold
from workers.core import events
from workers.core.lifecycle import State


def told(update: object, origin: str = "rc") -> dict[str, object]:
    return {"origin": origin, "update": update}


def folded(*updates: events.Update) -> Facts:
    facts = Facts(name="fix")
    for seq, update in enumerate(updates, start=1):
        facts = fold(facts, seq, told(update))
    return facts


def test_a_session_is_what_its_events_tell() -> None:
    facts = folded(events.process("starting"), events.process("running", pid=42, terminal_offset=0))
    assert (facts.state, facts.pid, facts.last_seq) == (State.RUNNING, 42, 2)
    assert facts.holds_slot and not facts.ended


def test_an_end_says_how_and_leaves_no_process() -> None:
    facts = folded(
        events.process("running", pid=42),
        events.process("exited", code=3, signal=None, reason="ended", terminal_offset=900),
    )
    assert facts.exit == {"code": 3, "signal": None, "reason": "ended"}
    assert (facts.pid, facts.offset, facts.ended, facts.holds_slot) == (None, 900, True, False)


def test_a_resumed_session_has_no_end_any_more() -> None:
    facts = folded(events.process("exited", code=0, reason="ended"), events.process("starting"))
    assert (facts.state, facts.exit) == (State.STARTING, None)


def test_names_sizes_and_the_archive_are_folded() -> None:
    facts = folded(events.renamed("other"), events.resized(50, 120, 7), events.archived())
    assert (facts.name, facts.rows, facts.columns, facts.archived) == ("other", 50, 120, True)
    assert not fold(facts, 4, told(events.restored(), "person")).archived


def test_a_tool_shows_what_the_agent_is_doing_until_the_turn_is_over() -> None:
    busy = folded(events.turn_running(), {"sessionUpdate": "tool_call", "title": "run the tests"})
    assert (busy.turn, busy.doing) == ("running", "run the tests")
    assert fold(busy, 3, told({"sessionUpdate": "tool_call"}, "agent")).doing is None
    idle = fold(busy, 3, told(events.turn_idle("end_turn")))
    assert (idle.turn, idle.doing) == ("idle", None)


@pytest.mark.parametrize(
    ("title", "doing"),
    [
        ("make\r\nmake install", "make"),
        ("\n  cat > x <<E \nsecond\n", "cat > x <<E"),
        ("x" * (DOING_LIMIT + 1), "x" * DOING_LIMIT),
        ("x" * 200_000 + "\n" + "y" * 200_000, "x" * DOING_LIMIT),
        ("", None),
        (" \n\n ", None),
    ],
)
def test_what_the_agent_is_doing_is_one_line_however_long_its_title(title: str, doing: str | None) -> None:
    assert folded({"sessionUpdate": "tool_call", "title": title}).doing == doing


def test_what_changes_nothing_only_moves_the_number() -> None:
    assert folded(events.notice("info", "hello")) == Facts(name="fix", last_seq=1)


@pytest.mark.parametrize(
    "update",
    [
        events.process("lost", reason="killed"),
        events.renamed("mine"),
        events.resized(1, 1, 0),
        events.archived(),
        events.restored(),
    ],
    ids=lambda update: str(update["sessionUpdate"]),
)
def test_an_agent_says_nothing_of_the_session_itself(update: events.Update) -> None:
    facts = Facts(name="fix", state=State.RUNNING, archived=update == events.restored())
    assert fold(facts, 7, told(update, "agent")) == replace(facts, last_seq=7)
    assert fold(facts, 7, told(update, "person")) != replace(facts, last_seq=7)


@pytest.mark.parametrize(
    "update",
    [
        None,
        [],
        {},
        {"sessionUpdate": 7},
        {"sessionUpdate": "_rc/process"},
        {"sessionUpdate": "_rc/process", "state": "dreaming"},
        {"sessionUpdate": "_rc/process", "state": ["running"]},
        {"sessionUpdate": "_rc/process", "state": "running", "pid": "1"},
        {"sessionUpdate": "_rc/process", "state": "running", "terminal_offset": -1},
        {"sessionUpdate": "_rc/renamed"},
        {"sessionUpdate": "_rc/resized", "rows": 24},
        {"sessionUpdate": "state_update"},
        {"sessionUpdate": "tool_call", "title": {}},
        {"sessionUpdate": "_rc/of_a_later_release"},
    ],
)
def test_what_is_not_of_its_kinds_shape_only_moves_the_number(update: object) -> None:
    facts = Facts(name="fix", state=State.RUNNING, pid=3)
    assert fold(facts, 7, told(update)) == replace(facts, last_seq=7)


@pytest.mark.parametrize("event", [None, [], "event", {}])
def test_what_is_no_event_only_moves_the_number(event: object) -> None:
    assert fold(Facts(name="fix"), 7, event) == Facts(name="fix", last_seq=7)


def test_a_process_may_lose_its_number() -> None:
    assert folded(events.process("running", pid=42), events.process("stopping", pid=None)).pid is None


def test_facts_survive_the_store() -> None:
    facts = folded(events.process("running", pid=42), events.renamed("näme"))
    assert Facts.from_json({**facts.to_json(), "of_a_later_release": 1}) == facts


@pytest.mark.parametrize("value", [{}, {"name": "x"}, {"state": "running"}, {"name": "x", "state": "dreaming"}])
def test_what_is_no_facts_is_refused(value: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Facts.from_json(value)
