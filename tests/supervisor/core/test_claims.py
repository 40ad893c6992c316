import pytest

from supervisor.core.claims import MEETINGS, Deed, Meeting, meet
from workers.errors import Refused

WANTED = [deed for deed in Deed if deed is not Deed.MAKE]


def test_every_deed_has_a_meeting_with_every_other() -> None:
    assert set(MEETINGS) == {(held, wanted) for held in Deed for wanted in WANTED}


@pytest.mark.parametrize("deed", Deed)
def test_where_nothing_goes_on_everything_may_begin(deed: Deed) -> None:
    assert meet([], deed, "fix") is Meeting.TOGETHER


@pytest.mark.parametrize("wanted", WANTED)
def test_what_is_still_being_made_takes_nothing(wanted: Deed) -> None:
    with pytest.raises(Refused, match="session fix is being made"):
        meet([Deed.MAKE], wanted, "fix")


@pytest.mark.parametrize("wanted", [deed for deed in WANTED if deed is not Deed.STOP])
def test_what_is_being_deleted_takes_nothing_but_a_stop_that_waits(wanted: Deed) -> None:
    with pytest.raises(Refused, match="session fix is being deleted") as refused:
        meet([Deed.DELETE], wanted, "fix")
    assert refused.value.code == "invalid_state" and "rc restore" in refused.value.hint
    assert meet([Deed.DELETE], Deed.STOP, "fix") is Meeting.WAIT


@pytest.mark.parametrize("held", [Deed.STOP, Deed.SUSPEND, Deed.RENAME, Deed.EXECUTE])
def test_a_stop_never_waits_for_what_may_itself_wait_for_the_agent(held: Deed) -> None:
    assert meet([held], Deed.STOP, "fix") is Meeting.TOGETHER


def test_of_two_that_resume_or_delete_one_is_refused() -> None:
    for deed in (Deed.RESUME, Deed.DELETE):
        with pytest.raises(Refused) as refused:
            meet([deed], deed, "fix")
        assert refused.value.code == "invalid_state"


def test_one_that_must_be_waited_for_counts_whatever_else_goes_on() -> None:
    assert meet([Deed.EXECUTE, Deed.STOP, Deed.EXECUTE], Deed.RESUME, "fix") is Meeting.WAIT
    assert meet([Deed.EXECUTE, Deed.EXECUTE], Deed.EXECUTE, "fix") is Meeting.TOGETHER


def test_nothing_is_made_twice() -> None:
    with pytest.raises(AssertionError):
        meet([Deed.STOP], Deed.MAKE, "fix")
