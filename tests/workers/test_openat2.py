"""What openat2 lets through and what not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.openat2 import INSIDE, NO_XDEV, open_beneath


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "file").write_text("inside")
    (tmp_path / "outside").write_text("outside")
    descriptor = os.open(tmp_path / "tree", os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def refusal(root: int, path: str, resolve: int = INSIDE) -> int | None:
    try:
        os.close(open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK, resolve))
    except OSError as error:
        return error.errno
    return None


def test_a_file_beneath_is_opened_close_on_exec(root: int) -> None:
    descriptor = open_beneath(root, "sub/file", os.O_RDONLY)
    try:
        assert os.read(descriptor, 100) == b"inside"
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


def test_nothing_leads_out(root: int, tmp_path: Path) -> None:
    assert refusal(root, "../outside") == errno.EXDEV
    assert refusal(root, "sub/../../outside") == errno.EXDEV
    assert refusal(root, str(tmp_path / "outside")) == errno.EXDEV


def test_no_link_is_followed_wherever_it_stands(root: int, tmp_path: Path) -> None:
    (tmp_path / "tree" / "last").symlink_to("sub/file")
    (tmp_path / "tree" / "way").symlink_to("sub")
    assert refusal(root, "last") == errno.ELOOP
    assert refusal(root, "way/file") == errno.ELOOP


def test_a_missing_file_and_a_name_with_nul_are_told_apart(root: int) -> None:
    assert refusal(root, "none") == errno.ENOENT
    assert refusal(root, "no\0ne") == errno.EINVAL


def test_another_mount_is_refused_when_asked_for() -> None:
    slash = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert refusal(slash, "proc/self", INSIDE | NO_XDEV) == errno.EXDEV
        assert refusal(slash, "proc/uptime") is None
    finally:
        os.close(slash)
