"""The settings file, and what is said when it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.boxfile import SIZE_MAX, BoxFile
from supervisor.core.options import Origin, options
from supervisor.core.unfit import Unfit
from workers.errors import Refused

OPTIONS = {option.key: option for option in options("vm", ("shell",))}


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "box.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_a_value_comes_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, '# hello\ncapacity = 3\n[journal]\nterminal_keep = "8 MiB"\n')
    file = BoxFile.read(path, {})
    found = [file.find(OPTIONS[key]) for key in ("capacity", "terminal_keep", "name")]
    assert [(one.value, one.origin) if one else None for one in found] == [
        (3, Origin("file", f"{path}:2")),
        ("8 MiB", Origin("file", f"{path}:4")),
        None,
    ]


def test_the_variable_names_the_file_when_no_flag_does(tmp_path: Path) -> None:
    path = write(tmp_path, "capacity = 3\n")
    assert BoxFile.read(None, {"RC_CONFIG": path}).values == {"capacity": 3}


def test_only_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no such file"):
        BoxFile.read(str(tmp_path / "gone.toml"), {})


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("capacity = 3\nname == 1\n", 2, "Invalid value"),
        ("capacity = 3\nname = ", 2, "Invalid value"),
        (b"capacity = 3\nname = '\xff'\n", 2, "not UTF-8"),
        (b"#" * (SIZE_MAX + 1), None, "more than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_file_and_line(
    tmp_path: Path, text: str | bytes, line: int | None, cause: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Refused) as caught:
        BoxFile.read(path, {})
    assert caught.value.code == "configuration"
    assert (caught.value.fields["file"], caught.value.fields["line"]) == (path, line)
    assert cause in caught.value.detail


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"Is a directory"):
        BoxFile.read(os.fspath(tmp_path), {})


@pytest.mark.parametrize(
    ("text", "path"),
    [("capacty = 3", ("capacty",)), ("[journal]\nkeep = 3", ("journal", "keep")), ("journal = 3", ("journal",))],
)
def test_a_slip_of_the_pen_is_found(tmp_path: Path, text: str, path: tuple[str, ...]) -> None:
    file = BoxFile.read(write(tmp_path, text), {})
    with pytest.raises(Unfit) as caught:
        file.refuse_strangers(option.path for option in OPTIONS.values())
    assert caught.value.path == path


def test_what_is_known_is_no_stranger(tmp_path: Path) -> None:
    file = BoxFile.read(write(tmp_path, "capacity = 3\n[journal]\nterminal_keep = 1\n[agents.x]\n"), {})
    file.refuse_strangers([*(option.path for option in OPTIONS.values()), ("agents", "x")])
