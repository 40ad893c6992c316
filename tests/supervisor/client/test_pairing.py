"""This device's side of pairing, up to where a box is needed; the exchange itself is shown with `rc login`."""

from __future__ import annotations

import hashlib

import pytest

from supervisor.client.devicekeys import new_key
from supervisor.client.pairing import Invitation, Pairing, _claimed, claim_with, read_link
from supervisor.core.pairing import b64u
from workers.errors import Broken, Refused

SECRET, HASH = b64u(bytes(32)), hashlib.sha256(b"key").digest()
LINK = f"https://box.example/pair#{SECRET}.{b64u(HASH)}"


def test_a_link_says_where_what_and_who() -> None:
    assert read_link(LINK) == Invitation("https://box.example", SECRET, HASH)
    assert read_link("https://box.example:443/") == Invitation("https://box.example")
    assert SECRET not in repr(read_link(LINK))


@pytest.mark.parametrize(
    "link",
    [LINK[:-1], LINK + "x", LINK.rpartition(".")[0], f"{LINK}.x", "https://box.example/pair#x", "https://b/elsewhere"],
)
def test_a_link_that_is_not_whole_is_refused_without_its_secret(link: str) -> None:
    with pytest.raises(Refused) as refused:
        read_link(link)
    assert refused.value.code == "invalid"
    assert SECRET not in refused.value.detail + refused.value.hint


def test_a_code_counts_where_there_is_no_secret() -> None:
    assert claim_with(read_link(LINK), None) == {"secret": SECRET}
    assert claim_with(Invitation("https://b"), "7k3q-2xwo") == {"code": "7K3Q2XW0"}
    with pytest.raises(Refused):
        claim_with(Invitation("https://b"), None)


def pairing(box_key: bytes | None) -> Pairing:
    return Pairing(Invitation("https://b", SECRET, box_key), new_key(), None, bytes(32), "l", lambda digits: None)


def test_another_key_than_the_links_is_somebody_else() -> None:
    pairing(HASH)._check(b"key")
    pairing(None)._check(b"whatever")
    with pytest.raises(Refused) as refused:
        pairing(HASH)._check(b"another")
    assert refused.value.code == "not_allowed"


@pytest.mark.parametrize(
    "answer", [None, {}, [], {"id": "x", "box_key": "?", "nonce_b": "?"}, {"id": "x", "box_key": 1}]
)
def test_an_answer_that_is_none_is_broken(answer: object) -> None:
    with pytest.raises(Broken):
        _claimed(answer)
