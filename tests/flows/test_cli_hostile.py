"""Paths, contents and words full of orders to a terminal, looked for in what every verb prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitrepos import commit, repository
from tests.supervisor.cli.calling import Called, directory
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.web.boxes import ServedBox, serving

EVIL = "evil\x1b]0;owned\x07\x9b31m\u202e\u2066"
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LOOKING = (
    ("ls",),
    ("show", "here", "out"),
    ("path", "here", "out"),
    ("status",),
    ("project", "ls"),
    ("diff", "here"),
    ("diff", "here", "--stat"),
    ("files", "here"),
    ("files", "here", f"new {EVIL}"),
    ("logs", "here"),
    ("logs", "out", "-f"),
    ("logs", "out", "--terminal"),
    ("send", "here", EVIL, "--wait"),
    ("df",),
    ("doctor",),
)
CHANGING = (
    ("suspend", "here"),
    ("resume", "here"),
    ("rename", "here", "there"),
    ("stop", "there"),
    ("archive", "there"),
    ("restore", "there"),
)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    with serving(tmp_path_factory.mktemp("hostile")) as box:
        yield box


@pytest.fixture(scope="module")
def project(box: ServedBox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose path and files are hostile, served by the box."""
    place = repository(tmp_path_factory.mktemp("repo") / EVIL)
    commit(place, {f"{EVIL}.txt": f"{EVIL}\n"})
    assert Rc(box.socket)("project", "add", str(place)).code == 0
    return place


def harmless(called: Called, code: int = 0) -> str:
    assert called.code == code, called
    assert not ORDERS.search(called.out + called.err), called
    return called.out


def test_no_verb_obeys_what_others_wrote(box: ServedBox, project: Path) -> None:
    rc = Rc(box.socket)
    with directory(project):
        harmless(rc("new", "--agent", "echo", "--spawn", "worktree", "--name", "here", EVIL))
        harmless(rc("new", "--name", "out", "--", "printf", "%s\n", EVIL))
    harmless(rc("wait", "here"))
    harmless(rc("wait", "out", "--until", "exit"))
    tree = Path(box.ask("GET", "/v1/code/sessions?q=here").json["sessions"][0]["workspace"])
    (tree / f"new {EVIL}").write_text(EVIL)
    (tree / f"{EVIL}.txt").write_text(f"{EVIL} changed\n")
    for words in LOOKING:
        harmless(rc(*words))
        harmless(rc(*words, "--json"))
    for words in CHANGING:
        harmless(rc(*words))
    kept = rc("delete", "there")
    harmless(kept, 4)
    assert "\\x1b]0;owned\\x07" in kept.err
    harmless(rc("delete", "out"))
    harmless(rc("trash"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", EVIL), 3),
        (("new", "--name", EVIL), 2),
        (("new", "--agent", EVIL), 78),
        (("new", "--project", EVIL), 3),
        (("new", "--base", EVIL, "--spawn", "worktree"), 2),
        (("new", "--", EVIL), 1),
        (("new", "--env", f"{EVIL}="), 2),
        (("project", "add", f"/{EVIL}"), 2),
        (("project", "remove", EVIL), 3),
        ((EVIL,), 2),
        (("ls", f"--{EVIL}"), 2),
        (("ls", "--since", EVIL), 2),
        (("attach", "x", "--allow", EVIL), 2),
        (("--box", EVIL, "ls"), 2),
        (("--box", f"unix:/{EVIL}/rc.sock", "ls"), 5),
        (("cp", f"/{EVIL}", "x:y"), 1),
        (("send", "x", "--file", EVIL), 2),
    ],
)
def test_no_refusal_obeys_what_was_asked(box: ServedBox, words: tuple[str, ...], code: int) -> None:
    harmless(Rc(box.socket)(*words), code)
    harmless(Rc(box.socket)("--json", *words), code)
