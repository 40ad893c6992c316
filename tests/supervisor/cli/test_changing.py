"""Verbs that change sessions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox

ONE = "session_0b9c1111-1111-4111-8111-111111111111"
TWO = "session_0b9c2222-2222-4222-8222-222222222222"


def test_stop_ends_and_resume_goes_on(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    called = rc("stop", made["name"])
    assert called.code == 0
    assert called.out == f"{made['name']}  exited (stopped)  {made['id']}\n"
    assert rc("stop", made["name"], "--json").json["state"] == "exited"
    assert rc("resume", made["name"], "--json").json["state"] == "running"
    assert rc("resume", made["name"]).code == 4


def test_several_are_stopped_at_once_and_the_first_failure_counts(box: ServedBox, rc: Rc) -> None:
    one, two = box.new(agent="echo"), box.new(agent="echo")
    called = rc("stop", one["name"], "nobody", two["name"])
    assert called.code == 3
    assert called.out.count("exited") == 2
    assert called.err == "rc: there is no session nobody; rc ls -a shows those that there are\n"


def test_suspending_a_terminal_says_that_its_program_ends(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["sleep", "1000"])
    called = rc("suspend", made["name"])
    assert called.code == 0
    assert called.out.startswith(f"{made['name']}  suspended")
    assert f"the program of {made['name']} has ended, its tree stays" in called.err
    echo = box.new(agent="echo")
    assert rc("suspend", echo["name"]).err == ""


def test_archive_and_restore(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("archive", made["name"]).code == 4
    rc("stop", made["name"])
    assert rc("archive", made["name"], "--json").json["archived"] is True


def test_rename_gives_another_name(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("rename", made["name"], "a new name", "--json").json["name"] == "a new name"
    assert rc("rename", "a new name", "other").out.startswith("other  running")
    called = rc("rename", "other", "\x1b[31m")
    assert called.code == 2
    assert "\x1b" not in called.err


def test_interrupt_is_silent_for_people_and_a_number_for_programs(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("interrupt", made["name"]).out == ""
    assert rc("interrupt", made["name"], "--json").json["seq"] > 0


def test_a_deleted_tree_is_in_the_trash_and_comes_back_by_its_name(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", spawn_mode="worktree", name="leaves")
    rc("stop", "leaves")
    kept = Path(made["workspace"], "untracked\x1b[31m")
    kept.write_text("")
    called = rc("delete", "leaves")
    assert called.code == 4
    assert "untracked\\x1b[31m" in called.err
    assert called.err.count("\n") == 1
    kept.unlink()
    called = rc("delete", "leaves")
    assert called.code == 0, called
    assert called.out.startswith("leaves is deleted; kept as refs/rc/archive/")
    assert rc("show", "leaves").code == 3
    assert "leaves" in rc("trash").out
    assert rc("restore", "leaves").out.startswith("leaves  exited")
    assert Path(made["workspace"], "a.txt").exists()
    shutil.rmtree(made["workspace"])
    assert rc("delete", "leaves").code == 0
    called = rc("restore", "leaves")
    assert called.out.startswith("leaves  exited") and "is not there any more and did not come back" in called.err


def test_delete_says_how_to_get_it_back(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix"})
    answer = {"archived_ref": "refs/rc/archive/fix", "trash": "/t", "restorable_until": "2026-04-01T00:00:00.000Z"}
    odd.answer("DELETE", f"/v1/code/sessions/{ONE}", answer)
    called = odd_rc("delete", ONE, "--keep-branch")
    assert called.out == (
        f"fix is deleted; kept as refs/rc/archive/fix; rc restore {ONE} brings it back until 2026-04-01T00:00:00.000Z\n"
    )
    assert odd.asked[-1].json == {"keep_branch": True}
    assert odd_rc("delete", ONE, "--json").json == answer
    assert odd.asked[-1].json == {}


def test_what_the_gate_keeps_is_told_with_its_paths(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix"})
    reasons = [{"code": "changed", "detail": "1 changed file", "paths": ["a.txt"]}]
    odd.refuse("DELETE", f"/v1/code/sessions/{ONE}", 409, "kept", "fix is kept", reasons=reasons)
    called = odd_rc("delete", ONE)
    assert called.code == 4
    assert called.err == "rc: fix is kept (a.txt); h\n"


def test_later_words_of_delete_are_not_known_yet(rc: Rc) -> None:
    assert rc("delete", "x", "--discard").code == 2


def test_restore_means_what_was_put_away_and_not_a_live_namesake(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/trash", {"trash": [{"id": TWO, "name": "fix"}]})
    odd.answer("GET", "/v1/code/sessions", {"sessions": [{"id": ONE, "name": "fix", "archived": False}]})
    odd.answer("POST", f"/v1/code/sessions/{TWO}/restore", {"id": TWO, "name": "fix", "state": "exited"})
    assert odd_rc("restore", "fix").out == f"fix  exited  {TWO}\n"


def test_what_is_not_put_away_is_for_the_box_to_refuse(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/trash", {"trash": []})
    odd.answer("GET", "/v1/code/sessions", {"sessions": [{"id": ONE, "name": "fix", "archived": False}]})
    odd.refuse("POST", f"/v1/code/sessions/{ONE}/restore", 409, "invalid_state", "neither")
    assert odd_rc("restore", "fix").err == "rc: neither; h\n"
    assert odd_rc("restore", ONE).code == 4
    assert odd_rc("restore", "nobody").code == 3


def test_two_of_one_name_in_the_trash_are_not_chosen_between(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/trash", {"trash": [{"id": ONE, "name": "fix"}, {"id": TWO, "name": "fix"}]})
    odd.answer("GET", "/v1/code/sessions", {"sessions": []})
    assert odd_rc("restore", "fix").code == 2


@pytest.mark.parametrize("verb", ["stop", "suspend", "resume", "archive", "delete", "restore", "interrupt"])
def test_a_verb_without_a_session_is_a_usage_error(rc: Rc, verb: str) -> None:
    assert rc(verb).code == 2
