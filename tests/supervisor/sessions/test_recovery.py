"""What a supervisor finds when it starts."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.sessions.recovery import has_bundle, highest_epoch, look, take_inventory
from tests.supervisor.sessions.livebox import spec_of
from workers.bundle import Bundle
from workers.core.events import body_of, process
from workers.core.lifecycle import State
from workers.journalfile import EventLog


def bundle_of(home: Path, *events: str, name: str = "one") -> Bundle:
    """A bundle in whose journal a process went through these states."""
    spec = replace(spec_of(home), name=name)
    bundle = Bundle.create(str(home / "sessions" / spec.id), spec)
    if events:
        journal = EventLog.open(bundle.directory)
        for seq, state in enumerate(events, 1):
            journal.append(seq, seq, body_of(process(State(state)), "rc", None, None))
        journal.close()
    return bundle


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "sessions").mkdir()
    return tmp_path


def names(home: Path) -> list[str]:
    return [each.facts.name for each in take_inventory(str(home / "sessions"), {})]


def test_every_bundle_with_a_journal_is_a_session_again(home: Path) -> None:
    bundle_of(home, "starting", "running", name="one")
    bundle_of(home, "starting", name="two")
    assert sorted(names(home)) == ["one", "two"]


def test_a_session_that_never_began_is_taken_back(home: Path) -> None:
    bundle = bundle_of(home)
    half = home / "sessions" / "session_half"
    half.mkdir()
    (half / "key").write_text("0" * 64)
    assert names(home) == []
    assert not os.path.exists(bundle.directory) and not half.exists()


def test_what_was_being_taken_back_is_taken_back(home: Path) -> None:
    bundle = bundle_of(home, "starting")
    bundle.write("void", "")
    assert names(home) == []
    assert not os.path.exists(bundle.directory)


@pytest.mark.parametrize("void", [True, False])
def test_nothing_is_taken_back_while_somebody_holds_it(home: Path, void: bool) -> None:
    bundle = bundle_of(home)
    if void:
        bundle.write("void", "")
    lock = bundle.try_lock()
    assert lock is not None
    assert names(home) == ([] if void else ["one"])
    os.close(lock)
    assert os.path.exists(bundle.directory)


def test_a_bundle_that_cannot_be_read_is_left_for_a_person(home: Path) -> None:
    bundle = bundle_of(home, "starting")
    bundle.write("spec.json", "{")
    assert names(home) == []
    assert look(bundle.directory, None) is None
    assert os.path.exists(bundle.directory)


def test_a_bundle_that_gives_an_error_keeps_nobody_from_starting(home: Path) -> None:
    bundle_of(home, "starting", name="good")
    unread, unlocked, unseen = (bundle_of(home, "starting") for _ in range(3))
    os.unlink(unread.path("spec.json"))
    os.mkdir(unread.path("spec.json"))
    os.unlink(os.path.join(unlocked.directory, "events-1.j"))
    os.mkdir(unlocked.path("lock"))
    os.mkdir(unseen.path("epoch.json"))
    assert sorted(names(home)) == sorted(["good", "one"])
    assert highest_epoch(str(home / "sessions")) == 0
    for bundle in (unread, unlocked, unseen):
        assert has_bundle(str(home / "sessions"), os.path.basename(bundle.directory))


def test_a_copy_of_a_bundle_is_no_second_session(home: Path) -> None:
    bundle = bundle_of(home, "starting")
    shutil.copytree(bundle.directory, f"{bundle.directory}-bak")
    shutil.copytree(bundle.directory, f"{bundle.directory}.bak")
    assert names(home) == ["one"]
    assert os.path.exists(f"{bundle.directory}-bak") and os.path.exists(f"{bundle.directory}.bak")


@pytest.mark.parametrize("name", ["old", "session_old"])
def test_a_directory_that_people_made_stays_with_all_that_is_in_it(home: Path, name: str) -> None:
    bundle = bundle_of(home, "starting", "exited")
    (home / "sessions" / name).mkdir()
    moved = home / "sessions" / name / os.path.basename(bundle.directory)
    os.rename(bundle.directory, moved)
    assert names(home) == []
    assert (moved / "events-1.j").exists()


def test_what_is_no_directory_is_no_bundle(home: Path) -> None:
    (home / "sessions" / "note.txt").write_text("x")
    (home / "sessions" / "link").symlink_to("/etc")
    assert names(home) == []
    assert highest_epoch(str(home / "sessions")) == 0
    assert (home / "sessions" / "note.txt").exists()


def test_the_highest_epoch_is_found(home: Path) -> None:
    assert highest_epoch(str(home / "sessions")) == 0
    bundle_of(home, "starting").write("epoch.json", '{"epoch": 7}')
    bundle_of(home, "starting").write("epoch.json", '{"epoch": "nonsense"}')
    assert highest_epoch(str(home / "sessions")) == 7
