"""Files that are there as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.client.wholefile import open_whole, write_whole


def test_what_was_there_is_there_until_all_of_the_new_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(str(path), b"old")
    with open_whole(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("trouble", [OSError, KeyboardInterrupt])
def test_of_what_fails_nothing_is_left(tmp_path: Path, trouble: type[BaseException]) -> None:
    path = tmp_path / "file"
    write_whole(str(path), b"old")
    with pytest.raises(trouble), open_whole(str(path)) as file:
        file.write(b"a secret")
        raise trouble
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("name", [".", "none/file"])
def test_where_nothing_can_be_written_is_known_before(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="directory"), open_whole(str(tmp_path / name)):
        pytest.fail("it went on")  # pragma: no cover
    assert [*tmp_path.iterdir()] == []
