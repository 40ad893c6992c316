from __future__ import annotations

import pytest

from workers.core.lifecycle import ENDED, HOLDS_SLOT, MOVES, State, Trigger, move


def test_a_session_that_goes_well_moves_from_start_to_exit() -> None:
    state = State.STARTING
    for trigger in (Trigger.STARTED, Trigger.END_ASKED, Trigger.ENDED):
        state = move(state, trigger)
    assert state is State.EXITED


@pytest.mark.parametrize("ended", sorted(ENDED))
def test_nothing_moves_a_session_that_has_ended_but_another_worker(ended: State) -> None:
    assert not [trigger for state, trigger in MOVES if state is ended]


def test_a_move_that_is_not_in_the_table_is_a_bug_and_says_its_name() -> None:
    with pytest.raises(AssertionError, match="a session that is exited cannot move: stop or suspend was asked for"):
        move(State.EXITED, Trigger.END_ASKED)


def test_a_state_either_holds_a_slot_or_is_an_end() -> None:
    assert set(State) == HOLDS_SLOT | ENDED
    assert not HOLDS_SLOT & ENDED
    assert {state for state, _ in MOVES} == HOLDS_SLOT - {State.REQUESTED, State.PREPARING}
