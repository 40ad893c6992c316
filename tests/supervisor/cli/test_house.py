"""`rc trash`, `rc prune`, `rc df`."""

from __future__ import annotations

import pytest

from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox

ONE = "session_0b9c1111-1111-4111-8111-111111111111"
TWO = "session_0b9c2222-2222-4222-8222-222222222222"


def test_the_trash_is_a_table(odd: OddBox, odd_rc: Rc) -> None:
    entry = {"id": ONE, "name": "fix", "deleted_at": "2026-03-01T00:00:00.000Z", "restorable_until": "2026-04-01"}
    odd.answer("GET", "/v1/trash", {"trash": [entry]})
    assert odd_rc("trash").out.splitlines()[1].split()[::2] == ["fix", "2026-04-01", ONE]
    assert odd_rc("trash", "--json").json == {"trash": [entry]}


@pytest.mark.parametrize(("whole", "size"), [(True, "2.0 KiB"), (False, "2.0 KiB+")])
def test_what_lies_in_the_trash_has_a_size(odd: OddBox, odd_rc: Rc, whole: bool, size: str) -> None:
    odd.answer("GET", "/v1/trash", {"trash": [{"id": ONE, "name": "fix", "bytes": 2048, "whole": whole}]})
    assert f" {size}  {ONE}" in odd_rc("trash").out


def test_an_empty_trash_says_so(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/trash", {"trash": []})
    called = odd_rc("trash")
    assert (called.code, called.out, called.err) == (0, "", "rc: the trash is empty\n")


def test_pruning_tells_what_went_and_what_stays(odd: OddBox, odd_rc: Rc) -> None:
    answer = {"pruned": [{"id": ONE, "name": "fix"}], "bytes": 2048, "left": ["a branch stays"]}
    odd.answer("POST", "/v1/prune", answer)
    assert odd_rc("prune", "--older", "2h").out == "1 session gone for good, 2.0 KiB free again; a branch stays\n"
    assert odd.asked[-1].json == {"older": 7200}
    assert odd_rc("prune", "--json").json == answer
    assert odd.asked[-1].json == {"older": 30 * 86400}


def test_a_span_that_is_none_is_refused(odd_rc: Rc) -> None:
    assert odd_rc("prune", "--older", "soon").code == 2


def test_what_is_kept_is_shown_with_what_is_free(odd: OddBox, odd_rc: Rc) -> None:
    row = {"id": ONE, "name": "fix", "journal": 1024, "tree": None, "bytes": 1024, "whole": True}
    deleted = {"id": TWO, "name": "old", "bytes": 2048, "whole": False}
    answer = {"disk": {"total": 8192, "free": 4096}, "sessions": [row], "trash": [deleted], "bytes": 3072}
    odd.answer("GET", "/v1/df", answer)
    lines = odd_rc("df").out.splitlines()
    assert lines[1].split() == ["fix", "1.0", "KiB", "-", "1.0", "KiB", ONE]
    assert lines[2].split() == ["old", "-", "-", "2.0", "KiB+", TWO, "(in", "the", "trash)"]
    assert lines[3] == "3.0 KiB kept by this box; 4.0 KiB of 8.0 KiB free on its disk"
    assert odd_rc("df", "--json").json == answer
