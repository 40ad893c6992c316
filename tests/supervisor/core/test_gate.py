"""The gate lets a tree through only when nothing of it can be lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.core.gate import LIST_MAX, GateFacts, Reason, Several, Sitter, reasons
from supervisor.core.told import TEXT_MAX

CLEAN = GateFacts(head="1" * 40, branch_at="1" * 40)
ANSWER: dict[str, Any] = {
    "missing": False,
    "not_ours": None,
    "unreadable": [],
    "processes": {"count": 2, "found": [{"pid": 7, "name": "sh", "how": "works in it"}]},
    "operations": ["rebase"],
    "head": "1" * 40,
    "branch_at": None,
    "tips": ["2" * 40],
    **{kind: {"count": 0, "found": []} for kind in ("untracked", "ignored", "submodules", "stashes", "unpushed")},
    "changed": {"count": 3, "found": ["a"]},
}


def codes(**found: Any) -> list[str]:
    return [reason.code for reason in reasons(replace(CLEAN, **found))]


def test_a_clean_tree_passes_and_so_does_one_that_is_gone() -> None:
    assert codes() == []
    assert codes(missing=True) == []


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"unreadable": ("HEAD cannot be read",)}, "unreadable"),
        ({"not_ours": "its .git file is gone"}, "not_ours"),
        ({"processes": 1, "sitters": (Sitter(1, "sh", "works in it"),)}, "process_inside"),
        ({"operations": ("rebase",)}, "operation_in_progress"),
        ({"changed": Several(1, ("a",))}, "changed"),
        ({"untracked": Several(1, ("a",))}, "untracked"),
        ({"ignored": Several(1, ("a",))}, "ignored"),
        ({"submodules": Several(1, ("a",))}, "submodule"),
        ({"stashes": Several(1, ("stash@{0}",))}, "stash"),
        ({"unpushed": Several(1, ("1" * 40,))}, "unpushed"),
    ],
)
def test_everything_that_could_be_lost_keeps_a_tree(found: dict[str, Any], code: str) -> None:
    assert codes(**found) == [code]


def test_all_reasons_are_told_at_once() -> None:
    assert codes(changed=Several(1, ("a",)), unpushed=Several(1, ("b",))) == ["changed", "unpushed"]


def test_a_reason_names_some_and_counts_the_rest() -> None:
    facts = replace(CLEAN, untracked=Several(30, ("a", "b")), unpushed=Several(3, ("1" * 40,)))
    untracked, unpushed = reasons(facts)
    assert untracked.to_json() == {"code": "untracked", "detail": "30 not tracked by git", "paths": ["a", "b"]}
    assert unpushed.detail == "commits on no remote and not in the base: 111111111111 and 2 more"
    assert Reason("stash", "x").to_json() == {"code": "stash", "detail": "x"}


def test_an_inspectors_answer_becomes_facts() -> None:
    facts = GateFacts.from_json({**ANSWER, "of a later release": 1})
    assert facts == GateFacts(
        processes=2,
        sitters=(Sitter(7, "sh", "works in it"),),
        operations=("rebase",),
        changed=Several(3, ("a",)),
        head="1" * 40,
        tips=("2" * 40,),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"missing": 1},
        {"missing": None},
        {"not_ours": 5},
        {"unreadable": "x"},
        {"unreadable": [1]},
        {"unreadable": ["x"] * (LIST_MAX + 1)},
        {"unreadable": ["x" * (TEXT_MAX + 1)]},
        {"processes": []},
        {"processes": {"count": -1, "found": []}},
        {"processes": {"count": True, "found": []}},
        {"processes": {"count": 1, "found": [{"pid": "1"}]}},
        {"changed": {"count": 0, "found": ["a"]}},
        {"changed": {"count": 1.5, "found": []}},
        {"head": []},
        {"tips": None},
    ],
)
def test_an_answer_of_another_shape_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        GateFacts.from_json({**ANSWER, **wrong})


def test_an_answer_that_is_no_object_is_none() -> None:
    with pytest.raises(ValueError):
        GateFacts.from_json([])


def test_half_a_character_does_not_travel_on() -> None:
    facts = GateFacts.from_json({**ANSWER, "not_ours": "a\udcffb"})
    assert facts.not_ours == "a?b"
