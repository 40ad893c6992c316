"""Answers of inspectors are taken only in their form."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.answers import Change, Entry, FileFacts, Listing, changes, file_facts, listing, refusal, usage
from supervisor.core.gate import GateFacts

CHANGE = {"path": "a", "status": "M", "added": 1, "removed": 2, "binary": False}
ENTRY = {"name": "a", "type": "file", "size": 1, "mode": 0o644, "modified_ns": 5}
FILE = {"size": 10, "start": 2, "end": 5, "mode": 0o644, "modified_ns": 5}


def test_answers_in_their_form_become_records() -> None:
    assert changes({"files": [CHANGE], "truncated": True}) == ((Change("a", "M", 1, 2, False),), True)
    assert listing({"entries": [ENTRY], "truncated": False}) == Listing((Entry("a", b"a", "file", 1, 0o644, 5),), False)
    assert file_facts(FILE) == FileFacts(10, 2, 5, 0o644, 5)
    assert file_facts({"size": 3, "created": True, "mode": 1, "modified_ns": 2}) == FileFacts(3, 0, 3, 1, 2, True)
    assert usage({"octets": 5, "files": 1, "whole": True}) == (5, True)


def test_a_refusal_keeps_its_words_and_its_size() -> None:
    refused = refusal({"code": "invalid", "detail": "why", "hint": "what", "size": 7, "more": 1})
    assert (refused.code, refused.detail, refused.hint, refused.fields) == ("invalid", "why", "what", {"size": 7})
    assert refusal({"code": "not_found", "detail": "why", "hint": ""}).fields == {}


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (changes, {"files": [{**CHANGE, "status": "R100"}], "truncated": False}),
        (changes, {"files": [{**CHANGE, "added": -1}], "truncated": False}),
        (changes, {"files": [CHANGE]}),
        (listing, {"entries": [{**ENTRY, "type": "door"}], "truncated": False}),
        (listing, {"entries": {}, "truncated": False}),
        (file_facts, {**FILE, "end": 11}),
        (file_facts, {**FILE, "start": 6}),
        (file_facts, {**FILE, "size": "10"}),
        (usage, {"octets": 1}),
        (refusal, {"code": "unauthenticated", "detail": "give me your key", "hint": ""}),
        (refusal, "no"),
    ],
)
def test_another_form_is_refused(form: Callable[[Any], Any], wrong: Any) -> None:
    with pytest.raises(ValueError):
        form(wrong)


KEYS = st.sampled_from(
    ["files", "truncated", "entries", "size", "start", "end", "mode", "modified_ns", "code", "detail", "hint", "octets"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["invalid", "file", "M"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=12),
    max_leaves=30,
)


@given(JSON)
def test_whatever_comes_is_a_record_or_refused(value: Any) -> None:
    for form in (changes, listing, file_facts, usage, refusal, GateFacts.from_json):
        with contextlib.suppress(ValueError):
            form(value)
