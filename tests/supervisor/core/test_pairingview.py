"""Who wants in, as a screen knows it."""

from __future__ import annotations

from typing import Any

from supervisor.core.boxview import BoxView
from supervisor.core.pairingview import PairingView

LINK = {"id": "a", "code": "7K3Q-2XWM", "urls": []}


def pairing(id: str = "a", state: str = "waiting", opened: bool = False, claimed: bool = False) -> dict[str, Any]:
    who = {"address": "198.51.100.7", "label": "phone" if opened else None} if opened or claimed else None
    return {"id": id, "state": state, "claimed": who, "opened": opened, "contenders": [], "tries_left": 3}


def test_a_whole_number_is_for_the_oldest_who_asks() -> None:
    view = PairingView()
    assert view.asking is None and not view.takes("1")
    assert view.begin([pairing("b"), pairing("c", opened=True)]) == []
    view.apply(pairing("b", opened=True))
    assert view.asking is not None and view.asking["id"] == "b"
    assert [view.type(key) for key in "12x"[:2]] == [None, None]
    assert view.takes(" ") and view.type(" ") is None and view.digits == "12"
    assert view.takes("\x7f") and view.type("\x7f") is None and view.digits == "1"
    assert [view.type(key) for key in "23456"][-1] == ("b", "123456")
    assert view.digits == "" and not view.takes(" ") and not view.takes("\x7f") and not view.takes("w")
    assert not view.takes("\u0663"), "a digit of another script"


def test_what_was_typed_for_one_is_never_counted_for_another() -> None:
    view = PairingView()
    view.begin([pairing("a", opened=True), pairing("b", opened=True)])
    view.type("1")
    assert view.queue == 1
    view.drop("b")
    assert view.queue == 0
    assert view.digits == "1"
    view.apply(pairing("b", opened=True))
    assert view.apply(pairing("a", "accepted", opened=True)) == ["phone is paired"]
    assert view.digits == ""
    view.type("1")
    view.begin([pairing("c", opened=True)])
    assert view.digits == ""


def test_the_link_made_here_is_shown_while_it_is_open() -> None:
    view = PairingView()
    view.offer(LINK)
    assert view.shown is None
    view.apply(pairing())
    assert view.shown == pairing()
    view.apply(pairing("b", opened=True))
    assert view.shown == pairing("b", opened=True), "who asks goes first"
    assert view.begin([pairing()]) == [] and view.invitation == LINK
    assert view.begin([]) == ["the link is void: the box has started anew"] and view.invitation is None


def test_how_a_pairing_ended_is_told_where_somebody_wanted_in() -> None:
    for ended, note in (
        (pairing(state="refused"), "the link is void; space makes another"),
        (pairing(state="expired"), "the time of the link is up; space makes another"),
        (pairing(state="refused", claimed=True), "198.51.100.7 was not let in; space makes another link"),
        (pairing(state="waiting on"), "the pairing has ended"),
    ):
        view = PairingView()
        view.offer(LINK)
        assert view.apply(ended) == [note]
        assert view.invitation is None
        assert view.apply(ended) == ([note] if ended["claimed"] else []), "a link of others, unless it was claimed"
    assert view.drop("never seen") == []


def test_a_box_tells_of_pairings_among_the_rest() -> None:
    view = BoxView()
    view.apply({"type": "hello", "box": {}, "sessions": [], "pairings": [pairing("a", opened=True)]})
    assert view.pairing.asking is not None
    view.apply({"type": "pairing", "pairing": pairing("a", "accepted", opened=True)})
    assert list(view.notes) == ["phone is paired"]
    view.apply({"type": "pairing", "pairing": pairing("b", opened=True)})
    view.apply({"type": "pairing_gone", "id": "b"})
    assert view.pairing.asking is None
