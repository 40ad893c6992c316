"""Each setting by itself: where it may stand, which place counts, and what it may be."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.options import Found, Option, Origin, Unusable, find, options, settle

ALL = {option.key: option for option in options("vm", ("shell", "echo"))}
FILE = Origin("file", "box.toml:3")
RUNTIME = Origin("runtime", "flag", "owner", "2026-01-01T00:00:00.000Z")


def from_text(key: str, text: str) -> Any:
    option = ALL[key]
    return option.check(option.read(text), option.path)


def test_the_order_is_flag_environment_run_time_file_default() -> None:
    option = ALL["capacity"]
    environ = {"RC_CAPACITY": "2"}
    runtime, file = Found(3, RUNTIME), Found(4, FILE)

    def value(found: list[Found]) -> tuple[Any, str]:
        value, origin = settle(option, found)
        return value, origin.source

    assert value(find(option, {"capacity": 1}, environ, runtime, file)) == (1, "flag")
    assert value(find(option, {"capacity": None}, environ, runtime, file)) == (2, "environment")
    assert value(find(option, {}, {}, runtime, file)) == (3, "runtime")
    assert value(find(option, {}, {}, None, file)) == (4, "file")
    assert value(find(option, {}, {}, None, None)) == (32, "default")


def test_a_value_that_cannot_be_used_is_refused_with_its_place() -> None:
    with pytest.raises(Unusable, match=r"^RC_CAPACITY: this is a whole number from 1 to 1024$"):
        settle(ALL["capacity"], find(ALL["capacity"], {}, {"RC_CAPACITY": "many"}, None, None))


def test_a_remembered_value_that_cannot_be_used_any_more_is_passed_over() -> None:
    gone = Found("codex", RUNTIME)
    assert settle(ALL["default_agent"], [gone, Found("echo", FILE)]) == ("echo", FILE)


def test_a_setting_goes_by_its_name_or_its_flag_in_the_environment() -> None:
    assert ALL["spawn_mode"].variables == ("RC_SPAWN_MODE", "RC_SPAWN")
    assert ALL["log_json"].variables == ("RC_LOG_JSON",)
    assert ALL["terminal_keep"].variables == ("RC_TERMINAL_KEEP",)


def test_variables_are_texts_and_become_what_the_setting_is() -> None:
    assert from_text("listen", "127.0.0.1:1, [::1]:0") == ("127.0.0.1:1", "[::1]:0")
    assert from_text("verbose", "1") is True
    assert from_text("create_session_in_dir", "No") is False
    assert from_text("terminal_keep", "16 MiB") == 16 << 20
    assert from_text("environment", "staging") == "staging"
    assert from_text("spawn_mode", "worktree") == "worktree"
    assert from_text("name", "my box") == "my box"
    assert from_text("tls_cert", "~/cert.pem") == "~/cert.pem"
    assert from_text("behind_proxy", "10.0.0.1, fd00::/64,") == ("10.0.0.1/32", "fd00::/64")
    assert from_text("public_url", "https://Box.example:443/, https://box.example") == ("https://box.example",)


def test_an_empty_text_takes_away_what_was_remembered() -> None:
    for key, empty in (("behind_proxy", ()), ("public_url", ()), ("tls_cert", "")):
        given = {key: "" if key == "tls_cert" else ("",)}
        assert settle(ALL[key], find(ALL[key], given, {}, Found("/x", RUNTIME), None))[0] == empty


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 1),
        ("name", "a\x1b[31m"),
        ("spawn_mode", "tree"),
        ("capacity", 0),
        ("capacity", 1025),
        ("default_agent", "nobody"),
        ("environment", "production"),
        ("verbose", "perhaps"),
        ("terminal_keep", "1 MiB"),
        ("room_octets", "2000 TiB"),
        ("room_percent", 101),
        ("tls_cert", "cert.pem"),
        ("tls_key", 1),
        ("tls_key", "/a\0b"),
        ("behind_proxy", "10.0.0.1"),
        ("behind_proxy", ["proxy.example"]),
        ("behind_proxy", ["10.0.0.1/8"]),
        ("public_url", "https://box.example"),
        ("public_url", ["https://box.example/path"]),
    ],
)
def test_what_a_setting_may_not_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(Unusable):
        settle(ALL[key], [Found(value, FILE)])


def default_of(option: Option) -> Any:
    return option.check(option.default, option.path)


def test_every_default_would_be_taken_from_a_file() -> None:
    for option in ALL.values():
        assert default_of(option) == option.default
