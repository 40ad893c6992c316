"""The file of boxes that have names."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.client import boxes
from supervisor.client.boxes import Boxes, Known, changing, check_name, find, read, text_of
from tests.supervisor.cli.calling import environment
from workers.errors import Refused

HOME = Known("home", "https://home:7420", "device_1", "pub", "file", '-----BEGIN\nx\\"\n')
SSH = Known("a.b-c_d", "ssh://ana@host")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with environment(HOME=str(tmp_path)):
        yield tmp_path / ".config" / "rc"


def write(text: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boxes.toml").write_text(text)


def test_without_a_file_there_are_none() -> None:
    assert read() == Boxes()


def test_what_was_written_is_read(folder: Path) -> None:
    with changing() as changes:
        changes.write(Boxes({"home": HOME, SSH.name: SSH}, "home"))
    assert read() == Boxes({"home": HOME, SSH.name: SSH}, "home")
    assert stat.S_IMODE(os.stat(folder / "boxes.toml").st_mode) == 0o600
    assert sorted(os.listdir(folder)) == [".boxes.lock", "boxes.toml"]


def test_one_that_was_logged_in_to_goes_before_one_that_was_named() -> None:
    named = Known("named", HOME.url)
    there = Boxes().with_box(named).with_box(HOME)
    assert there.at(HOME.url) == HOME
    assert there.without("home").at(HOME.url) == named
    assert there.at("https://elsewhere") is None


def test_one_that_is_removed_is_no_longer_meant() -> None:
    assert Boxes({"home": HOME}, "home").without("home") == Boxes()
    assert Boxes({"home": HOME, "b": SSH}, "home").without("b").current == "home"


def test_changes_side_by_side_are_all_kept() -> None:
    def add(number: int) -> None:
        with changing() as changes:
            changes.write(changes.boxes.with_box(Known(f"box-{number}", "ssh://x")))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read().by_name) == 16


def test_a_failed_write_leaves_what_there_was(folder: Path) -> None:
    with changing() as changes:
        changes.write(Boxes({"home": HOME}))
    with changing() as changes:
        (folder / "boxes.toml").rename(folder / "aside")
        (folder / "boxes.toml").mkdir()
        with pytest.raises(OSError, match="directory"):
            changes.write(Boxes())
        assert changes.boxes == Boxes({"home": HOME})
    assert sorted(each.name for each in folder.iterdir()) == [".boxes.lock", "aside", "boxes.toml"]


@pytest.mark.parametrize(
    "text", ["current =", "[boxes.a]\n", "[boxes.a]\nurl = 1\n", "[boxes.'-x']\nurl = 'ssh://x'\n", "[boxes]\na = 1\n"]
)
def test_a_file_that_cannot_be_read_is_named(text: str, folder: Path) -> None:
    write(text, folder)
    with pytest.raises(Refused) as refused:
        read()
    assert refused.value.code == "configuration"
    assert str(folder / "boxes.toml") in refused.value.detail


def test_one_that_is_not_ours_to_read_is_named(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "boxes.toml").mkdir()
    with pytest.raises(Refused, match="directory"):
        read()


def test_a_current_box_that_is_gone_is_none(folder: Path) -> None:
    write('current = "gone"\nnews = 1\n', folder)
    assert read() == Boxes()


@pytest.mark.parametrize("name", ["", "local", "-x", "a b", "a/b", "a:b", "ü", "x" * 65, "..", "a\n"])
def test_what_cannot_be_told_from_an_address_or_a_path_is_no_name(name: str) -> None:
    with pytest.raises(Refused):
        check_name(name)


def test_one_that_is_not_there_is_told_as_that() -> None:
    with pytest.raises(Refused) as refused:
        find(Boxes(), "home")
    assert refused.value.code == "not_found"


def test_only_ascii_is_written() -> None:
    assert text_of(Boxes({"a": Known("a", "ü\x07\n")})).isascii()
    assert boxes.HEAD.startswith("#")
