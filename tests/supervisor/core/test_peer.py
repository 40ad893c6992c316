import pytest

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.core.peer import Inside, Peer, Process, judge

ME = 1000
NOBODY_INSIDE = Inside({}, {}, {})
SHELL = (Process(30, False), Process(20, False), Process(1, False))


def test_a_process_outside_every_session_is_the_owner() -> None:
    assert judge(Peer(ME, SHELL, sid=20, tty=34816), ME, NOBODY_INSIDE) == OWNER


def test_another_account_is_nobody() -> None:
    assert judge(Peer(1001, SHELL), ME, NOBODY_INSIDE) == ANONYMOUS
    assert judge(Peer(0, SHELL), ME, NOBODY_INSIDE) == ANONYMOUS


def test_root_serving_as_root_is_the_owner() -> None:
    assert judge(Peer(0, SHELL), 0, NOBODY_INSIDE) == OWNER


@pytest.mark.parametrize(
    ("peer", "inside"),
    [
        (Peer(ME, SHELL), Inside({20: "s1"}, {}, {})),
        (Peer(ME, SHELL, sid=25), Inside({}, {25: "s1"}, {})),
        (Peer(ME, SHELL, tty=34817), Inside({}, {}, {34817: "s1"})),
        (Peer(ME, SHELL, marked="s1"), NOBODY_INSIDE),
    ],
    ids=["its parents meet a worker", "its session leader", "its terminal", "its environment"],
)
def test_each_mark_of_a_session_counts_alone(peer: Peer, inside: Inside) -> None:
    assert judge(peer, ME, inside) == Principal("agent", "s1")


def test_no_terminal_is_nobodys_terminal() -> None:
    assert judge(Peer(ME, SHELL, tty=0), ME, Inside({}, {}, {0: "s1"})) == OWNER


def test_a_worker_that_is_not_known_yet_counts_all_the_same() -> None:
    chain = (Process(30, False), Process(20, True), Process(1, False))
    assert judge(Peer(ME, chain), ME, NOBODY_INSIDE) == Principal("agent", None)


def test_a_process_namespace_of_its_own_cannot_be_ruled_out() -> None:
    assert judge(Peer(ME, SHELL, namespaces=2), ME, NOBODY_INSIDE) == Principal("agent", None)


def test_a_peer_that_is_gone_or_unreadable_is_refused_like_an_agent() -> None:
    assert judge(Peer(ME, None), ME, NOBODY_INSIDE) == Principal("agent", None)


def test_sudo_inside_a_session_is_still_inside() -> None:
    assert judge(Peer(0, SHELL), ME, Inside({20: "s1"}, {}, {})) == Principal("agent", "s1")
