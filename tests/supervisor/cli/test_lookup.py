"""What somebody typed for a session, and verbs that take several."""

from __future__ import annotations

import argparse
import json as js
import threading
from typing import Any

import pytest

from supervisor.cli import lookup
from supervisor.client.api import Client
from tests.supervisor.cli.calling import environment
from tests.supervisor.cli.oddbox import Asked, OddBox, Reply
from tests.supervisor.cli.stage import client_at
from workers.errors import Broken, Refused

ONE = "session_0b9c1111-1111-4111-8111-111111111111"
TWO = "session_local_0b9c2222-2222-4222-8222-222222222222"
THREE = "session_cccc3333-3333-4333-8333-333333333333"


def session(id: str, name: str, person: str = "owner", archived: bool = False) -> dict[str, Any]:
    return {"id": id, "name": name, "created_by": {"person": person, "device": None}, "archived": archived}


@pytest.fixture
def client(odd: OddBox) -> Client:
    odd.answer("GET", "/v1/box", {"you": {"person": "owner"}})
    return client_at(odd.path)


def has(odd: OddBox, *sessions: dict[str, Any]) -> None:
    odd.answer("GET", "/v1/code/sessions", {"sessions": sessions})


def test_a_whole_id_is_asked_for_as_it_is(odd: OddBox, client: Client) -> None:
    odd.answer("GET", f"/v1/code/sessions/{TWO}", session(TWO, "x"))
    assert lookup.find(client, TWO)["name"] == "x"
    assert len(odd.asked) == 1


def test_a_name_means_its_session(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix"), session(TWO, "test"))
    assert lookup.find(client, "test")["id"] == TWO
    assert odd.asked[0].query == {"archived": "true"}


def test_the_beginning_of_a_uuid_means_its_session(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix"), session(TWO, "test"), session(THREE, "x"))
    assert lookup.find(client, "cccc")["id"] == THREE
    assert lookup.find(client, "session_cccc3")["id"] == THREE


def test_three_characters_are_not_enough(odd: OddBox, client: Client) -> None:
    has(odd, session(THREE, "x"))
    with pytest.raises(Refused) as refused:
        lookup.find(client, "ccc")
    assert refused.value.code == "unknown_session"


def test_several_are_told_and_none_is_chosen(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix"), session(TWO, "test"))
    with pytest.raises(Refused) as refused:
        lookup.find(client, "0b9c")
    assert refused.value.detail == f"0b9c may be any of {ONE} (fix), {TWO} (test)"
    assert refused.value.fields == {"exit": 2, "sessions": [ONE, TWO]}


def test_my_own_goes_before_somebody_elses(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix", person="ana"), session(TWO, "fix"))
    assert lookup.find(client, "fix")["id"] == TWO


def test_a_live_one_goes_before_one_that_is_put_away(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix", archived=True), session(TWO, "fix"))
    assert lookup.find(client, "fix")["id"] == TWO


def inside(odd: OddBox) -> None:
    """The box finds that its asker is the agent of ONE, called `fix`."""
    odd.answer("GET", "/v1/box", {"you": {"person": None, "role": "agent", "session": ONE}})
    odd.answer("GET", f"/v1/code/sessions/{ONE}", session(ONE, "fix"))
    odd.refuse("GET", "/v1/code/sessions", 403, "not_allowed")


@pytest.mark.parametrize("wanted", ["fix", "0b9c", "session_0b9c1111"])
def test_an_agent_may_call_its_own_session_by_its_name(odd: OddBox, client: Client, wanted: str) -> None:
    inside(odd)
    with environment(RC_SESSION_ID=ONE):
        assert lookup.find(client, wanted)["id"] == ONE
    assert [asked.path for asked in odd.asked] == ["/v1/box", f"/v1/code/sessions/{ONE}"]


def test_what_an_agent_may_not_see_is_the_boxs_to_refuse(odd: OddBox, client: Client) -> None:
    inside(odd)
    with environment(RC_SESSION_ID=ONE), pytest.raises(Refused) as refused:
        lookup.find(client, "test")
    assert refused.value.code == "not_allowed"


def test_a_person_whose_shell_carries_a_sessions_id_is_no_agent(odd: OddBox, client: Client) -> None:
    has(odd, session(ONE, "fix"), session(TWO, "test"))
    with environment(RC_SESSION_ID=ONE):
        assert lookup.find(client, "test")["id"] == TWO


def test_all_pages_of_a_list_are_read(odd: OddBox, client: Client) -> None:
    def page(asked: Asked) -> Reply:
        if asked.query.get("cursor") == "more":
            return Reply(b'{"sessions":[{"id":"2"}]}')
        return Reply(b'{"sessions":[{"id":"1"}],"next_cursor":"more"}')

    odd.answers["GET", "/v1/code/sessions"] = page
    assert lookup.pages(client, {"q": "x"}) == {"sessions": [{"id": "1"}, {"id": "2"}]}
    assert [asked.query.get("q") for asked in odd.asked] == ["x", "x"]


def act(wanted: str) -> lookup.Done:
    if wanted.startswith("bad"):
        raise Refused("unknown_session" if wanted == "bad" else "not_running", f"no {wanted}", "look", status=404)
    return lookup.Done({"name": wanted}, f"did {wanted}", f"note {wanted}" if wanted == "b" else "")


def args(*sessions: str, json: bool = False) -> argparse.Namespace:
    return argparse.Namespace(sessions=list(sessions), json=json)


def test_one_session_is_told_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert lookup.each(args("a", json=True), act) == 0
    assert capsys.readouterr().out == '{"name": "a"}\n'
    with pytest.raises(Refused):
        lookup.each(args("bad", json=True), act)


def test_several_are_all_done_and_the_first_failure_is_the_exit(capsys: pytest.CaptureFixture[str]) -> None:
    told = lookup.each(args("a", "bad", "worse-bad", "b", "bad2"), act)
    captured = capsys.readouterr()
    assert told == 3
    assert captured.out == "did a\ndid worse-bad\ndid b\n"
    assert captured.err == "rc: no bad; look\nrc: note b\nrc: no bad2; look\n"


def test_several_are_one_value_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert lookup.each(args("a", "bad2", json=True), act) == 3
    captured = capsys.readouterr()
    results = js.loads(captured.out)["results"]
    assert results[0] == {"name": "a"}
    assert (results[1]["code"], results[1]["detail"]) == ("not_running", "no bad2")
    assert captured.err == ""


def test_several_are_done_side_by_side_and_told_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    together = threading.Barrier(3)

    def meet(wanted: str) -> lookup.Done:
        together.wait(5)
        return lookup.Done(None, wanted)

    assert lookup.each(args("c", "a", "b"), meet) == 0
    assert capsys.readouterr().out == "c\na\nb\n"


def test_no_more_than_some_at_once() -> None:
    lock, busy, most = threading.Lock(), [0], [0]
    together = threading.Barrier(lookup.AT_ONCE)

    def count(wanted: str) -> lookup.Done:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        together.wait(5)
        with lock:
            busy[0] -= 1
        return lookup.Done(None)

    assert lookup.each(args(*map(str, range(2 * lookup.AT_ONCE))), count) == 0
    assert most[0] == lookup.AT_ONCE


@pytest.mark.parametrize("error", [Broken("the box went away"), OSError("no more descriptors")])
def test_what_concerns_all_of_them_is_raised(error: Exception) -> None:
    def fail(wanted: str) -> lookup.Done:
        raise error

    with pytest.raises(type(error)):
        lookup.each(args("a", "b"), fail)
