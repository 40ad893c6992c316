from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from tests.workers.knocking import SPEC, Peer, Worker
from tests.workers.parts import Stale, Supervisor, Workers, is_free
from workers.core.wire import Frame, Kind, Reader, json_frame, proof
from workers.errors import Broken
from workers.linkserver import (
    EVENTS_UNSENT,
    GUEST_SECONDS,
    MOST_GUESTS,
    NO_ROOM_SECONDS,
    OUTPUT_UNSENT,
)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    made.close()


def test_who_proves_that_it_knows_the_key_is_welcome(worker: Worker) -> None:
    peer = Peer(worker)
    (welcome,) = peer.hello()
    assert welcome.kind is Kind.WELCOME
    assert welcome.json()["state"] == {"state": "running", "for": 1}
    mac = proof(worker.bundle.key(), "worker", ("?", "n"), 1, "us", SPEC.id)
    assert len(welcome.json()["mac"]) == len(mac)


def test_a_wrong_key_is_turned_away_without_a_word(worker: Worker) -> None:
    peer = Peer(worker)
    with pytest.raises(Broken):
        peer.hello(key=b"x" * 32)
    assert Peer(worker).hello()[0].kind is Kind.WELCOME


@pytest.mark.parametrize(
    "told",
    [
        Frame(Kind.PING),
        Frame(Kind.HELLO, 0, b"{"),
        Frame(Kind.HELLO, 0, b"[]"),
        Frame(Kind.HELLO, 0, b"[" * 100_000),
        json_frame(Kind.HELLO, {"epoch": 1, "supervisor": "us", "nonce": "n", "mac": "\ud83e"}),
        json_frame(Kind.HELLO, {"epoch": 1, "supervisor": "\ud83e", "nonce": "\ud83e", "mac": "m"}),
        json_frame(Kind.HELLO, {"epoch": "1", "supervisor": "us", "nonce": "n", "mac": "m"}),
        json_frame(Kind.HELLO, {"epoch": 1, "supervisor": None, "nonce": "n", "mac": "m"}),
        json_frame(Kind.HELLO, {"epoch": 1, "supervisor": "us", "nonce": 7, "mac": "m"}),
        json_frame(Kind.HELLO, {"epoch": 1, "supervisor": "us", "nonce": "n"}),
    ],
)
def test_what_is_no_hello_is_turned_away(worker: Worker, told: Frame) -> None:
    peer = Peer(worker)
    peer.say(told)
    assert peer.is_closed()


def test_a_process_of_the_session_is_turned_away_before_any_word(worker: Worker) -> None:
    worker.inside.add(os.getpid())
    assert Peer(worker).is_closed()


def test_a_higher_epoch_takes_the_link_and_a_lower_one_is_stale(worker: Worker) -> None:
    first, second = Peer(worker), Peer(worker)
    first.hello(epoch=4)
    second.hello(epoch=5, name="them")
    assert first.is_closed()
    third = Peer(worker)
    assert [(f.kind, f.json()) for f in third.hello(epoch=4)] == [(Kind.STALE, {"epoch": 5})]
    assert third.is_closed()
    second.say(Frame(Kind.PING, 7))
    assert second.kinds() == [(Kind.PONG, 7)]


def test_the_same_epoch_is_taken_from_the_same_supervisor_only(worker: Worker) -> None:
    first, second, other = Peer(worker), Peer(worker), Peer(worker)
    first.hello(name="us")
    assert other.hello(name="them")[0].kind is Kind.STALE
    assert second.hello(name="us")[0].kind is Kind.WELCOME
    assert first.is_closed()


def test_a_supervisor_that_went_away_is_still_the_one_of_its_epoch(worker: Worker) -> None:
    first = Peer(worker)
    first.hello(epoch=5)
    first.socket.close()
    worker.serve()
    assert Peer(worker).hello(epoch=4)[0].kind is Kind.STALE


def test_who_says_nothing_is_turned_away_in_time(worker: Worker) -> None:
    silent = Peer(worker)
    due = worker.links.next_at()
    assert due is not None
    assert due <= time.monotonic() + GUEST_SECONDS
    worker.links.tick(due - 0.001)
    assert not silent.is_closed()
    worker.links.tick(due)
    assert silent.is_closed()
    assert worker.links.next_at() is None


def test_many_who_say_nothing_keep_nobody_out(worker: Worker) -> None:
    silent = [Peer(worker) for _ in range(MOST_GUESTS)]
    honest = Peer(worker)
    assert silent[0].is_closed()
    assert honest.hello()[0].kind is Kind.WELCOME
    assert not silent[-1].is_closed()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Not one more for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_the_loop_rests_and_who_knocked_is_heard_later(worker: Worker) -> None:
    known = Peer(worker)
    known.hello()
    knocking = worker.bundle.connect()
    with no_descriptors():
        worker.serve()  # returns only when nothing is ready any more
        due = worker.links.next_at()
        assert due is not None
        assert time.monotonic() < due <= time.monotonic() + NO_ROOM_SECONDS
        known.say(Frame(Kind.PING, 7))
        assert known.kinds() == [(Kind.PONG, 7)]
        worker.links.tick(due)
        worker.serve()
        again = worker.links.next_at()
        assert again is not None and again > due
    worker.links.tick(again)
    worker.serve()
    assert Reader().feed(knocking.recv(1 << 10))[0].kind is Kind.CHALLENGE
    knocking.close()
    worker.serve()
    assert worker.links.next_at() is None


def test_it_may_stop_listening_while_there_are_no_descriptors(worker: Worker) -> None:
    knocking = worker.bundle.connect()
    with no_descriptors():
        worker.serve()
    home = os.getcwd()
    os.chdir(worker.bundle.directory)
    worker.links.stop_listening()
    os.chdir(home)
    worker.links.tick(time.monotonic() + NO_ROOM_SECONDS)
    assert worker.links.next_at() is None
    knocking.close()


def test_muted_it_tells_events_and_once_a_second_how_far_output_is(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    worker.links.event(1, 77, b"{}")
    worker.links.output(0, b"abc")
    worker.links.output(3, b"def")
    told = peer.frames()
    assert [(f.kind, f.number) for f in told] == [(Kind.EVENT, 1), (Kind.PROGRESS, 3)]
    assert told[0].payload == (77).to_bytes(8, "big") + b"{}"
    due = worker.links.next_at()
    assert due is not None
    worker.links.tick(due - 0.001)
    assert peer.frames() == []
    worker.links.tick(due)
    assert peer.kinds() == [(Kind.PROGRESS, 6)]
    assert worker.links.next_at() is None


def test_output_goes_on_from_where_it_says(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    worker.links.output(0, b"before")
    peer.frames()
    peer.say(Frame(Kind.UNMUTE))
    worker.links.output(6, b"after")
    told = peer.frames()
    assert [(f.kind, f.number, f.payload) for f in told] == [(Kind.LIVE, 6, b""), (Kind.OUTPUT, 6, b"after")]
    peer.say(Frame(Kind.MUTE))
    worker.links.output(11, b"unseen")
    worker.links.tick(time.monotonic() + 10)
    assert peer.kinds() == [(Kind.PROGRESS, 17)]


def lent_with(peer: Peer) -> list[int]:
    """The descriptors that came with what the worker says now."""
    peer.worker.serve()
    _, descriptors, _, _ = socket.recv_fds(peer.socket, 1 << 18, 2)
    return descriptors


def test_whoever_looks_is_lent_the_terminal(worker: Worker, tmp_path: Path) -> None:
    peer = Peer(worker)
    peer.hello()
    with (tmp_path / "terminal").open("wb") as terminal:
        worker.terminal = terminal.fileno()
        peer.say(Frame(Kind.UNMUTE))
        (lent,) = lent_with(peer)
        os.write(lent, b"key")
        os.close(lent)
    assert (tmp_path / "terminal").read_bytes() == b"key"


def test_nothing_is_lent_that_would_let_keys_overtake_others(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    worker.terminal, worker.waiting = 0, True
    peer.say(Frame(Kind.UNMUTE))
    assert lent_with(peer) == []


def test_who_wants_to_know_is_told_when_the_program_has_the_keys(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    worker.waiting = True
    peer.say(Frame(Kind.KEYS, 1, b"a"), Frame(Kind.KEYS, 2, b"b"))
    worker.links.tick(time.monotonic())
    assert peer.kinds() == []
    worker.waiting = False
    worker.links.tick(time.monotonic())
    worker.links.tick(time.monotonic())
    assert peer.kinds() == [(Kind.TYPED, 2)]
    assert worker.keys == b"ab"


def test_a_new_link_is_muted_and_knows_how_far_output_is(worker: Worker) -> None:
    first = Peer(worker)
    first.hello()
    first.say(Frame(Kind.UNMUTE))
    second = Peer(worker)
    worker.links.output(0, b"abc")
    second.hello(epoch=2)
    worker.links.tick(time.monotonic() + 10)
    assert second.frames() == []


def test_output_that_is_not_read_is_left_to_the_disk_until_it_is(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    peer.say(Frame(Kind.UNMUTE))
    piece = b"x" * (64 << 10)
    sent = 3 * OUTPUT_UNSENT // len(piece)
    for number in range(sent):
        worker.links.output(number * len(piece), piece)
    assert worker.links.unsent <= OUTPUT_UNSENT
    worker.links.event(1, 0, b"{}")
    told = peer.frames()
    got = [f for f in told if f.kind is Kind.OUTPUT]
    assert [f.number for f in got] == [number * len(piece) for number in range(len(got))]
    assert 0 < len(got) < sent
    assert [(f.kind, f.number) for f in told if f.kind is not Kind.OUTPUT] == [
        (Kind.LIVE, 0),
        (Kind.EVENT, 1),
        (Kind.LIVE, sent * len(piece)),
    ]
    worker.links.output(sent * len(piece), b"more")
    assert peer.kinds() == [(Kind.OUTPUT, sent * len(piece))]


def test_a_supervisor_that_leaves_events_unread_loses_the_link(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    body = b"{" + b" " * (190 << 10) + b"}"
    for seq in range(EVENTS_UNSENT // len(body) + 10):
        worker.links.event(seq, 0, body)
    assert worker.links.unsent == 0
    assert peer.is_closed()
    assert Peer(worker).hello()[0].kind is Kind.WELCOME


def test_keys_commands_and_snapshots_reach_the_worker(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    asked = json_frame(Kind.COMMAND, {"kind": "stop"}, 8)
    peer.say(Frame(Kind.KEYS, 0, b"ab"), asked, json_frame(Kind.SNAPSHOT, {"want": 9}, 3))
    assert worker.keys == b"ab"
    ((ticket, value),) = worker.commands
    assert value == {"kind": "stop"}
    worker.links.answer(ticket, {"seq": 4})
    assert [(f.number, f.json()) for f in peer.frames()] == [(3, {"parts": [], "live_at": 9}), (8, {"seq": 4})]


def test_a_refusal_is_an_answer(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    peer.say(json_frame(Kind.COMMAND, "no", 8))
    error = {"code": "invalid", "detail": "not this", "hint": "try that"}
    assert [(f.kind, f.number, f.json()) for f in peer.frames()] == [(Kind.ANSWER, 8, {"error": error})]


def test_an_answer_is_for_who_asked_and_nobody_else(worker: Worker) -> None:
    first, second = Peer(worker), Peer(worker)
    first.hello(epoch=1)
    first.say(json_frame(Kind.COMMAND, {}, 8))
    second.hello(epoch=2)
    worker.links.answer(worker.commands[0][0], {"seq": 4})
    assert second.frames() == []


@pytest.mark.parametrize("nonsense", [Frame(Kind.WELCOME), Frame(Kind.COMMAND, 1, b"{")])
def test_a_supervisor_that_talks_nonsense_loses_the_link(worker: Worker, nonsense: Frame) -> None:
    peer = Peer(worker)
    peer.hello()
    peer.say(nonsense, Frame(Kind.KEYS, 0, b"never"))
    assert peer.is_closed()
    assert worker.keys == b""


def test_words_may_come_in_pieces_and_many_at_once(worker: Worker) -> None:
    peer = Peer(worker)
    peer.hello()
    data = Frame(Kind.PING, 1).encode() + Frame(Kind.PING, 2).encode()
    for octet in data:
        peer.socket.send(bytes([octet]))
        worker.serve()
    assert peer.kinds() == [(Kind.PONG, 1), (Kind.PONG, 2)]


def test_who_has_the_link_keeps_it_when_nobody_new_is_let_in(worker: Worker) -> None:
    peer, guest = Peer(worker), Peer(worker)
    peer.hello()
    home = os.getcwd()
    os.chdir(worker.bundle.directory)
    worker.links.stop_listening()
    os.chdir(home)
    assert guest.is_closed()
    with pytest.raises(OSError, match="No such file"):
        worker.bundle.connect()
    worker.links.event(1, 0, b"{}")
    assert peer.kinds() == [(Kind.EVENT, 1)]


def test_a_worker_whose_address_was_taken_away_ends_like_any_other(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; exit 3")
    os.unlink(bundle.path("link"))
    us.type(b"\r")
    assert us.hear_state("exited")["code"] == 3
    until(lambda: is_free(bundle))
    assert (bundle.read_json("exit.json") or {})["code"] == 3
    assert bundle.read("err") == ""


def test_an_agent_cannot_command_its_own_session(workers: Workers) -> None:
    connect = (
        "import os, socket, sys; os.chdir(sys.argv[1]); s = socket.socket(socket.AF_UNIX); s.connect('link');"
        "print('heard', s.recv(100))"
    )
    program = f'read x; (setsid {sys.executable} -c "$0" "{workers.folder}/$RC_SESSION_ID" &) ; sleep 100'
    _, us = workers.run("sh", "-c", program, connect)
    us.look()
    us.type(b"\r")
    us.see(b"heard b''")


def test_somebody_else_of_the_account_may_try_but_needs_the_key(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    connect = "import os, socket, sys; os.chdir(sys.argv[1]); s = socket.socket(socket.AF_UNIX); s.connect('link');"
    told = subprocess.run(
        [sys.executable, "-c", f"{connect} print(s.recv(100))", bundle.directory], capture_output=True, check=True
    )
    assert b"nonce" in told.stdout
    with pytest.raises(Broken):
        Supervisor(bundle, epoch=2, key=b"guess")
    with pytest.raises(Stale):
        Supervisor(bundle, epoch=1, name="them")
    assert us.command("rename", name="still ours")["seq"]
    assert json.loads(bundle.read("worker.json") or "")["pid"] == us.state["worker_pid"]
