import os
import socket
from pathlib import Path

import pytest

from tests.workers.core.test_spec import SPEC
from tests.workers.journals import no_file_larger_than
from workers.bundle import Bundle, boot_id, start_time


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.create(str(tmp_path / "session_1"), SPEC)


def test_a_bundle_is_its_owners_alone_and_made_once(bundle: Bundle) -> None:
    assert os.stat(bundle.directory).st_mode & 0o777 == 0o700
    assert os.stat(bundle.path("key")).st_mode & 0o777 == 0o600
    assert bundle.spec() == SPEC and len(bundle.key()) == 32
    with pytest.raises(FileExistsError):
        Bundle.create(bundle.directory, SPEC)


def test_what_is_missing_or_torn_says_so(bundle: Bundle) -> None:
    assert bundle.read("nothing") is None and bundle.read_json("nothing") is None
    bundle.write("torn.json", '{"a": ')
    bundle.write("list.json", "[]")
    assert bundle.read_json("torn.json") is None and bundle.read_json("list.json") is None
    for name in ("key", "spec.json"):
        os.unlink(bundle.path(name))
    for read in (bundle.key, bundle.spec):
        with pytest.raises(ValueError):
            read()


def test_a_new_history_comes_with_another_boot_only(bundle: Bundle) -> None:
    first = bundle.history_for("boot-1")
    assert bundle.history_for("boot-1") == first
    assert bundle.history_for("boot-2") != first


def test_a_small_file_that_the_disk_does_not_take_leaves_nothing(bundle: Bundle) -> None:
    bundle.write("exit.json", "first")
    before = os.listdir(bundle.directory)
    with no_file_larger_than(3), pytest.raises(OSError, match="File too large"):
        bundle.write("exit.json", "second")
    assert os.listdir(bundle.directory) == before
    assert bundle.read("exit.json") == "first"


def test_one_holds_the_lock_at_a_time(bundle: Bundle) -> None:
    held = bundle.try_lock()
    assert held is not None and bundle.try_lock() is None
    os.close(held)
    again = bundle.try_lock()
    assert again is not None
    os.close(again)


def test_a_void_mark_is_seen(bundle: Bundle) -> None:
    assert not bundle.is_void()
    bundle.write("void", "", durable=False)
    assert bundle.is_void()


def test_a_socket_is_reached_by_a_path_that_is_too_long_for_an_address(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    bundle = Bundle.create(str(directory), SPEC)
    with pytest.raises(OSError):
        bundle.connect()
    folder = os.open(directory, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/link")
        os.close(folder)
        listener.listen()
        with bundle.connect() as connection:
            assert connection.gettimeout() is None


def test_a_process_is_known_by_its_start() -> None:
    assert start_time(os.getpid()) == start_time(os.getpid()) is not None
    assert start_time(2**22 + 1) is None
    assert len(boot_id()) == 36
