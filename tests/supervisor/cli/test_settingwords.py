"""Settings in words."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.cli import settingwords


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("terminal_keep", 64 << 20, "64.0 MiB"),
        ("room_percent", 5, "5"),
        ("capacity", 1024, "1024"),
        ("verbose", True, "yes"),
        ("log_json", False, "no"),
        ("environment", "", "-"),
        ("name", None, "-"),
        ("listen", ["a:1", "b:2"], "a:1 b:2"),
        ("listen", (), "-"),
    ],
)
def test_a_value_is_shown_as_people_write_it(key: str, value: object, text: str) -> None:
    assert settingwords.value({"key": key, "value": value}) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"source": "default"}, "by default"),
        ({"source": "flag", "where": "--name"}, "by its flag (--name)"),
        ({"source": "environment", "where": "RC_NAME"}, "by a variable (RC_NAME)"),
        ({"source": "file", "where": "box.toml, line 3"}, "in the file (box.toml, line 3)"),
        ({"source": "runtime", "where": "flag", "who": "owner", "at": "T"}, "by a flag by owner at T"),
        ({"source": "runtime", "who": "ana", "at": "T"}, "at run time by ana at T"),
        ({"source": "runtime"}, "at run time"),
    ],
)
def test_its_origin_is_told(facts: dict[str, Any], text: str) -> None:
    assert settingwords.origin(facts) == text


def test_both_stand_under_their_heads() -> None:
    setting = {"key": "name", "value": "box", "source": "default"}
    assert settingwords.row(setting) == ["name", "box", "by default"]
    assert len(settingwords.HEADS) == 3
