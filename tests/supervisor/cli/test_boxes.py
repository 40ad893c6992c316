"""Names for boxes elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.client import devicekeys
from supervisor.client.boxes import Known, changing, read
from tests.supervisor.cli.calling import call, environment
from tests.supervisor.cli.oddbox import OddBox


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[None]:
    with environment(HOME=str(tmp_path), RC_BOX=None, RC_STATE_DIR=None, XDG_STATE_HOME=None):
        yield


def test_a_box_gets_a_name_and_is_asked_by_it(odd: OddBox) -> None:
    odd.answer("GET", "/v1/box", {"spawn_mode": "worktree"})
    called = call("box", "add", "odd", f"unix:{odd.path}")
    assert (called.code, called.out) == (0, f"odd is unix:{odd.path}; rc --box odd ls asks it\n")
    assert call("--box", "odd", "mode").out == "worktree\n"
    with environment(RC_BOX="odd"):
        assert call("mode").out == "worktree\n"


def test_one_is_meant_where_none_is_named(odd: OddBox, tmp_path: Path) -> None:
    odd.answer("GET", "/v1/box", {"spawn_mode": "worktree"})
    call("box", "add", "odd", f"unix:{odd.path}")
    assert call("--json", "box", "use", "odd").json == {
        "name": "odd",
        "url": f"unix:{odd.path}",
        "device": None,
        "current": True,
    }
    assert call("mode").out == "worktree\n"
    for words in (("--box", "local"), ("--state-dir", str(tmp_path))):
        assert call(*words, "mode").code == 5
    with environment(RC_STATE_DIR=str(tmp_path)):  # as inside a session: the box that it is of
        assert call("mode").code == 5
    with environment(RC_BOX="local"):
        assert call("mode").code == 5
    assert "the box on this machine" in call("box", "use", "local").out
    assert call("mode").code == 5


def test_all_are_listed_with_the_one_that_is_meant() -> None:
    call("box", "add", "far", "ssh://ana@host")
    call("box", "add", "web", "https://Box.example/")
    boxes = call("--json", "box", "ls").json["boxes"]
    assert [(each["name"], each["current"]) for each in boxes] == [("local", True), ("far", False), ("web", False)]
    assert boxes[2]["url"] == "https://box.example"
    call("box", "use", "far")
    assert "far    ssh://ana@host" in call("box", "ls").out
    assert [each["current"] for each in call("--json", "box", "ls").json["boxes"]] == [False, True, False]


def test_one_that_is_removed_is_forgotten_with_its_key() -> None:
    with changing() as changes:
        known = Known("web", "https://box.example", "device_1", "p", "file")
        changes.write(changes.boxes.with_box(known).with_box(Known("far", "ssh://host")))
    devicekeys.keep("web", devicekeys.new_key())
    called = call("box", "remove", "web")
    assert called.code == 0
    assert "rc revoke device_1" in called.out
    assert not os.path.exists(devicekeys.path_of("web"))
    assert list(read().by_name) == ["far"]
    assert call("box", "remove", "far").out == "far is forgotten\n"


def test_a_key_in_the_agent_is_said_to_stay_there() -> None:
    with changing() as changes:
        changes.write(changes.boxes.with_box(Known("web", "https://box.example", "device_1", "p", "ssh-agent")))
    assert "stays in the ssh agent" in call("box", "remove", "web").out


def test_one_that_needs_pairing_is_said_to() -> None:
    assert "rc login https://box.example" in call("box", "add", "web", "https://box.example").out
    called = call("--box", "web", "ls")
    assert called.code == 4
    assert "rc login https://box.example" in called.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add",), 2),
        (("add", "a"), 2),
        (("ls", "a"), 2),
        (("use",), 2),
        (("add", "local", "ssh://host"), 2),
        (("add", "a", "nonsense"), 2),
        (("add", "a", "http://box.example"), 2),
        (("add", "there", "ssh://another"), 4),
        (("use", "gone"), 3),
        (("remove", "gone"), 3),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], code: int) -> None:
    call("box", "add", "there", "ssh://host")
    assert call("box", *words).code == code
    assert list(read().by_name) == ["there"]
