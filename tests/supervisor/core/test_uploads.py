"""Names of uploaded files."""

from __future__ import annotations

import pytest

from supervisor.core.uploads import NAME_MAX, check_upload_name
from workers.errors import Refused


@pytest.mark.parametrize("name", ["a", "Screenshot 2026-01-01 (2).png", "résumé.pdf", "日本.txt", "a" * NAME_MAX, "a~"])
def test_what_files_are_called_is_taken(name: str) -> None:
    assert check_upload_name(name) == name


def test_a_name_is_composed() -> None:
    assert check_upload_name("re\u0301sume\u0301") == "résumé"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", ".hidden", "-rf", "~root", " a", "a ", "a/b", "a\0b", "a\nb", "\x1b[31m", "a\u202eb"),
        *("a\u200bb", "a\u2028b", "a\u00a0b", "a\udcffb", "a\ud800b", "a\ufffdb", "é" * (NAME_MAX // 2 + 1)),
    ],
)
def test_what_could_be_taken_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        check_upload_name(name)
    assert caught.value.code == "invalid"
    assert caught.value.fields["field"] == "name"
