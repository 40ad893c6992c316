import pytest

from supervisor.core.hold import KEEPING, Hold, Turn, move


def after(*turns: Turn) -> Hold:
    hold = Hold.FREE
    for turn in turns:
        hold = move(hold, turn)
    return hold


def test_a_worker_that_falls_silent_is_kept_and_shown_until_it_speaks() -> None:
    assert after(Turn.TAKEN, Turn.SILENCE, Turn.SILENCE) is Hold.SILENT
    assert after(Turn.TAKEN, Turn.SILENCE, Turn.WORD, Turn.WORD) is Hold.KEPT


@pytest.mark.parametrize("turn", [Turn.SILENCE, Turn.WORD, Turn.KILL])
def test_that_a_worker_is_being_killed_is_forgotten_for_no_word_and_no_silence(turn: Turn) -> None:
    assert after(Turn.TAKEN, Turn.KILL, turn) is Hold.KILLED


def test_a_new_worker_is_not_the_one_that_was_killed() -> None:
    assert after(Turn.TAKEN, Turn.KILL, Turn.LET_GO, Turn.TAKEN) is Hold.KEPT


def test_a_worker_that_outlives_its_kill_is_silent_and_no_longer_as_good_as_dead() -> None:
    assert after(Turn.TAKEN, Turn.KILL, Turn.SURVIVED) is Hold.SILENT
    assert after(Turn.TAKEN, Turn.KILL, Turn.SURVIVED, Turn.WORD) is Hold.KEPT


@pytest.mark.parametrize("hold", [Hold.FREE, *sorted(KEEPING, key=lambda hold: hold.name)])
def test_what_is_gone_stays_gone_whatever_its_keeper_still_tells(hold: Hold) -> None:
    for turn in (Turn.SILENCE, Turn.WORD, Turn.LET_GO):
        assert move(move(hold, Turn.REMOVED), turn) is Hold.GONE


@pytest.mark.parametrize("turn", [Turn.TAKEN, Turn.KILL, Turn.REMOVED])
def test_nothing_else_happens_to_what_is_gone(turn: Turn) -> None:
    with pytest.raises(AssertionError, match="GONE"):
        move(Hold.GONE, turn)


def test_nobody_is_kept_twice() -> None:
    with pytest.raises(AssertionError):
        after(Turn.TAKEN, Turn.TAKEN)
