"""The API of a box, asked over its socket."""

from __future__ import annotations

import signal
import threading

import pytest

from supervisor.client.api import AT_ONCE, Client, given, refusal_of, session_path
from tests.supervisor.cli.oddbox import OddBox, Reply
from tests.supervisor.cli.stage import client_at
from tests.supervisor.client.faraway import Far
from tests.supervisor.web.boxes import ServedBox
from workers.errors import Broken, Refused


@pytest.fixture
def client(odd: OddBox) -> Client:
    return client_at(odd.path)


def test_an_answer_comes_as_it_was_sent(odd: OddBox, client: Client) -> None:
    odd.answer("GET", "/v1/box", {"name": "b"})
    assert client.get("/v1/box", wanted="a b", unwanted=None) == {"name": "b"}
    assert odd.asked[0].query == {"wanted": "a b"}


def test_a_body_goes_as_json(odd: OddBox, client: Client) -> None:
    odd.answer("POST", "/x", None)
    assert client.post("/x") is None
    assert odd.asked[0].json == {}
    assert odd.asked[0].headers["Content-Type"] == "application/json"


def test_a_problem_is_the_refusal_that_it_was(odd: OddBox, client: Client) -> None:
    odd.refuse("GET", "/x", 409, "at_capacity", "full", used=1, limit=1)
    with pytest.raises(Refused) as refused:
        client.get("/x")
    assert (refused.value.code, refused.value.detail, refused.value.hint) == ("at_capacity", "full", "h")
    assert refused.value.fields == {"type": "t", "title": "T", "status": 409, "used": 1, "limit": 1}


def test_an_error_that_is_no_problem_object_is_still_told(odd: OddBox, client: Client) -> None:
    odd.answers["GET", "/x"] = Reply(b"<html>", 500)
    with pytest.raises(Refused, match="the box answered with 500"):
        client.get("/x")
    assert refusal_of({"code": "", "detail": None}, 418).detail == "the box answered with 418"


def test_an_answer_that_is_not_json_is_not_taken_for_one(odd: OddBox, client: Client) -> None:
    odd.answers["GET", "/x"] = Reply(b"<html>")
    with pytest.raises(Broken, match="not JSON"):
        client.get("/x")


def test_a_box_that_goes_away_in_the_middle_is_broken(odd: OddBox, client: Client) -> None:
    odd.answers["GET", "/x"] = Reply(b'{"a":', cut=True)
    with pytest.raises(Broken, match="the box went away"):
        client.get("/x")


def test_a_box_that_says_nothing_is_given_up(odd: OddBox, client: Client) -> None:
    never = threading.Event()

    def wait(asked: object) -> Reply:
        never.wait(5)
        return Reply(b"{}")

    odd.answers["GET", "/x"] = wait
    with pytest.raises(Refused) as refused, client.answer("GET", "/x", timeout=0.05):
        raise AssertionError("nothing was answered")
    never.set()
    assert refused.value.code == "unreachable"
    assert "does not answer within" in refused.value.detail


def test_a_ctrl_c_that_interrupted_no_system_call_is_heard(odd: OddBox, client: Client) -> None:
    heard, answered = threading.Event(), threading.Event()

    def interrupt(asked: object) -> Reply:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # to this thread: the asking one sleeps on
        if not heard.wait(5):
            answered.set()
        return Reply(b"{}")

    odd.answers["GET", "/x"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        client.get("/x")
    assert not answered.is_set()
    heard.set()


def test_what_somebody_typed_cannot_leave_its_place_in_a_path() -> None:
    assert session_path("../box?x", "stop") == "/v1/code/sessions/..%2Fbox%3Fx/stop"


def test_a_path_that_is_not_utf8_is_asked_for_as_it_is(odd: OddBox, client: Client) -> None:
    odd.answer("GET", "/x", {})
    client.get("/x", name=b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert odd.asked[0].query["name"].startswith("caf")


def test_fields_that_were_not_given_are_left_out() -> None:
    assert given(a=1, b=None, c=False) == {"a": 1, "c": False}


def test_to_a_box_elsewhere_one_connection_is_used_again(box: ServedBox) -> None:
    far = Far(box.socket)
    client = far.client
    assert [client.get("/v1/box")["name"] for _ in range(3)]
    with pytest.raises(Refused):
        client.get("/v1/code/sessions/nothing")
    assert client.get("/healthz") == {"ok": True}
    assert far.dialled == 1


def test_a_connection_that_has_ended_meanwhile_is_not_used_again(odd: OddBox) -> None:
    odd.answer("GET", "/x", {})
    far = Far(odd.path)
    client = far.client
    assert [client.get("/x") for _ in range(3)] == [{}, {}, {}]
    assert far.dialled == 3


def test_what_the_way_knows_of_an_end_is_told(odd: OddBox) -> None:
    odd.answers["GET", "/x"] = Reply(b'{"a":', cut=True)
    with pytest.raises(Refused, match="the road is closed"):
        Far(odd.path, Refused("unreachable", "the road is closed")).client.get("/x")


def test_some_requests_elsewhere_wait_for_others(odd: OddBox) -> None:
    side_by_side, most, lock = 0, 0, threading.Lock()

    def count(asked: object) -> Reply:
        nonlocal side_by_side, most
        with lock:
            side_by_side += 1
            most = max(most, side_by_side)
        threading.Event().wait(0.01)
        with lock:
            side_by_side -= 1
        return Reply(b"{}")

    odd.answers["GET", "/x"] = count
    client = Far(odd.path).client
    threads = [threading.Thread(target=client.get, args=("/x",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 < most <= AT_ONCE
