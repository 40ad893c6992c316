"""The lease: one connection types, everybody sees who."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.leases import LEASE_SECONDS, Held, Lease, Seat

ANA = Seat("1", "ana", None, "owner")
BEN = Seat("2", "ben", "phone", "operator")
EVE = Seat("3", "eve", None, "viewer")
DAN = Seat("4", "dan", None, "operator")


def seated(*seats: Seat) -> Lease:
    lease = Lease()
    for seat in seats:
        lease.join(seat)
    return lease


def test_typing_takes_a_lease_that_nobody_holds() -> None:
    lease = seated(ANA, BEN)
    assert lease.holder(0.0) is None
    assert lease.seconds_left(0.0) is None
    assert lease.type(BEN, 1.0) is None
    assert lease.holder(1.0) == BEN
    assert lease.type(ANA, 11.0) == Held(BEN, LEASE_SECONDS - 10.0)
    assert lease.version == 1


def test_it_ends_thirty_seconds_after_the_last_key() -> None:
    lease = seated(ANA, BEN)
    lease.type(BEN, 0.0)
    lease.type(BEN, 20.0)
    assert lease.seconds_left(45.0) == 5.0
    assert lease.holder(49.9) == BEN
    assert lease.holder(50.0) is None
    assert lease.version == 2
    assert lease.type(ANA, 50.0) is None


def test_it_ends_with_the_connection_or_when_it_is_given_back() -> None:
    lease = seated(ANA, BEN)
    lease.type(BEN, 0.0)
    lease.leave(BEN)
    assert lease.holder(0.0) is None
    lease.type(ANA, 1.0)
    lease.release(BEN)
    assert lease.holder(1.0) == ANA
    lease.release(ANA)
    assert lease.holder(1.0) is None


def test_it_ends_with_the_session_and_so_does_the_memory_of_who_typed() -> None:
    lease = seated(ANA, BEN)
    lease.type(BEN, 0.0)
    lease.end()
    assert lease.holder(0.0) is None
    assert lease.bar_to_resizing(ANA, 0.0) is None
    assert lease.version == 2
    lease.end()
    assert lease.version == 2
    assert lease.hears_answers_of(ANA, 1.0), "who came first is still here"


def test_only_the_holder_lengthens_it_and_only_in_time() -> None:
    lease = seated(ANA, BEN)
    assert not lease.renew(ANA, 0.0)
    lease.type(ANA, 0.0)
    assert lease.renew(ANA, 20.0)
    assert not lease.renew(BEN, 20.0)
    assert lease.seconds_left(49.0) == 1.0
    assert not lease.renew(ANA, 50.0)


def test_others_may_leave_without_touching_it() -> None:
    lease = seated(ANA, BEN, EVE)
    lease.type(BEN, 0.0)
    lease.leave(ANA)
    lease.leave(EVE)
    assert lease.holder(0.0) == BEN


def test_it_is_taken_from_an_equal_and_from_below_but_not_from_above() -> None:
    lease = seated(ANA, BEN, DAN)
    lease.type(BEN, 0.0)
    assert lease.take(DAN, 1.0) is None
    assert lease.holder(1.0) == DAN
    assert lease.take(ANA, 2.0) is None
    assert lease.take(BEN, 3.0) == Held(ANA, LEASE_SECONDS - 1.0)
    assert lease.holder(3.0) == ANA
    assert lease.take(BEN, 40.0) is None


def test_the_version_rises_only_when_the_holder_changes() -> None:
    lease = seated(ANA)
    lease.type(ANA, 0.0)
    lease.type(ANA, 1.0)
    lease.take(ANA, 2.0)
    assert lease.version == 1


def test_a_prompt_by_post_needs_it_free_and_holds_it_for_the_write_only() -> None:
    lease, post = seated(ANA), Seat("post", "ana", None, "owner")
    assert lease.borrow(post, 0.0) is None
    assert lease.type(ANA, 0.0) == Held(post, LEASE_SECONDS)
    lease.release(post)
    assert lease.type(ANA, 1.0) is None
    assert lease.borrow(post, 2.0) == Held(ANA, LEASE_SECONDS - 1.0)


def test_answers_of_a_terminal_count_from_the_holder_else_from_who_came_first() -> None:
    lease = seated(EVE, ANA, BEN)
    assert lease.hears_answers_of(ANA, 0.0)
    assert not lease.hears_answers_of(BEN, 0.0)
    assert not lease.hears_answers_of(EVE, 0.0)
    lease.type(BEN, 0.0)
    assert lease.hears_answers_of(BEN, 0.0)
    assert not lease.hears_answers_of(ANA, 0.0)
    lease.leave(BEN)
    lease.leave(ANA)
    assert not lease.hears_answers_of(EVE, 0.0)


def test_a_size_counts_from_the_holder_else_from_who_typed_last_else_from_anyone() -> None:
    lease = seated(ANA, BEN)
    assert lease.bar_to_resizing(BEN, 0.0) is None
    lease.type(ANA, 0.0)
    assert lease.bar_to_resizing(ANA, 1.0) is None
    assert lease.bar_to_resizing(BEN, 1.0) == Held(ANA, LEASE_SECONDS - 1.0)
    assert lease.bar_to_resizing(BEN, 31.0) == Held(ANA, None)
    assert lease.bar_to_resizing(ANA, 31.0) is None
    lease.leave(ANA)
    assert lease.bar_to_resizing(BEN, 32.0) is None


def test_a_seat_says_who_sits_there() -> None:
    assert BEN.describe() == {"person": "ben", "device": "phone", "connection": "2"}


steps = st.lists(
    st.tuples(
        st.sampled_from(["type", "take", "borrow", "release", "leave", "join", "bar_to_resizing"]),
        st.sampled_from([ANA, BEN, DAN]),
        st.floats(0, 40),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_happens_the_last_key_was_the_holders_and_is_thirty_seconds_old_at_most(
    done: list[tuple[str, Seat, float]],
) -> None:
    lease, now, keys = Lease(), 0.0, dict[Seat, float]()
    for step, seat, pause in done:
        now += pause
        act = getattr(lease, step)
        held = act(seat) if step in ("release", "leave", "join") else act(seat, now)
        if step in ("type", "take", "borrow") and held is None:
            assert lease.holder(now) == seat
            keys[seat] = now
        holder = lease.holder(now)
        if holder is not None:
            assert now - keys[holder] < LEASE_SECONDS
